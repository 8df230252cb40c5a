//go:build linux

package fs

import (
	"errors"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
)

// missing returns the error for something that needs the cgroup of a controller
// which the container does not have, or any at all for "".
func (m *Manager) missing(key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Cgroups == nil || !m.Cgroups.Optional {
		if key == "" {
			return errors.New("the container has no cgroups")
		}
		return cgroups.NewNotFoundError(key)
	}
	err, ok := m.refused[key]
	if keys := slices.Sorted(maps.Keys(m.refused)); !ok && key == "" && len(keys) > 0 {
		err = m.refused[keys[0]]
	}
	return &cgtree.RefusedError{Key: key, Err: err}
}

// refuse remembers why the container does without the cgroups of keys.
func (m *Manager) refuse(keys []string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refused == nil {
		m.refused = make(map[string]error)
	}
	for _, key := range keys {
		m.refused[key] = err
	}
}

// leaveOut gives up a cgroup that could be made but not be entered because of
// err. On cgroup v2, for one, a process is moved only by who may write to
// cgroup.procs of the cgroup above both its old and its new one. If the container
// needs the cgroup for a limit, or has processes in it, it returns err. The caller
// holds ops.
func (m *Manager) leaveOut(path string, err error) error {
	if m.joins() || !m.Cgroups.Optional {
		return err
	}
	paths := m.GetPaths()
	var keys []string
	for key, p := range paths {
		if p == path {
			keys = append(keys, key)
		}
	}
	if m.needs(keys) {
		return err
	}
	if rmErr := unix.Rmdir(path); rmErr != nil && !errors.Is(rmErr, unix.ENOENT) {
		return err
	}
	for _, key := range keys {
		delete(paths, key)
	}
	m.made = slices.DeleteFunc(m.made, func(made string) bool { return made == path })
	m.refuse(keys, err)
	m.setPaths(paths)
	return nil
}

// needs tells whether the configuration has a limit for one of the keys.
func (m *Manager) needs(keys []string) bool {
	if m.Cgroups.Resources == nil {
		return false
	}
	if u, err := m.unified(m.Cgroups.Resources); slices.Contains(keys, "") && (err != nil || u.asked()) {
		return true
	}
	return slices.ContainsFunc(m.controllers(), func(c controller) bool {
		request, _ := c.asks(m.Cgroups.Resources)
		return request == required && slices.Contains(keys, c.key())
	})
}
