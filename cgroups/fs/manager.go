//go:build linux

package fs

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/configs"
)

var _ cgroups.Driver = (*Manager)(nil)

// Manager manages the cgroups of one container. Make one with the two fields
// set; Paths is nil for a container that has no cgroups yet, and the result of
// an earlier manager's GetPaths for one that has. Do not change the fields
// afterwards. All methods are safe for concurrent use.
type Manager struct {
	// Cgroups names the cgroups. If it is nil the container has none.
	Cgroups *configs.Cgroup

	// Paths holds the cgroup directories, keyed as described at
	// cgroups.Manager.GetPaths.
	Paths map[string]string

	// ops is held by what changes cgroups, for its whole duration.
	ops sync.Mutex

	// mu guards Paths and refused, and may be taken while ops is held.
	mu sync.Mutex

	// refused holds why optional cgroups could not be made or entered.
	refused map[string]error

	// made lists the directories which this manager has made, a parent
	// before what is in it. Guarded by ops.
	made []string

	// devices is what is known about the devices cgroup. Guarded by ops.
	devices deviceState

	// features are those of the cgroup v2 mount.
	features cgfeature.Set

	// snapshot and kind let tests work on a tree of plain files.
	snapshot *cgroups.Snapshot
	kind     cgdir.Kind
}

// Apply makes the container's cgroups, and moves the process pid with all its
// threads into them. With a pid of -1 they are only made. On failure what this
// call has made is removed again. Limits are not written; see Set.
func (m *Manager) Apply(pid int) (err error) {
	if pid != -1 && pid <= 0 {
		return fmt.Errorf("apply cgroups: %d is not a process id", pid)
	}
	m.ops.Lock()
	defer m.ops.Unlock()
	if m.Cgroups == nil {
		return nil
	}
	before := m.GetPaths()
	made, err := m.create()
	if err != nil || pid == -1 {
		return err
	}
	for _, stage := range []cgroups.Stage{cgroups.StageSetup, cgroups.StageExec} {
		if err = m.enter(pid, stage); err != nil {
			m.undoCreate(made, before)
			return err
		}
	}
	return nil
}

// Create makes the container's cgroups and fills GetPaths, with no process in
// them. On failure what this call has made is removed again.
//
// The paths are known before anything is made, see Plan.
func (m *Manager) Create() error {
	m.ops.Lock()
	defer m.ops.Unlock()
	if m.Cgroups == nil {
		return nil
	}
	_, err := m.create()
	return err
}

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
	m.ops.Lock()
	defer m.ops.Unlock()
	return m.enter(pid, stage)
}

func (m *Manager) enter(pid int, stage cgroups.Stage) error {
	value := strconv.Itoa(pid)
	for _, path := range m.pathsOf(stage) {
		err := m.withDir(path, func(dir *cgdir.Dir) error {
			return dir.WriteFile("cgroup.procs", value)
		})
		if cgtree.NotPermitted(err) {
			err = m.leaveOut(path, err)
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
		err := m.withDir(path, func(dir *cgdir.Dir) error {
			f, err := dir.OpenFile("tasks", unix.O_WRONLY)
			if err != nil {
				return err
			}
			files = append(files, f.Detach())
			return nil
		})
		if err != nil {
			for _, f := range files {
				f.Close()
			}
			return nil, fmt.Errorf("open a cgroup to enter it: %w", err)
		}
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
	dir, err := cgdir.Open(path, m.kind)
	if err != nil {
		return nil, fmt.Errorf("open the cgroup v2 directory: %w", err)
	}
	return dir.Detach(), nil
}

// Destroy removes the container's cgroups, with the sub-cgroups that the
// container may have made in them, and then those parents which this manager, or
// that of another container, has made and nobody uses any more. Processes that are exiting are waited for, see
// cgroups.RemovePaths; running ones make it fail. Doing it again, or with
// nothing made, is no error. Cgroups joined through Cgroup.Paths stay.
func (m *Manager) Destroy() error {
	m.ops.Lock()
	defer m.ops.Unlock()
	paths := m.GetPaths()
	if !m.joins() {
		if err := cgroups.RemovePaths(paths); err != nil {
			return err
		}
	}
	removed := slices.Collect(maps.Values(paths))
	if m.Cgroups != nil && !m.joins() {
		cgtree.RemoveMade(cgtree.Marked(m.Cgroups, removed))
	}
	cgtree.RemoveMade(cgtree.Parents(m.made, removed))
	m.made = nil
	m.devices = deviceState{}
	m.setPaths(nil)
	return nil
}

// GetPaths returns a copy of the container's cgroup directories.
func (m *Manager) GetPaths() map[string]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	paths := maps.Clone(m.Paths)
	if paths == nil {
		paths = make(map[string]string)
	}
	return paths
}

// GetPids returns the processes in the container's cgroup, in ascending order,
// without those in its sub-cgroups.
func (m *Manager) GetPids() ([]int, error) {
	path, err := m.pidsPath()
	if err != nil {
		return nil, err
	}
	return cgroups.GetPids(path)
}

// GetAllPids returns the processes in the container's cgroup and its
// sub-cgroups, in ascending order.
func (m *Manager) GetAllPids() ([]int, error) {
	path, err := m.pidsPath()
	if err != nil {
		return nil, err
	}
	return cgroups.GetAllPids(path)
}

// pidsPath returns the cgroup to look for processes in.
func (m *Manager) pidsPath() (string, error) {
	paths := m.GetPaths()
	key, ok := procsKey(slices.Collect(maps.Keys(paths)))
	if !ok {
		return "", m.missing("")
	}
	return paths[key], nil
}

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

// joins reports whether the container joins existing cgroups.
func (m *Manager) joins() bool {
	return m.Cgroups != nil && len(m.Cgroups.Paths) > 0
}

func (m *Manager) setPaths(paths map[string]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Paths = paths
}

// withDir opens the directory path for the time of a call.
func (m *Manager) withDir(path string, call func(*cgdir.Dir) error) error {
	dir, err := cgdir.Open(path, m.kind)
	if err != nil {
		return err
	}
	defer dir.Close()
	return call(dir)
}
