//go:build linux

package cgv2

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
)

const (
	controllersFile = "cgroup.controllers"
	subtreeFile     = "cgroup.subtree_control"
)

// statistics are the controllers that are enabled without being asked for, where
// that can be done, since they tell what a container uses and cost little. The
// cpu controller is not one: cpu.stat has the usage without it, and it forbids
// realtime processes.
var statistics = [...]string{"io", "memory", "pids"}

// EnableWanted enables the statistics and what the limits of a new container need, as
// far as that can be. Set tells what is missing.
func (c *Cgroup) EnableWanted(l Limits) {
	wanted := slices.Concat(statistics[:], l.requires())
	slices.Sort(wanted)
	has, _ := readWords(c.Dir, controllersFile)
	if wanted = without(slices.Compact(wanted), has); len(wanted) == 0 {
		return
	}
	if s, err := cgtree.Snapshot(c.Snapshot); err == nil {
		_ = enable(s, c.Dir, wanted)
	}
}

// enable makes the cgroups above leaf hand the controllers wanted down to it. A
// controller is enabled from the mountpoint on, or from the cgroup nearest to leaf
// that was delegated to this process. What is enabled in cgroups that were there
// before stays enabled. As many are enabled as can be; the error is about the
// others.
func enable(s *cgroups.Snapshot, leaf *cgdir.Dir, wanted []string) error {
	h, err := s.Find("")
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range handsDown(leaf.Path(""), h.Mountpoint) {
		refused, err := enableAt(path, leaf.Kind(), wanted)
		wanted = without(wanted, refused)
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func enableAt(path string, kind cgdir.Kind, wanted []string) (refused []string, err error) {
	dir, err := cgdir.Open(path, kind)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return enableIn(dir, wanted)
}

// handsDown lists the cgroups above leaf whose cgroup.subtree_control decides what
// leaf has, from the top down.
func handsDown(leaf, mountpoint string) (dirs []string) {
	for dir := leaf; dir != mountpoint && dir != "/"; {
		dir = path.Dir(dir)
		dirs = append(dirs, dir)
		if Delegated(dir) {
			break
		}
	}
	slices.Reverse(dirs)
	return dirs
}

// Delegated tells whether systemd has given the cgroup, with all below it, to the
// service in it, see systemd's CGROUP_DELEGATION document. The first attribute is
// for all to read (systemd 251), the second for the privileged.
func Delegated(dir string) bool {
	for _, name := range []string{"user.delegate", "trusted.delegate"} {
		value := make([]byte, 8)
		n, err := unix.Lgetxattr(dir, name, value)
		if err == nil && string(value[:n]) == "1" {
			return true
		}
	}
	return false
}

// enableIn makes dir hand controllers to the cgroups in it, and returns those
// which it cannot.
func enableIn(dir *cgdir.Dir, wanted []string) (refused []string, err error) {
	enabled, err := readWords(dir, subtreeFile)
	if err != nil {
		return wanted, err
	}
	missing := without(wanted, enabled)
	if len(missing) == 0 {
		return nil, nil
	}
	if err := checkNoProcesses(dir, missing); err != nil {
		return missing, err
	}
	// The kernel takes all or none, and each write costs it time.
	if dir.WriteFile(subtreeFile, "+"+strings.Join(missing, " +")) == nil {
		return nil, nil
	}
	var errs []error
	for _, name := range missing {
		if err := dir.WriteFile(subtreeFile, "+"+name); err != nil {
			refused = append(refused, name)
			errs = append(errs, explainEnable(dir, name, err))
		}
	}
	return refused, errors.Join(errs...)
}

// checkNoProcesses refuses to enable controllers in a cgroup that has processes of its
// own. The kernel does that too, but not where all of them tell threads apart (cpu,
// cpuset, pids): then it makes the cgroup the root of threaded ones, and no other
// controller can be enabled there ever after. The mount's root, and a cgroup that
// somebody has made threaded, may have both.
func checkNoProcesses(dir *cgdir.Dir, names []string) error {
	if kind, err := dir.ReadFile(typeFile); err != nil || strings.TrimSpace(kind) != "domain" {
		return nil
	}
	procs, err := dir.ReadFile(procsFile)
	if err != nil || strings.TrimSpace(procs) == "" {
		return nil
	}
	return explainEnable(dir, strings.Join(names, ", "), unix.EBUSY)
}

// explainEnable says why a controller cannot be enabled.
func explainEnable(dir *cgdir.Dir, name string, err error) error {
	what := fmt.Sprintf("enable the controller %s for the cgroups in %s", name, dir.Path(""))
	switch {
	case errors.Is(err, unix.EBUSY):
		pids, _ := cgroups.GetPids(dir.Path(""))
		return fmt.Errorf("%s: it has processes of its own, %v, and with controllers cgroup v2 allows them only in the cgroups in it: "+
			"move them there, or set Cgroups.Parent to another one (in a systemd service with Delegate=, set DelegateSubgroup= too): %w",
			what, pids, err)
	case dir.Lacks(err):
		has, _ := readWords(dir, controllersFile)
		return fmt.Errorf("%s: that cgroup does not have it itself, only %q: %w", what, has, errors.Join(cgroups.NewNotFoundError(name), err))
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%s: %s: %w", what, describeType(dir), err)
	case name == "cpu" && errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s: the kernel refuses that while realtime processes are in other cgroups than the root: %w", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}
