//go:build linux

package group

import (
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/fs"
	"github.com/libcontainer/libcontainer/cgroups/fs2"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgpick"
	"github.com/libcontainer/libcontainer/cgroups/systemd"
	"github.com/libcontainer/libcontainer/configs"
)

// Manager is who makes and removes directories of cgroups. The values are those of
// libcontainer's State.CgroupManager.
type Manager string

const (
	// Cgroupfs makes the directories itself: package cgroups/fs2 where the machine has
	// cgroup v2 alone, and cgroups/fs elsewhere.
	Cgroupfs Manager = "cgroupfs"

	// Systemd has systemd make them, see package cgroups/systemd.
	Systemd Manager = "systemd"
)

const sliceSuffix = ".slice"

// ManagerFor returns the manager that the names of a configuration mean, as the package's
// documentation has it.
func ManagerFor(cgroup *configs.Cgroup) Manager {
	if cgroup == nil || cgroup.Path != "" || len(cgroup.Paths) > 0 || strings.Contains(cgroup.Parent, "/") {
		return Cgroupfs
	}
	unit := strings.HasSuffix(cgroup.Parent, sliceSuffix) || strings.HasSuffix(cgroup.Name, sliceSuffix)
	if unit || cgroup.ScopePrefix != "" || len(cgroup.SystemdProperties) > 0 {
		return Systemd
	}
	return Cgroupfs
}

// NewDriver returns the driver of a manager that fits the machine's layout. The paths are
// nil for cgroups that do not exist yet, and else those of an earlier driver's GetPaths.
func NewDriver(manager Manager, cgroup *configs.Cgroup, paths map[string]string) cgroups.Driver {
	if manager == Systemd {
		return &systemd.Manager{Cgroups: cgroup, Paths: paths}
	}
	// Whatever is wrong with the mounts, the driver says when it is used.
	layout, _ := cgroups.DetectLayout()
	return cgpick.Manager(layout, cgroup, paths)
}

// ManagerOf returns the manager that a driver is of, "" for one of another package.
func ManagerOf(driver cgroups.Driver) Manager {
	switch driver.(type) {
	case *fs.Manager, *fs2.Manager:
		return Cgroupfs
	case *systemd.Manager:
		return Systemd
	}
	return ""
}
