//go:build linux

package fs2

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	controllersFile = "cgroup.controllers"
	subtreeFile     = "cgroup.subtree_control"
	typeFile        = "cgroup.type"
)

// statistics are the controllers that are enabled without being asked for, where
// that can be done, since they tell what a container uses and cost little. The
// cpu controller is not one: cpu.stat has the usage without it, and it forbids
// realtime processes.
var statistics = [...]string{"io", "memory", "pids"}

// wanted returns the controllers to be enabled for a new container.
func (m *Manager) wanted() []string {
	wanted := slices.Clone(statistics[:])
	if m.Cgroups.Resources != nil {
		wanted = append(wanted, requiredBy(m.Cgroups.Resources)...)
	}
	slices.Sort(wanted)
	return slices.Compact(wanted)
}

// enableWanted enables what a new container at path wants, as far as that can be.
func (m *Manager) enableWanted(s *cgroups.Snapshot, path string) {
	wanted := m.wanted()
	_ = m.withDir(path, func(dir *cgdir.Dir) error {
		has, err := readWords(dir, controllersFile)
		wanted = without(wanted, has)
		return err
	})
	if len(wanted) > 0 {
		_ = m.enable(s, path, wanted)
	}
}

// requiredBy returns the controllers without which r cannot be met.
func requiredBy(r *configs.Resources) (names []string) {
	for _, c := range controllers() {
		if request, _ := c.asks(r); request == required {
			names = append(names, c.name())
		}
	}
	return append(names, unifiedControllers(r)...)
}

// enable makes the cgroups above leaf hand the controllers wanted down to it. A
// controller is enabled from the mountpoint on, or from the cgroup nearest to leaf
// that was delegated to this process. What is enabled in cgroups that were there
// before stays enabled. As many are enabled as can be; the error is about the
// others.
func (m *Manager) enable(s *cgroups.Snapshot, leaf string, wanted []string) error {
	h, err := s.Find("")
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range handsDown(leaf, h.Mountpoint) {
		err := m.withDir(path, func(dir *cgdir.Dir) error {
			refused, err := enableIn(dir, wanted)
			wanted = without(wanted, refused)
			return err
		})
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// handsDown lists the cgroups above leaf whose cgroup.subtree_control decides what
// leaf has, from the top down.
func handsDown(leaf, mountpoint string) (dirs []string) {
	for dir := leaf; dir != mountpoint && dir != "/"; {
		dir = path.Dir(dir)
		dirs = append(dirs, dir)
		if delegated(dir) {
			break
		}
	}
	slices.Reverse(dirs)
	return dirs
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
	case errors.Is(err, fs.ErrNotExist) && dir.Exists(procsFile):
		has, _ := readWords(dir, controllersFile)
		return fmt.Errorf("%s: that cgroup does not have it itself, only %q: %w", what, has, errors.Join(cgroups.NewNotFoundError(name), err))
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%s: %s: %w", what, describeType(dir), err)
	case name == "cpu" && errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s: the kernel refuses that while realtime processes are in other cgroups than the root: %w", what, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// describeType tells what a threaded cgroup is, see "Threads" in cgroup-v2.rst.
func describeType(dir *cgdir.Dir) string {
	text, err := dir.ReadFile(typeFile)
	kind := strings.TrimSpace(text)
	switch {
	case err != nil, kind == "domain":
		return "the kernel does not support it there"
	case kind == "domain threaded":
		return "it is the root of threaded cgroups (cgroup.type is \"domain threaded\"), and below it there are only controllers that tell threads apart"
	}
	return fmt.Sprintf("it is among threaded cgroups (cgroup.type is %q), where there are only controllers that tell threads apart", kind)
}

// readWords reads a file with words in one line.
func readWords(dir *cgdir.Dir, file string) ([]string, error) {
	text, err := dir.ReadFile(file)
	return strings.Fields(text), err
}

// without returns what is in list and not in other.
func without(list, other []string) (rest []string) {
	for _, word := range list {
		if !slices.Contains(other, word) {
			rest = append(rest, word)
		}
	}
	return rest
}
