//go:build linux

// Package cgmanager is what the managers of packages fs, fs2 and systemd have in
// common: which directories the container has, which of them and of their parents a
// manager has made, and why those are missing that are optional.
package cgmanager

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/configs"
)

// State is what a manager remembers beside its two fields. The zero value is that of a
// new manager.
type State struct {
	// Ops is held by what changes cgroups, for its whole duration.
	Ops sync.Mutex

	// Features are those of cgroup v2.
	Features cgfeature.Set

	// Snapshot and Kind let tests work on a tree of plain files.
	Snapshot *cgroups.Snapshot
	Kind     cgdir.Kind

	// mu guards the manager's Paths, refused, used, bound and kept, and may be taken while Ops is
	// held.
	mu sync.Mutex

	// used is set when the manager plans, makes or removes cgroups: from then on it
	// knows itself which there are.
	used bool

	// refused holds why optional cgroups could not be made or entered.
	refused map[string]error

	// bound is what waits end with, nil for nothing. Guarded by mu.
	bound context.Context

	// kept are the directories that are open as long as there is a bound, by their paths;
	// nil if there is none. Guarded by mu.
	kept map[string]*keptDir

	// made lists the directories which this manager has made, a parent before what is
	// in it. Guarded by Ops.
	made []string
}

// Version is what is not common: where the directories are, and what is done with
// them. Its methods are called with Ops held, but for Targets, Lacks
// and Joined.
type Version interface {
	// Targets computes the container's directories.
	Targets(s *cgroups.Snapshot) ([]cgtree.Target, error)

	// Lacks tells whether the configuration has a limit that needs a hierarchy which the
	// snapshot does not have.
	Lacks(s *cgroups.Snapshot) bool

	// Joined returns the existing cgroups that the container joins.
	Joined() (map[string]string, error)

	// Created is called when directories are there that the container does not join.
	// Those made are new.
	Created(s *cgroups.Snapshot, made []string)

	// Ahead is called when Create has tried to make the cgroups ahead of the first
	// process.
	Ahead(done bool)

	// Move moves the process pid to all of the container's cgroups.
	Move(pid int) error

	// Needs tells whether the configuration has a limit for one of the keys.
	Needs(keys []string) bool

	// Reset forgets what is known of cgroups that are gone.
	Reset()
}

// Base is the common part of a manager. A manager is made by its two fields alone, so
// that Base is put together for the time of a call.
type Base struct {
	Cgroups *configs.Cgroup
	Paths   *map[string]string
	State   *State

	// Version may be nil if the methods that make and remove cgroups are not called.
	Version Version
}

// Joins reports whether the container joins existing cgroups.
func (b Base) Joins() bool { return b.Cgroups != nil && len(b.Cgroups.Paths) > 0 }

// Optional reports whether the container can do without cgroups.
func (b Base) Optional() bool { return b.Cgroups != nil && b.Cgroups.Optional }

// GetPaths returns a copy of the container's directories.
func (b Base) GetPaths() map[string]string {
	b.State.mu.Lock()
	defer b.State.mu.Unlock()
	paths := maps.Clone(*b.Paths)
	if paths == nil {
		paths = make(map[string]string)
	}
	return paths
}

// SetPaths replaces the container's directories.
func (b Base) SetPaths(paths map[string]string) {
	b.State.mu.Lock()
	defer b.State.mu.Unlock()
	*b.Paths = paths
}

// Use notes that the manager is about to plan, make or remove cgroups.
func (b Base) Use() {
	b.State.mu.Lock()
	defer b.State.mu.Unlock()
	b.State.used = true
}

// Unused tells whether the manager was made without Paths, for a container that has
// cgroups perhaps, and nothing has been done with it yet.
func (b Base) Unused() bool {
	b.State.mu.Lock()
	defer b.State.mu.Unlock()
	return b.Cgroups != nil && *b.Paths == nil && !b.State.used
}

// Existing is GetPaths. Of a manager that is unused, as the classic library's callers
// make it to look at a container, these are the directories that Cgroups names, as far as
// they exist.
func (b Base) Existing() (map[string]string, error) {
	if !b.Unused() {
		return b.GetPaths(), nil
	}
	return b.Find()
}

// Find returns those of the directories that Cgroups names which exist, whatever the
// manager has done.
func (b Base) Find() (map[string]string, error) {
	if b.Cgroups == nil {
		return map[string]string{}, nil
	}
	if b.Joins() {
		return b.Version.Joined()
	}
	s, err := cgtree.Snapshot(b.State.Snapshot)
	if err != nil {
		return nil, err
	}
	targets, err := b.Version.Targets(s)
	if err != nil {
		return nil, err
	}
	return cgtree.PathMap(slices.DeleteFunc(targets, func(t cgtree.Target) bool { return !cgroups.PathExists(t.Path()) })), nil
}

// leaves returns the directories without their keys.
func (b Base) leaves() []string { return slices.Collect(maps.Values(b.GetPaths())) }

// MadeParents returns the parents of the container's cgroups that this manager has
// made, each before what is in it.
func (b Base) MadeParents() []string {
	b.State.Ops.Lock()
	defer b.State.Ops.Unlock()
	return cgtree.Parents(b.State.made, b.leaves())
}

// AdoptParents makes Destroy remove parents that an earlier manager has made, as its
// MadeParents told. Paths that do not lead to the container's cgroups are ignored.
func (b Base) AdoptParents(parents []string) {
	b.State.Ops.Lock()
	defer b.State.Ops.Unlock()
	b.State.made = append(b.State.made, cgtree.Above(parents, b.leaves())...)
}

// Limits returns what Set has to set: nil if there are no limits, and for cgroups that
// are joined.
func (b Base) Limits(container *configs.Config) *configs.Resources {
	if container == nil || container.Cgroups == nil || b.Joins() || len(container.Cgroups.Paths) > 0 {
		return nil
	}
	return container.Cgroups.Resources
}

// Kill sends SIGKILL to all processes of the container at once, if it has a directory
// of cgroup v2. For one that was joined the error is errors.ErrUnsupported, since there
// may be processes of others in it, and on Linux before 5.14.
func (b Base) Kill() error {
	paths := b.GetPaths()
	path, ok := paths[""]
	switch {
	case len(paths) == 0:
		return nil
	case !ok, b.Joins():
		return errors.ErrUnsupported
	}
	return cglimit.Kill(path, b.State.Kind, &b.State.Features)
}

// Missing returns the error for something that needs the cgroup of a controller
// which the container does not have, or any at all for "".
func (b Base) Missing(key string) error {
	b.State.mu.Lock()
	defer b.State.mu.Unlock()
	if !b.Optional() {
		if key == "" {
			return errors.New("the container has no cgroups")
		}
		return cgroups.NewNotFoundError(key)
	}
	err, ok := b.State.refused[key]
	if keys := slices.Sorted(maps.Keys(b.State.refused)); !ok && key == "" && len(keys) > 0 {
		err = b.State.refused[keys[0]]
	}
	return &cgtree.RefusedError{Key: key, Err: err}
}

// Refuse remembers why the container does without the cgroups of keys.
func (b Base) Refuse(keys []string, err error) {
	b.State.mu.Lock()
	defer b.State.mu.Unlock()
	if b.State.refused == nil {
		b.State.refused = make(map[string]error)
	}
	for _, key := range keys {
		b.State.refused[key] = err
	}
}

// LeaveOut gives up a cgroup that could be made but not be entered because of
// err. On cgroup v2, for one, a process is moved only by who may write to
// cgroup.procs of the cgroup above both its old and its new one. If the container
// needs the cgroup for a limit, or has processes in it, it returns err. The caller
// holds Ops.
func (b Base) LeaveOut(path string, err error) error {
	if b.Joins() || !b.Optional() {
		return err
	}
	paths := b.GetPaths()
	var keys []string
	for key, p := range paths {
		if p == path {
			keys = append(keys, key)
		}
	}
	if b.Version.Needs(keys) {
		return err
	}
	if rmErr := unix.Rmdir(path); rmErr != nil && !errors.Is(rmErr, unix.ENOENT) {
		return err
	}
	for _, key := range keys {
		delete(paths, key)
	}
	b.State.made = cgtree.Parents(b.State.made, []string{path})
	b.Refuse(keys, err)
	b.SetPaths(paths)
	return nil
}
