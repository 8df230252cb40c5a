// The host's side: which manager a container's cgroups have.

package libcontainer

import (
	"fmt"
	"reflect"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/group"
	"github.com/libcontainer/libcontainer/configs"
)

// The values of State.CgroupManager.
const (
	managerCgroupfs = string(group.Cgroupfs)
	managerSystemd  = string(group.Systemd)
)

// Cgroupfs is an options func to configure a LinuxFactory to return containers
// that use the native cgroups filesystem implementation to create and manage
// cgroups: package cgroups/fs2 where the machine has cgroup v2 alone, and cgroups/fs
// elsewhere. It is the default. With the option it is used for containers that are
// loaded, too, whatever made them; without, these keep their manager.
func Cgroupfs(l *LinuxFactory) error {
	l.NewCgroupsManager = cgroupfsManager
	return nil
}

// SystemdCgroups is an options func to configure a LinuxFactory to return
// containers that use systemd to create and manage cgroups: each is a scope, see
// package cgroups/systemd. Where systemd is not the init system, or does not answer,
// the error of a container's start says so; systemd.UseSystemd tells it before.
func SystemdCgroups(l *LinuxFactory) error {
	l.NewCgroupsManager = systemdManager
	return nil
}

func cgroupfsManager(config *configs.Cgroup, paths map[string]string) cgroups.Manager {
	return group.NewDriver(group.Cgroupfs, config, paths)
}

func systemdManager(config *configs.Cgroup, paths map[string]string) cgroups.Manager {
	return group.NewDriver(group.Systemd, config, paths)
}

// defaultManager is a function of its own so that it can be told from the choice of
// Cgroupfs.
func defaultManager(config *configs.Cgroup, paths map[string]string) cgroups.Manager {
	return cgroupfsManager(config, paths)
}

// newManager makes the manager that was chosen or, if none was, the one that has made the
// container's cgroups: kept is State.CgroupManager, "" for a new container and for one
// whose state does not tell.
func (l *LinuxFactory) newManager(config *configs.Cgroup, paths map[string]string, kept string) cgroups.Manager {
	if l.choseManager() {
		return l.NewCgroupsManager(config, paths)
	}
	if kept == managerSystemd {
		return systemdManager(config, paths)
	}
	return cgroupfsManager(config, paths)
}

// checkManager refuses a State.CgroupManager that newManager does not know.
func (l *LinuxFactory) checkManager(kept string) error {
	switch kept {
	case "", managerCgroupfs, managerSystemd:
		return nil
	}
	if l.choseManager() {
		return nil
	}
	return fmt.Errorf("unknown cgroup manager %q", kept)
}

// choseManager tells whether an option, or the caller, has set NewCgroupsManager.
func (l *LinuxFactory) choseManager() bool {
	return l.NewCgroupsManager != nil &&
		reflect.ValueOf(l.NewCgroupsManager).Pointer() != reflect.ValueOf(defaultManager).Pointer()
}

// managerName is what State.CgroupManager says of a driver.
func managerName(d cgroups.Driver) string { return string(group.ManagerOf(d)) }
