//go:build linux

package fs

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
)

// refusedError says that the container runs without a cgroup that was optional.
// cgroups.IsNotFound is true for it.
type refusedError struct {
	key string
	// err is why the cgroup was refused, nil if another process has made the
	// cgroups.
	err error
}

func (e *refusedError) Error() string {
	name := "cgroup for " + e.key
	if e.key == "" {
		name = "cgroup"
	}
	if e.err == nil {
		return fmt.Sprintf("the container has no %s, which is optional and was not permitted or not mounted", name)
	}
	return fmt.Sprintf("the container has no %s, which is optional and was not permitted: %v", name, e.err)
}

func (e *refusedError) Unwrap() []error {
	errs := []error{cgroups.NewNotFoundError(e.key)}
	if e.err != nil {
		errs = append(errs, e.err)
	}
	return errs
}

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
	return &refusedError{key: key, err: err}
}

// notPermitted tells whether making or entering a cgroup failed for want of
// privileges or of a writable mount.
func notPermitted(err error) bool {
	return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EROFS)
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
	return slices.ContainsFunc(m.controllers(), func(c controller) bool {
		request, _ := c.asks(m.Cgroups.Resources)
		return request == required && slices.Contains(keys, c.key())
	})
}
