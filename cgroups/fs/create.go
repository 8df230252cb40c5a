//go:build linux

package fs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/configs"
)

// Plan returns what GetPaths will return after Create, and those parents that do
// not exist yet, each before what is in it; it makes nothing. It lets a caller
// record the directories before they exist, so that they can be collected
// whenever the caller dies: a Manager with such Paths, which adopts such parents,
// can Destroy them whether or not they were made.
func (m *Manager) Plan() (paths map[string]string, parents []string, err error) {
	if m.Cgroups == nil {
		return map[string]string{}, nil, nil
	}
	if m.joins() {
		return maps.Clone(m.Cgroups.Paths), nil, nil
	}
	s, err := cgtree.Snapshot(m.snapshot)
	if err != nil {
		return nil, nil, err
	}
	targets, err := plan(s, m.Cgroups)
	if err != nil {
		return nil, nil, err
	}
	return cgtree.Plan(targets)
}

// create makes the cgroups and sets Paths. It returns the directories it made.
// The caller holds ops.
func (m *Manager) create() ([]string, error) {
	if m.joins() {
		return nil, m.joinExisting()
	}
	return cgtree.WithSnapshot(m.snapshot, m.createIn)
}

// createIn makes the cgroups in the hierarchies of s.
func (m *Manager) createIn(s *cgroups.Snapshot) ([]string, error) {
	targets, err := plan(s, m.Cgroups)
	if err != nil {
		return nil, err
	}
	c := cgtree.Creator{Kind: m.kind}
	usable := targets[:0]
	for _, t := range targets {
		err := c.Create(t)
		if m.Cgroups.Optional && cgtree.NotPermitted(err) {
			m.refuse(t.Keys, err)
			continue
		}
		if err != nil {
			cgtree.RemoveMade(c.Made)
			return nil, fmt.Errorf("make the cgroup for %s: %w", strings.Join(t.Keys, ","), err)
		}
		usable = append(usable, t)
	}
	m.made = append(m.made, c.Made...)
	paths := cgtree.PathMap(usable)
	m.devices = deviceState{known: slices.Contains(c.Made, paths["devices"])}
	m.setPaths(paths)
	return c.Made, nil
}

// joinExisting takes over the paths of the configuration, which must exist.
func (m *Manager) joinExisting() error {
	for key, path := range m.Cgroups.Paths {
		err := m.withDir(path, func(*cgdir.Dir) error { return nil })
		if err != nil {
			return fmt.Errorf("join the cgroup for %s: %w", key, err)
		}
	}
	m.setPaths(maps.Clone(m.Cgroups.Paths))
	return nil
}

// undoCreate undoes a create which had returned made.
func (m *Manager) undoCreate(made []string, paths map[string]string) {
	cgtree.RemoveMade(made)
	m.made = m.made[:len(m.made)-len(made)]
	m.devices = deviceState{}
	m.setPaths(paths)
}

// MadeParents returns the parents of the container's cgroups that this manager
// has made, each before what is in it.
func (m *Manager) MadeParents() []string {
	m.ops.Lock()
	defer m.ops.Unlock()
	leaves := slices.Collect(maps.Values(m.GetPaths()))
	return cgtree.Parents(m.made, leaves)
}

// AdoptParents makes Destroy remove parents that an earlier manager has made, as
// its MadeParents told. Paths that do not lead to the container's cgroups are
// ignored.
func (m *Manager) AdoptParents(parents []string) {
	m.ops.Lock()
	defer m.ops.Unlock()
	leaves := slices.Collect(maps.Values(m.GetPaths()))
	m.made = append(m.made, cgtree.Above(parents, leaves)...)
}

// plan computes the directories of a container.
func plan(s *cgroups.Snapshot, cg *configs.Cgroup) ([]cgtree.Target, error) {
	if s.Layout() == cgroups.LayoutV2 {
		return nil, errors.New("cgroups/fs: the machine has only cgroup v2 mounted; this manager is for cgroup v1 and the hybrid layout")
	}
	names, absolute, err := cgtree.Names(cg)
	if err != nil {
		return nil, err
	}
	var targets []cgtree.Target
	for _, h := range s.Hierarchies() {
		base := h.Own
		if absolute {
			base = h.Mountpoint
		}
		if base == "" {
			return nil, fmt.Errorf("the mount %s does not show this process's own cgroup for %s; an absolute Cgroups.Parent is needed",
				h.Mountpoint, strings.Join(h.Keys, ","))
		}
		t := cgtree.Target{Keys: h.Keys, Base: base, Names: names}
		if slices.Contains(h.Keys, "cpuset") {
			t.Fill = inheritCpuset
		}
		targets = append(targets, t)
	}
	if len(targets) == 0 {
		return nil, cgroups.NewNotFoundError("")
	}
	return targets, nil
}
