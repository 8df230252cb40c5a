//go:build linux

package fs2

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
	"github.com/libcontainer/libcontainer/configs"
)

var _ cgroups.Driver = (*Manager)(nil)

// Manager manages the cgroup of one container. Make one with the two fields set;
// Paths is nil for a container that has no cgroup yet, and the result of an
// earlier manager's GetPaths for one that has. Do not change the fields
// afterwards. All methods are safe for concurrent use.
type Manager struct {
	// Cgroups names the cgroup. If it is nil the container has none.
	Cgroups *configs.Cgroup

	// Paths holds the cgroup's directory with the key "".
	Paths map[string]string

	// ops is held by what changes cgroups, for its whole duration.
	ops sync.Mutex

	// mu guards Paths and refused, and may be taken while ops is held.
	mu sync.Mutex

	// refused is why an optional cgroup could not be made or entered.
	refused error

	// made lists the directories which this manager has made, a parent
	// before what is in it. Guarded by ops.
	made []string

	// start is about a container that is being started. Guarded by ops.
	start start

	features cgfeature.Set

	// attach replaces devices.Attach in tests.
	attach cgv2.AttachFunc

	// snapshot and kind let tests work on a tree of plain files.
	snapshot *cgroups.Snapshot
	kind     cgdir.Kind
}

// Apply makes the container's cgroup, and moves the process pid with all its
// threads into it. With a pid of -1 it is only made. On failure what this call
// has made is removed again. Limits are not written; see Set.
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
	if err = m.move(pid); err != nil {
		cgtree.RemoveMade(made)
		m.made = m.made[:len(m.made)-len(made)]
		m.setPaths(before)
	}
	return err
}

// Create makes the container's cgroup and fills GetPaths, with no process in it.
// On failure what this call has made is removed again.
//
// The path is known before anything is made, see Plan. Until a process has come
// to cgroups.StageExec, Set holds back some limits, see there.
func (m *Manager) Create() error {
	m.ops.Lock()
	defer m.ops.Unlock()
	if m.Cgroups == nil {
		return nil
	}
	_, err := m.create()
	m.start = start{ahead: err == nil}
	return err
}

// EntryFiles returns nothing: on cgroup v2 a thread does not leave its process, and
// UnifiedDir is the way to enter without waiting.
func (m *Manager) EntryFiles(cgroups.Stage) ([]*os.File, error) { return nil, nil }

// UnifiedDir opens the container's directory, to be used with CLONE_INTO_CGROUP
// of clone3(2). It returns nil if there is none, or if the set-up of a process could
// meet the container's limits. The caller closes the file.
func (m *Manager) UnifiedDir() (*os.File, error) {
	m.ops.Lock()
	defer m.ops.Unlock()
	path, ok := m.path()
	if !ok || m.start.ahead && !m.hasRoomAtFirst() {
		return nil, nil
	}
	dir, err := cgdir.Open(path, m.kind)
	if err != nil {
		return nil, fmt.Errorf("open the container's cgroup: %w", err)
	}
	if !m.start.ahead && !m.cgroup(dir).HasRoom() {
		dir.Close()
		return nil, nil
	}
	return dir.Detach(), nil
}

// Destroy removes the container's cgroup, with the sub-cgroups that the container
// may have made in it, and then those parents which this manager, or that of
// another container, has made and nobody uses any more. Processes that are
// exiting are waited for, see cgroups.RemovePaths; running ones make it fail.
// Doing it again, or with nothing made, is no error. A cgroup joined through
// Cgroup.Paths stays.
func (m *Manager) Destroy() error {
	m.ops.Lock()
	defer m.ops.Unlock()
	paths := m.GetPaths()
	removed := slices.Collect(maps.Values(paths))
	if !m.joins() {
		if err := cgroups.RemovePaths(paths); err != nil {
			return err
		}
		if m.Cgroups != nil {
			cgtree.RemoveMade(cgtree.Marked(m.Cgroups, removed))
		}
	}
	cgtree.RemoveMade(cgtree.Parents(m.made, removed))
	m.made = nil
	m.start = start{}
	m.setPaths(nil)
	return nil
}

// GetPaths returns a copy of the container's cgroup directory, with the key "".
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
	path, ok := m.path()
	if !ok {
		return nil, m.missing()
	}
	return cgroups.GetPids(path)
}

// GetAllPids returns the processes in the container's cgroup and its
// sub-cgroups, in ascending order.
func (m *Manager) GetAllPids() ([]int, error) {
	path, ok := m.path()
	if !ok {
		return nil, m.missing()
	}
	return cgroups.GetAllPids(path)
}

// joins reports whether the container joins an existing cgroup.
func (m *Manager) joins() bool {
	return m.Cgroups != nil && len(m.Cgroups.Paths) > 0
}

// path returns the container's directory.
func (m *Manager) path() (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path, ok := m.Paths[""]
	return path, ok
}

func (m *Manager) setPaths(paths map[string]string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Paths = paths
}

// withCgroup opens the directory path for the time of a call.
func (m *Manager) withCgroup(path string, call func(*cgv2.Cgroup) error) error {
	dir, err := cgdir.Open(path, m.kind)
	if err != nil {
		return err
	}
	defer dir.Close()
	return call(m.cgroup(dir))
}

func (m *Manager) cgroup(dir *cgdir.Dir) *cgv2.Cgroup {
	return &cgv2.Cgroup{Dir: dir, Features: &m.features, Snapshot: m.snapshot, Attach: m.attach}
}

// hasRoomAtFirst tells whether the limits that the container will get have room for
// its set-up.
func (m *Manager) hasRoomAtFirst() bool { return cgv2.HasRoom(m.Cgroups.Resources) }
