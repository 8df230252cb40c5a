//go:build linux

package systemd

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgpick"
	"github.com/libcontainer/libcontainer/configs"
)

// files is the manager of the directories that belong to a unit.
type files = cgpick.Files

// host is the machine, which tests replace.
type host struct {
	bus    bus
	layout func() (cgroups.Layout, error)
	files  func(layout cgroups.Layout, cg *configs.Cgroup, paths map[string]string) files

	// existing gives those directories of a cgroup with an absolute path that exist.
	existing func(cg *configs.Cgroup) (map[string]string, error)

	// cgroupsOf reads /proc/[pid]/cgroup.
	cgroupsOf func(pid int) (map[string]string, error)

	// makeSub makes the directory of a cgroup in that of a unit.
	makeSub func(dir string) error
}

func thisHost() *host {
	return &host{
		bus:      shared(),
		layout:   cgroups.DetectLayout,
		files:    cgpick.Manager,
		existing: existingDirs,
		cgroupsOf: func(pid int) (map[string]string, error) {
			return cgroups.ParseCgroupFile(fmt.Sprintf("/proc/%d/cgroup", pid))
		},
		makeSub: makeSub,
	}
}

func existingDirs(cg *configs.Cgroup) (map[string]string, error) {
	snapshot, err := cgroups.CurrentSnapshot()
	if err != nil {
		return nil, err
	}
	paths := make(map[string]string)
	for _, h := range snapshot.Hierarchies() {
		dir := path.Join(h.Mountpoint, cg.Parent, cg.Name)
		if !cgroups.PathExists(dir) {
			continue
		}
		for _, key := range h.Keys {
			paths[key] = dir
		}
	}
	return paths, nil
}

// target is what a container's unit is and where its cgroups are.
type target struct {
	unit, slice string
	layout      cgroups.Layout
	facts       facts

	// cg names the same cgroups as the unit does, for files.
	cg *configs.Cgroup

	// cgroup is the path that the unit has in each hierarchy.
	cgroup string
}

// target finds out what the container's unit is.
func (m *Manager) target(ctx context.Context) (*target, error) {
	unit, err := unitName(m.Cgroups)
	if err != nil {
		return nil, err
	}
	if _, err := extraProperties(m.Cgroups); err != nil {
		return nil, err
	}
	layout, err := m.host().layout()
	if err != nil {
		return nil, err
	}
	known, err := m.host().bus.facts(ctx)
	if err != nil {
		return nil, fmt.Errorf("the unit %s: %w", unit, err)
	}
	if known.version < oldestVersion {
		return nil, fmt.Errorf("the unit %s needs systemd %d, and this is systemd %d", unit, oldestVersion, known.version)
	}
	fallback := "system.slice"
	if known.user {
		fallback = "app.slice"
	}
	slice, err := parentSlice(m.Cgroups, fallback)
	if err != nil {
		return nil, err
	}
	t := &target{unit: unit, slice: slice, layout: layout, facts: known}
	t.cgroup = known.root + cgroupOf(slice, unit)
	t.cg = placed(m.Cgroups, t.cgroup)
	return t, nil
}

// placed gives the configuration of the cgroup with an absolute path.
func placed(cg *configs.Cgroup, cgroup string) *configs.Cgroup {
	placed := *cg
	placed.Parent, placed.Name, placed.ScopePrefix = path.Dir(cgroup), path.Base(cgroup), ""
	return &placed
}

// devicesKey is the controller whose limits systemd takes away, with cgroup v1,
// when it writes its own: "all", and then what its properties have, which is not
// all that a configuration can ask for. The kernel refuses "all" for a cgroup that
// has another one in it (devices.rst). So in this hierarchy the container is in a
// cgroup in its unit's, which is the delegated unit's right.
const (
	devicesKey = "devices"
	devicesSub = "container"
)

// withSub gives paths with the one of the devices controller below its unit's.
func withSub(paths map[string]string) map[string]string {
	unit, ok := paths[devicesKey]
	if !ok {
		return paths
	}
	paths = maps.Clone(paths)
	for key, p := range paths {
		if p == unit {
			paths[key] = path.Join(unit, devicesSub)
		}
	}
	return paths
}

// withoutSub gives the directories of the unit itself.
func withoutSub(paths map[string]string) map[string]string {
	paths = maps.Clone(paths)
	for key, p := range paths {
		if path.Base(p) == devicesSub && p == paths[devicesKey] {
			paths[key] = path.Dir(p)
		}
	}
	return paths
}

// systemdKey is the hierarchy in which systemd keeps its cgroups.
func systemdKey(layout cgroups.Layout) string {
	if layout == cgroups.LayoutV2 {
		return ""
	}
	return "name=systemd"
}

// madeBySystemd tells whether systemd makes a unit's cgroup in the hierarchy.
func madeBySystemd(key string) bool {
	return slices.Contains([]string{"", "name=systemd", "cpu", "cpuacct", "blkio", "memory", devicesKey, "pids"}, key)
}

// ownParents gives those directories above the container's that systemd does not
// make, and remove, itself.
func (t *target) ownParents(paths map[string]string, parents []string) []string {
	return slices.DeleteFunc(slices.Clone(parents), func(parent string) bool {
		for key, p := range paths {
			if madeBySystemd(key) && strings.HasPrefix(p, parent+"/") {
				return true
			}
		}
		return false
	})
}
