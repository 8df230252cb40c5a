//go:build linux

package fs2

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
)

// version is cgroup v2.
type version struct{ m *Manager }

// Targets computes the container's directory. There is one hierarchy.
func (v version) Targets(s *cgroups.Snapshot) ([]cgtree.Target, error) {
	h, err := s.Find("")
	if err != nil {
		return nil, err
	}
	names, absolute, err := cgtree.Names(v.m.Cgroups)
	if err != nil {
		return nil, err
	}
	base := h.Mountpoint
	if !absolute {
		if base = relativeBase(h); base == "" {
			return nil, fmt.Errorf("the mount %s does not show this process's own cgroup; an absolute Cgroups.Parent is needed", h.Mountpoint)
		}
	}
	return []cgtree.Target{{Keys: h.Keys, Base: base, Names: names, Fill: cgv2.FillThreaded}}, nil
}

// relativeBase returns the directory in which a container without an absolute
// Parent gets its cgroup, as the package's documentation has it.
func relativeBase(h cgroups.Hierarchy) string {
	if h.Own == "" || h.Own == h.Mountpoint || cgv2.Delegated(h.Own) {
		return h.Own
	}
	return path.Dir(h.Own)
}

// Lacks is about hierarchies of cgroup v1: here there is one, whose controllers are looked up.
func (version) Lacks(*cgroups.Snapshot) bool { return false }

// Joined returns the cgroup to join. On cgroup v2 there is only one, whatever its keys.
func (v version) Joined() (map[string]string, error) {
	paths := slices.Sorted(maps.Values(v.m.Cgroups.Paths))
	if paths = slices.Compact(paths); len(paths) > 1 {
		return nil, fmt.Errorf("join cgroups: Cgroups.Paths has %d different paths %q; on cgroup v2 a process is in one cgroup", len(paths), paths)
	}
	return map[string]string{"": paths[0]}, nil
}

// Created enables what the container will need, as far as that can be.
func (v version) Created(s *cgroups.Snapshot, _ []string) {
	path, ok := v.m.path()
	if !ok {
		return
	}
	_ = v.m.withCgroup(path, func(c *cgv2.Cgroup) error {
		c.Snapshot = s
		c.EnableWanted(cgv2.All(v.m.Cgroups.Resources))
		return nil
	})
}

func (v version) Ahead(done bool) { v.m.start = start{ahead: done} }

func (v version) Move(pid int) error { return v.m.move(pid) }

func (v version) Needs([]string) bool { return cgv2.All(v.m.Cgroups.Resources).Required() != "" }

func (v version) Reset() { v.m.start = start{} }
