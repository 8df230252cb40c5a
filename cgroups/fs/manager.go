//go:build linux

package fs

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgmanager"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/configs"
)

var _ cgroups.Driver = (*Manager)(nil)

// Manager manages the cgroups of one container. Make one with the two fields
// set; Paths is nil for a container that has no cgroups yet, and the result of
// an earlier manager's GetPaths for one that has. With nil Paths, GetPids, GetAllPids,
// Freeze and Destroy of a manager that has done nothing else are about the cgroups that
// Cgroups names, if they exist. Do not change the fields afterwards. All
// methods are safe for concurrent use.
type Manager struct {
	// Cgroups names the cgroups. If it is nil the container has none.
	Cgroups *configs.Cgroup

	// Paths holds the cgroup directories, keyed as described at
	// cgroups.Manager.GetPaths.
	Paths map[string]string

	state cgmanager.State

	// devices is what is known about the devices cgroup. Guarded by state.Ops.
	devices deviceState
}

// base is what all managers have in common.
func (m *Manager) base() cgmanager.Base {
	return cgmanager.Base{Cgroups: m.Cgroups, Paths: &m.Paths, State: &m.state, Version: version{m}}
}

// Plan returns what GetPaths will return after Create, and those parents that do
// not exist yet, each before what is in it; it makes nothing. It lets a caller
// record the directories before they exist, so that they can be collected
// whenever the caller dies: a Manager with such Paths, which adopts such parents,
// can Destroy them whether or not they were made.
func (m *Manager) Plan() (paths map[string]string, parents []string, err error) {
	return m.base().Plan()
}

// Apply makes the container's cgroups, and moves the process pid with all its
// threads into them. With a pid of -1 they are only made. On failure what this
// call has made is removed again. Limits are not written; see Set.
func (m *Manager) Apply(pid int) (err error) { return m.base().Apply(pid) }

// CreateUnified makes the container's directory in the cgroup v2 mount of the hybrid
// layout, and tells whether there is one, for UnifiedDir. Create makes the others.
func (m *Manager) CreateUnified() (bool, error) { return m.base().CreateUnified() }

// Create makes the container's cgroups and fills GetPaths, with no process in
// them. On failure what this call has made is removed again.
//
// The paths are known before anything is made, see Plan.
func (m *Manager) Create() error { return m.base().Create() }

// EntersEarly returns false: the cgroups are there before the process.
func (m *Manager) EntersEarly() bool { return false }

// Enter moves the process pid, with all its threads, into the hierarchies of
// the stage. Create or Apply comes first. If the cgroups are optional, an empty
// one that may not be entered and that no limit needs is removed again, and is no
// more in GetPaths.
func (m *Manager) Enter(pid int, stage cgroups.Stage) error {
	if pid <= 0 {
		return fmt.Errorf("enter cgroups: %d is not a process id", pid)
	}
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	return m.enter(pid, stage)
}

func (m *Manager) enter(pid int, stage cgroups.Stage) error {
	value := strconv.Itoa(pid)
	for _, path := range m.pathsOf(stage) {
		err := m.withDir(path, func(dir *cgdir.Dir) error {
			return dir.WriteFile("cgroup.procs", value)
		})
		if cgtree.NotPermitted(err) {
			err = m.base().LeaveOut(path, err)
		}
		if err != nil {
			return fmt.Errorf("move process %d to its cgroup: %w", pid, err)
		}
	}
	return nil
}

// EntryFiles opens the file "tasks" in each cgroup v1 directory of the stage. A
// thread that writes "0" to such a file enters the cgroup, alone. The caller
// closes the files. See cgroups.Driver for what this is good for.
func (m *Manager) EntryFiles(stage cgroups.Stage) ([]*os.File, error) {
	unified := m.GetPaths()[""]
	var files []*os.File
	for _, path := range m.pathsOf(stage) {
		if path == unified {
			continue
		}
		f, err := m.base().OpenFile(path, "tasks", unix.O_WRONLY)
		if err != nil {
			for _, f := range files {
				f.Close()
			}
			return nil, fmt.Errorf("open a cgroup to enter it: %w", err)
		}
		files = append(files, f.Detach())
	}
	return files, nil
}

// UnifiedDir opens the container's directory in the cgroup v2 mount of the
// hybrid layout, to be used with CLONE_INTO_CGROUP of clone3(2). It returns nil
// if there is none. The caller closes the file.
func (m *Manager) UnifiedDir() (*os.File, error) {
	path, ok := m.GetPaths()[""]
	if !ok {
		return nil, nil
	}
	dir, err := cgdir.Open(path, m.state.Kind)
	if err != nil {
		return nil, fmt.Errorf("open the cgroup v2 directory: %w", err)
	}
	return dir.Detach(), nil
}

// Kill sends SIGKILL to all processes of the container at once, through the cgroup
// v2 mount of the hybrid layout, see cgroups.Driver. Processes that the freezer has
// stopped die when they are thawed. Without that mount, for joined cgroups, in
// which there may be processes of others, and on Linux before 5.14 the error is
// errors.ErrUnsupported.
func (m *Manager) Kill() error { return m.base().Kill() }

// Within makes waits end with a context, see cgroups.Driver.
func (m *Manager) Within(ctx context.Context) (done func()) { return m.state.Within(ctx) }

// Destroy removes the container's cgroups, with the sub-cgroups that the
// container may have made in them, and then those parents which this manager, or
// that of another container, has made and nobody uses any more. Processes that are
// exiting are waited for, see cgroups.RemovePaths; running ones make it fail. Doing it
// again, or with nothing made, is no error. Cgroups joined through Cgroup.Paths stay.
func (m *Manager) Destroy() error { return m.base().Destroy() }

// Find returns those of the directories that Cgroups names which exist, whoever has made
// them, as GetPaths does for those of the manager. A manager with these as its Paths
// manages them.
func (m *Manager) Find() (map[string]string, error) { return m.base().Find() }

// GetPaths returns a copy of the container's cgroup directories.
func (m *Manager) GetPaths() map[string]string { return m.base().GetPaths() }

// GetPids returns the processes in the container's cgroup, in ascending order,
// without those in its sub-cgroups.
func (m *Manager) GetPids() ([]int, error) { return m.base().GetPids() }

// GetAllPids returns the processes in the container's cgroup and its
// sub-cgroups, in ascending order.
func (m *Manager) GetAllPids() ([]int, error) { return m.base().GetAllPids() }

// MadeParents returns the parents of the container's cgroups that this manager
// has made, each before what is in it.
func (m *Manager) MadeParents() []string { return m.base().MadeParents() }

// AdoptParents makes Destroy remove parents that an earlier manager has made, as
// its MadeParents told. Paths that do not lead to the container's cgroups are
// ignored.
func (m *Manager) AdoptParents(parents []string) { m.base().AdoptParents(parents) }

// pathsOf returns the directories of a stage, each once, in a fixed order.
func (m *Manager) pathsOf(stage cgroups.Stage) []string {
	byPath := make(map[string]*cgroups.Hierarchy)
	for key, path := range m.GetPaths() {
		h, ok := byPath[path]
		if !ok {
			h = &cgroups.Hierarchy{Version: 1}
			byPath[path] = h
		}
		h.Keys = append(h.Keys, key)
	}
	var paths []string
	for path, h := range byPath {
		if h.Stage() == stage {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return paths
}

// withDir opens the directory path for the time of a call.
func (m *Manager) withDir(path string, call func(*cgdir.Dir) error) error {
	return m.base().WithDir(path, call)
}
