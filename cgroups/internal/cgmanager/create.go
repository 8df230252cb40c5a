//go:build linux

package cgmanager

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
)

// Plan returns what GetPaths will return after Create, and those parents that do
// not exist yet, each before what is in it; it makes nothing. It refuses cgroups with
// processes in them.
func (b Base) Plan() (paths map[string]string, parents []string, err error) {
	b.Use()
	switch {
	case b.Cgroups == nil:
		return map[string]string{}, nil, nil
	case b.Joins():
		paths, err = b.Version.Joined()
		return paths, nil, err
	}
	s, err := cgtree.Complete(b.State.Snapshot, b.Version.Lacks)
	if err != nil {
		return nil, nil, err
	}
	targets, err := b.Version.Targets(s)
	if err != nil {
		return nil, nil, err
	}
	return cgtree.Plan(targets)
}

// Apply makes the container's cgroups and moves the process pid into them, unless it is
// -1. On failure what this call has made is removed again.
func (b Base) Apply(pid int) error {
	if pid != -1 && pid <= 0 {
		return fmt.Errorf("apply cgroups: %d is not a process id", pid)
	}
	b.State.Ops.Lock()
	defer b.State.Ops.Unlock()
	b.Use()
	if b.Cgroups == nil {
		return nil
	}
	before := b.GetPaths()
	made, err := b.create()
	if err != nil || pid == -1 {
		return err
	}
	if err := b.Version.Move(pid); err != nil {
		b.undo(made, before)
		return err
	}
	return nil
}

// undo undoes a create which had returned made.
func (b Base) undo(made []string, paths map[string]string) {
	cgtree.RemoveMade(made)
	b.State.made = slices.DeleteFunc(b.State.made, func(dir string) bool { return slices.Contains(made, dir) })
	if len(made) > 0 {
		b.Version.Reset()
	}
	b.SetPaths(paths)
}

// Create makes the container's cgroups and fills GetPaths, with no process in them.
// On failure what this call has made is removed again.
func (b Base) Create() error {
	b.State.Ops.Lock()
	defer b.State.Ops.Unlock()
	b.Use()
	if b.Cgroups == nil {
		return nil
	}
	_, err := b.create()
	b.Version.Ahead(err == nil)
	return err
}

// CreateUnified makes the container's directory of cgroup v2 alone, if there is one.
func (b Base) CreateUnified() (bool, error) {
	b.State.Ops.Lock()
	defer b.State.Ops.Unlock()
	b.Use()
	switch {
	case b.Cgroups == nil:
		return false, nil
	case b.Joins():
		err := b.join()
		return err == nil, err
	}
	_, err := cgtree.WithSnapshot(b.State.Snapshot, b.Version.Lacks, b.createUnifiedIn)
	_, made := b.GetPaths()[""]
	return made, err
}

func (b Base) createUnifiedIn(s *cgroups.Snapshot) ([]string, error) {
	targets, err := b.Version.Targets(s)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(targets, func(t cgtree.Target) bool { return slices.Contains(t.Keys, "") })
	if i < 0 {
		return nil, nil
	}
	return b.createTargets(targets[i : i+1])
}

// create makes the cgroups and sets the paths. It returns the directories it made.
// The caller holds Ops.
func (b Base) create() ([]string, error) {
	if b.Joins() {
		return nil, b.join()
	}
	return cgtree.WithSnapshot(b.State.Snapshot, b.Version.Lacks, b.createIn)
}

// createIn makes the cgroups in the hierarchies of s.
func (b Base) createIn(s *cgroups.Snapshot) ([]string, error) {
	targets, err := b.Version.Targets(s)
	if err != nil {
		return nil, err
	}
	made, err := b.createTargets(targets)
	if err != nil {
		return nil, err
	}
	b.Version.Created(s, made)
	return made, nil
}

// createTargets makes the directories of targets, and sets the paths to those of them that
// can be used. It returns what it made.
func (b Base) createTargets(targets []cgtree.Target) ([]string, error) {
	c := cgtree.Creator{Kind: b.State.Kind}
	usable := targets[:0]
	for _, t := range targets {
		err := c.Create(t)
		if b.Optional() && cgtree.NotPermitted(err) {
			b.Refuse(t.Keys, err)
			continue
		}
		if err != nil {
			cgtree.RemoveMade(c.Made)
			return nil, fmt.Errorf("make the cgroup%s: %w", ofKeys(t.Keys), err)
		}
		usable = append(usable, t)
	}
	b.State.made = append(b.State.made, c.Made...)
	b.SetPaths(cgtree.PathMap(usable))
	return c.Made, nil
}

// join takes over the paths of the configuration, which must exist.
func (b Base) join() error {
	paths, err := b.Version.Joined()
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(paths)) {
		if err := b.WithDir(paths[key], func(*cgdir.Dir) error { return nil }); err != nil {
			return fmt.Errorf("join the cgroup%s: %w", ofKeys([]string{key}), err)
		}
	}
	b.SetPaths(paths)
	return nil
}

// ofKeys tells for errors which cgroup is meant. That of cgroup v2 has no name.
func ofKeys(keys []string) string {
	if names := strings.Join(keys, ","); names != "" {
		return " for " + names
	}
	return ""
}

// Destroy removes the container's cgroups, with the sub-cgroups that the container may
// have made in them, and then those parents which this manager, or that of another
// container, has made and nobody uses any more. Cgroups that were joined stay.
func (b Base) Destroy() error {
	b.State.Ops.Lock()
	defer b.State.Ops.Unlock()
	paths, err := b.Existing()
	if err != nil {
		return err
	}
	b.Use()
	removed := slices.Collect(maps.Values(paths))
	if !b.Joins() {
		if err := cgroups.RemovePathsContext(b.State.Context(), paths); err != nil {
			return err
		}
		if b.Cgroups != nil {
			cgtree.RemoveMade(cgtree.Marked(b.Cgroups, removed))
		}
	}
	cgtree.RemoveMade(cgtree.Parents(b.State.made, removed))
	b.State.made = nil
	b.Version.Reset()
	b.SetPaths(nil)
	return nil
}
