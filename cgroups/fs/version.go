//go:build linux

package fs

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
)

// version is cgroup v1, and the hybrid layout.
type version struct{ m *Manager }

// Targets computes the directories of the container, one in each hierarchy.
func (v version) Targets(s *cgroups.Snapshot) ([]cgtree.Target, error) {
	if s.Layout() == cgroups.LayoutV2 {
		return nil, errors.New("cgroups/fs: the machine has only cgroup v2 mounted; this manager is for cgroup v1 and the hybrid layout")
	}
	names, absolute, err := cgtree.Names(v.m.Cgroups)
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

func (v version) Lacks(s *cgroups.Snapshot) bool {
	r := v.m.Cgroups.Resources
	if r == nil {
		return false
	}
	var unified []string
	looked := false
	return slices.ContainsFunc(v.m.controllers(), func(c controller) bool {
		if request, _ := c.asks(r); request != required {
			return false
		}
		if _, err := s.Find(c.key()); err == nil {
			return false
		}
		if !looked {
			unified, looked = v.m.controllersOf(s), true
		}
		return !slices.Contains(unified, c.key())
	})
}

// controllersOf gives the controllers that the hierarchy of cgroup v2 has, if there is one;
// the rules of devices are a program there.
func (m *Manager) controllersOf(s *cgroups.Snapshot) (names []string) {
	h, err := s.Find("")
	if err != nil {
		return nil
	}
	_ = m.withDir(filepath.Clean(h.Mountpoint), func(dir *cgdir.Dir) error {
		text, err := dir.ReadFile("cgroup.controllers")
		names = append(strings.Fields(text), "devices")
		return err
	})
	return names
}

func (v version) Joined() (map[string]string, error) { return maps.Clone(v.m.Cgroups.Paths), nil }

// Created remembers whether nobody has written rules for devices yet.
func (v version) Created(_ *cgroups.Snapshot, made []string) {
	v.m.devices = deviceState{known: slices.Contains(made, v.m.GetPaths()["devices"])}
}

func (version) Ahead(bool) {}

func (v version) Move(pid int) error {
	for _, stage := range []cgroups.Stage{cgroups.StageSetup, cgroups.StageExec} {
		if err := v.m.enter(pid, stage); err != nil {
			return err
		}
	}
	return nil
}

func (v version) Needs(keys []string) bool {
	r := v.m.Cgroups.Resources
	if r == nil {
		return false
	}
	if u, err := v.m.unified(r); slices.Contains(keys, "") && (err != nil || u.asked()) {
		return true
	}
	return slices.ContainsFunc(v.m.controllers(), func(c controller) bool {
		request, _ := c.asks(r)
		return request == required && slices.Contains(keys, c.key())
	})
}

func (v version) Reset() { v.m.devices = deviceState{} }
