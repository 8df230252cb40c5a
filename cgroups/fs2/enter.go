//go:build linux

package fs2

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
)

const procsFile = "cgroup.procs"

// start is about a container whose cgroup was made ahead of its first process.
type start struct {
	// ahead is true from Create until a process has come to StageExec.
	ahead bool

	// held are the limits that wait for it.
	held []held
}

// held is a value that is to be written when the first process is about to
// execve.
type held struct {
	field, file string
	write       func(s *setter) error
}

// EntersEarly returns false: the cgroup is there before the process.
func (m *Manager) EntersEarly() bool { return false }

// Enter moves the process pid, with all its threads, into the cgroup, unless it
// is there already, as one that was cloned into UnifiedDir is. Create or Apply
// comes first.
//
// The container's first process comes in at cgroups.StageSetup, unless its set-up
// takes more memory than the container may have, and cgroups.StageExec writes the
// limits that Set has held back. A later process comes in at StageExec.
//
// If the cgroup is optional, an empty one that may not be entered and that no limit
// needs is removed again, and is no more in GetPaths.
func (m *Manager) Enter(pid int, stage cgroups.Stage) error {
	if pid <= 0 {
		return fmt.Errorf("enter cgroups: %d is not a process id", pid)
	}
	m.ops.Lock()
	defer m.ops.Unlock()
	if stage != cgroups.StageExec && (!m.start.ahead || !m.hasRoomAtFirst()) {
		return nil
	}
	if err := m.move(pid); err != nil || stage != cgroups.StageExec || !m.start.ahead {
		return err
	}
	if err := m.writeHeld(); err != nil {
		return fmt.Errorf("set cgroup limits: %w", err)
	}
	m.start = start{}
	return nil
}

// move moves a process to the cgroup if it is not there.
func (m *Manager) move(pid int) error {
	path, ok := m.path()
	if !ok {
		return nil
	}
	err := m.withDir(path, func(dir *cgdir.Dir) error { return moveTo(dir, pid) })
	if cgtree.NotPermitted(err) {
		err = m.leaveOut(path, err)
	}
	if err != nil {
		return fmt.Errorf("move process %d to its cgroup: %w", pid, err)
	}
	return nil
}

func moveTo(dir *cgdir.Dir, pid int) error {
	// Reading is cheap, and a move is not, even if it leads nowhere.
	value := strconv.Itoa(pid)
	if pids, err := readWords(dir, procsFile); err == nil && slices.Contains(pids, value) {
		return nil
	}
	err := dir.WriteFile(procsFile, value)
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w: %s", err, describeType(dir))
	case errors.Is(err, unix.EBUSY):
		enabled, _ := readWords(dir, subtreeFile)
		return fmt.Errorf("%w: a process of the container has enabled the controllers %q for sub-cgroups, and cgroup v2 then allows processes only in those", err, enabled)
	}
	return err
}

// writeHeld writes the limits that were held back. On failure those written are
// put back.
func (m *Manager) writeHeld() error {
	path, ok := m.path()
	if !ok || len(m.start.held) == 0 {
		return nil
	}
	return m.withDir(path, func(dir *cgdir.Dir) error {
		before, _ := cgread.KeyValues(dir, memoryEvents)
		var j cglimit.Journal
		s := &setter{Setter: cglimit.Setter{Dir: dir, Journal: &j}, m: m}
		for _, h := range m.start.held {
			if err := h.write(s); err != nil {
				return errors.Join(err, j.Rollback(m.kind))
			}
		}
		after, _ := cgread.KeyValues(dir, memoryEvents)
		if after["oom_kill"] > before["oom_kill"] {
			return errors.New("the limit of memory is below what the container's set-up takes, and the kernel has killed its first process")
		}
		return nil
	})
}
