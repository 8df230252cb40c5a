//go:build linux

package fs2

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
)

// missing returns the error for something that needs the cgroup which the
// container does not have.
func (m *Manager) missing() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Cgroups == nil || !m.Cgroups.Optional {
		return errors.New("the container has no cgroups")
	}
	return &cgtree.RefusedError{Err: m.refused}
}

// refuse remembers why the container does without a cgroup.
func (m *Manager) refuse(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refused = err
}

// leaveOut gives up a cgroup that could be made but not be entered because of
// err: a process is moved only by who may write to cgroup.procs of the cgroup
// above both its old and its new one. If the container needs the cgroup for a
// limit, or has processes in it, it returns err. The caller holds ops.
func (m *Manager) leaveOut(path string, err error) error {
	if m.joins() || !m.Cgroups.Optional || m.needsCgroup() {
		return err
	}
	if rmErr := unix.Rmdir(path); rmErr != nil && !errors.Is(rmErr, unix.ENOENT) {
		return err
	}
	m.made = cgtree.Parents(m.made, []string{path})
	m.refuse(err)
	m.setPaths(nil)
	return nil
}

// needsCgroup tells whether the configuration has a limit.
func (m *Manager) needsCgroup() bool {
	return cgv2.All(m.Cgroups.Resources).Required() != ""
}
