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

// Plan returns what GetPaths will return after Create, and those parents that do
// not exist yet, each before what is in it; it makes nothing. It lets a caller
// record the directories before they exist, so that they can be collected
// whenever the caller dies: a Manager with such Paths, which adopts such parents,
// can Destroy them whether or not they were made. A cgroup with processes in it
// is refused.
func (m *Manager) Plan() (paths map[string]string, parents []string, err error) {
	switch {
	case m.Cgroups == nil:
		return map[string]string{}, nil, nil
	case m.joins():
		paths, err = m.joinedPath()
		return paths, nil, err
	}
	s, err := cgtree.Snapshot(m.snapshot)
	if err != nil {
		return nil, nil, err
	}
	t, err := m.plan(s)
	if err != nil {
		return nil, nil, err
	}
	return cgtree.Plan([]cgtree.Target{t})
}

// plan computes the container's directory.
func (m *Manager) plan(s *cgroups.Snapshot) (cgtree.Target, error) {
	h, err := s.Find("")
	if err != nil {
		return cgtree.Target{}, err
	}
	names, absolute, err := cgtree.Names(m.Cgroups)
	if err != nil {
		return cgtree.Target{}, err
	}
	base := h.Mountpoint
	if !absolute {
		if base = relativeBase(h); base == "" {
			return cgtree.Target{}, fmt.Errorf("the mount %s does not show this process's own cgroup; an absolute Cgroups.Parent is needed", h.Mountpoint)
		}
	}
	return cgtree.Target{Keys: h.Keys, Base: base, Names: names, Fill: cgv2.FillThreaded}, nil
}

// relativeBase returns the directory in which a container without an absolute
// Parent gets its cgroup, as the package's documentation has it.
func relativeBase(h cgroups.Hierarchy) string {
	if h.Own == "" || h.Own == h.Mountpoint || cgv2.Delegated(h.Own) {
		return h.Own
	}
	return path.Dir(h.Own)
}

// create makes the cgroup and sets Paths. It returns the directories it made.
// The caller holds ops.
func (m *Manager) create() ([]string, error) {
	if m.joins() {
		return nil, m.joinExisting()
	}
	return cgtree.WithSnapshot(m.snapshot, m.createIn)
}

// createIn makes the cgroup in the hierarchy of s. Controllers that cannot be
// enabled are no error yet: Set tells, if they are needed.
func (m *Manager) createIn(s *cgroups.Snapshot) ([]string, error) {
	t, err := m.plan(s)
	if err != nil {
		return nil, err
	}
	c := cgtree.Creator{Kind: m.kind}
	err = c.Create(t)
	if m.Cgroups.Optional && cgtree.NotPermitted(err) {
		m.refuse(err)
		m.made = append(m.made, c.Made...)
		m.setPaths(nil)
		return c.Made, nil
	}
	if err != nil {
		cgtree.RemoveMade(c.Made)
		return nil, fmt.Errorf("make the cgroup: %w", err)
	}
	m.made = append(m.made, c.Made...)
	m.setPaths(cgtree.PathMap([]cgtree.Target{t}))
	_ = m.withCgroup(t.Path(), func(cg *cgv2.Cgroup) error {
		cg.Snapshot = s
		cg.EnableWanted(cgv2.All(m.Cgroups.Resources))
		return nil
	})
	return c.Made, nil
}

// joinedPath returns the cgroup to join. On cgroup v2 there is only one, whatever
// its keys.
func (m *Manager) joinedPath() (map[string]string, error) {
	paths := slices.Sorted(maps.Values(m.Cgroups.Paths))
	if paths = slices.Compact(paths); len(paths) > 1 {
		return nil, fmt.Errorf("join cgroups: Cgroups.Paths has %d different paths %q; on cgroup v2 a process is in one cgroup", len(paths), paths)
	}
	return map[string]string{"": paths[0]}, nil
}

// joinExisting takes over the path of the configuration, which must exist.
func (m *Manager) joinExisting() error {
	paths, err := m.joinedPath()
	if err != nil {
		return err
	}
	if err := m.withCgroup(paths[""], func(*cgv2.Cgroup) error { return nil }); err != nil {
		return fmt.Errorf("join the cgroup: %w", err)
	}
	m.setPaths(paths)
	return nil
}

// MadeParents returns the parents of the container's cgroup that this manager has
// made, each before what is in it.
func (m *Manager) MadeParents() []string {
	m.ops.Lock()
	defer m.ops.Unlock()
	return cgtree.Parents(m.made, slices.Collect(maps.Values(m.GetPaths())))
}

// AdoptParents makes Destroy remove parents that an earlier manager has made, as
// its MadeParents told. Paths that do not lead to the container's cgroup are
// ignored.
func (m *Manager) AdoptParents(parents []string) {
	m.ops.Lock()
	defer m.ops.Unlock()
	m.made = append(m.made, cgtree.Above(parents, slices.Collect(maps.Values(m.GetPaths())))...)
}
