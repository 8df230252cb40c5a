//go:build linux

package fs2

import (
	"context"
	"fmt"
	"os"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgmanager"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
	"github.com/libcontainer/libcontainer/configs"
)

var _ cgroups.Driver = (*Manager)(nil)

// Manager manages the cgroup of one container. Make one with the two fields set;
// Paths is nil for a container that has no cgroup yet, and the result of an
// earlier manager's GetPaths for one that has. With nil Paths, GetPids, GetAllPids,
// Freeze and Destroy of a manager that has done nothing else are about the cgroups that
// Cgroups names, if they exist. Do not change the fields afterwards. All
// methods are safe for concurrent use.
type Manager struct {
	// Cgroups names the cgroup. If it is nil the container has none.
	Cgroups *configs.Cgroup

	// Paths holds the cgroup's directory with the key "".
	Paths map[string]string

	state cgmanager.State

	// start is about a container that is being started. Guarded by state.Ops.
	start start

	// attach replaces what attaches rules for devices in tests.
	attach cgv2.AttachFunc
}

// base is what all managers have in common.
func (m *Manager) base() cgmanager.Base {
	return cgmanager.Base{Cgroups: m.Cgroups, Paths: &m.Paths, State: &m.state, Version: version{m}}
}

// Plan returns what GetPaths will return after Create, and those parents that do
// not exist yet, each before what is in it; it makes nothing. It lets a caller
// record the directories before they exist, so that they can be collected
// whenever the caller dies: a Manager with such Paths, which adopts such parents,
// can Destroy them whether or not they were made. A cgroup with processes in it
// is refused.
func (m *Manager) Plan() (paths map[string]string, parents []string, err error) {
	return m.base().Plan()
}

// Apply makes the container's cgroup, and moves the process pid with all its
// threads into it. With a pid of -1 it is only made. On failure what this call
// has made is removed again. Limits are not written; see Set.
func (m *Manager) Apply(pid int) (err error) { return m.base().Apply(pid) }

// Create makes the container's cgroup and fills GetPaths, with no process in it.
// On failure what this call has made is removed again. Controllers that cannot be
// enabled are no error yet: Set tells, if they are needed.
//
// The path is known before anything is made, see Plan. Until a process has come
// to cgroups.StageExec, Set holds back some limits, see there.
func (m *Manager) Create() error { return m.base().Create() }

// EntryFiles returns nothing: on cgroup v2 a thread does not leave its process, and
// UnifiedDir is the way to enter without waiting.
func (m *Manager) EntryFiles(cgroups.Stage) ([]*os.File, error) { return nil, nil }

// CreateUnified makes nothing: there is only one cgroup, which Create makes.
func (m *Manager) CreateUnified() (bool, error) { return false, nil }

// UnifiedDir opens the container's directory, to be used with CLONE_INTO_CGROUP
// of clone3(2). It returns nil if there is none, or if the set-up of the container could
// meet its limits. The caller closes the file.
func (m *Manager) UnifiedDir() (*os.File, error) {
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	path, ok := m.path()
	if !ok || m.start.ahead && !m.hasRoomAtFirst() {
		return nil, nil
	}
	dir, err := cgdir.Open(path, m.state.Kind)
	if err != nil {
		return nil, fmt.Errorf("open the container's cgroup: %w", err)
	}
	return dir.Detach(), nil
}

// Kill sends SIGKILL to all processes of the container at once, see
// cgroups.Driver. Frozen ones die too. For a cgroup that was joined the error is
// errors.ErrUnsupported, since there may be processes of others in it, and on
// Linux before 5.14.
func (m *Manager) Kill() error { return m.base().Kill() }

// Within makes waits end with a context, see cgroups.Driver.
func (m *Manager) Within(ctx context.Context) (done func()) { return m.state.Within(ctx) }

// Destroy removes the container's cgroup, with the sub-cgroups that the container
// may have made in it, and then those parents which this manager, or that of
// another container, has made and nobody uses any more. Processes that are
// exiting are waited for, see cgroups.RemovePaths; running ones make it fail.
// Doing it again, or with nothing made, is no error. A cgroup joined through
// Cgroup.Paths stays.
func (m *Manager) Destroy() error { return m.base().Destroy() }

// Find returns those of the directories that Cgroups names which exist, whoever has made
// them, as GetPaths does for those of the manager. A manager with these as its Paths
// manages them.
func (m *Manager) Find() (map[string]string, error) { return m.base().Find() }

// GetPaths returns a copy of the container's cgroup directory, with the key "".
func (m *Manager) GetPaths() map[string]string { return m.base().GetPaths() }

// GetPids returns the processes in the container's cgroup, in ascending order,
// without those in its sub-cgroups.
func (m *Manager) GetPids() ([]int, error) { return m.base().GetPids() }

// GetAllPids returns the processes in the container's cgroup and its
// sub-cgroups, in ascending order.
func (m *Manager) GetAllPids() ([]int, error) { return m.base().GetAllPids() }

// MadeParents returns the parents of the container's cgroup that this manager has
// made, each before what is in it.
func (m *Manager) MadeParents() []string { return m.base().MadeParents() }

// AdoptParents makes Destroy remove parents that an earlier manager has made, as
// its MadeParents told. Paths that do not lead to the container's cgroup are
// ignored.
func (m *Manager) AdoptParents(parents []string) { m.base().AdoptParents(parents) }

// path returns the container's directory.
func (m *Manager) path() (string, bool) {
	path, ok := m.GetPaths()[""]
	return path, ok
}

// withCgroup opens the directory path for the time of a call.
func (m *Manager) withCgroup(path string, call func(*cgv2.Cgroup) error) error {
	return m.base().WithDir(path, func(dir *cgdir.Dir) error { return call(m.cgroup(dir)) })
}

func (m *Manager) cgroup(dir *cgdir.Dir) *cgv2.Cgroup {
	return &cgv2.Cgroup{Dir: dir, Features: &m.state.Features, Snapshot: m.state.Snapshot, Attach: m.attach}
}

// hasRoomAtFirst tells whether the limits that the container will get have room for
// its set-up.
func (m *Manager) hasRoomAtFirst() bool { return cgv2.HasRoom(m.Cgroups.Resources) }
