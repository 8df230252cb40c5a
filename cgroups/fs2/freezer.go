//go:build linux

package fs2

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	freezeFile = "cgroup.freeze"
	eventsFile = "cgroup.events"

	// freezeTimeout bounds the wait for all processes to freeze. A process
	// in an uninterruptible sleep, as with a dead NFS server, freezes only
	// after it.
	freezeTimeout = 5 * time.Second
)

// Freeze stops or continues all processes of the container, and returns when they
// are. configs.Undefined is an error. If not all processes freeze within 5
// seconds, they are thawed again and the error says so.
func (m *Manager) Freeze(state configs.FreezerState) error {
	m.ops.Lock()
	defer m.ops.Unlock()
	path, ok := m.path()
	if !ok {
		return fmt.Errorf("freeze: %w", m.missing())
	}
	return m.withDir(path, func(dir *cgdir.Dir) error {
		return freeze(dir, state, freezeTimeout)
	})
}

// FreezerState tells whether the container's processes are frozen now, or being
// frozen; a cgroup above may be the reason. It is configs.Undefined without a
// cgroup.
func (m *Manager) FreezerState() (state configs.FreezerState, err error) {
	path, ok := m.path()
	if !ok {
		return configs.Undefined, nil
	}
	err = m.withDir(path, func(dir *cgdir.Dir) error {
		events, err := cgread.KeyValues(dir, eventsFile)
		if err != nil {
			return err
		}
		asked, err := cgread.Uint(dir, freezeFile)
		switch {
		case err != nil:
			return err
		case events["frozen"] == 1:
			state = configs.Frozen
		case asked == 1:
			state = configs.Freezing
		default:
			state = configs.Thawed
		}
		return nil
	})
	return state, err
}

// setFreezerState brings the processes into the state that a configuration asks
// for, if it does.
func setFreezerState(s *setter, state configs.FreezerState) error {
	if state == configs.Undefined {
		return nil
	}
	old, err := s.Dir.ReadFile(freezeFile)
	if err == nil {
		err = freeze(s.Dir, state, freezeTimeout)
	}
	if err != nil {
		return s.explain("Freezer", freezeFile, err)
	}
	s.Record(freezeFile, old)
	return nil
}

func freeze(dir *cgdir.Dir, state configs.FreezerState, timeout time.Duration) error {
	var value string
	switch state {
	case configs.Frozen:
		value = "1"
	case configs.Thawed:
		value = "0"
	default:
		return fmt.Errorf("freezer state %q is neither %s nor %s", state, configs.Frozen, configs.Thawed)
	}
	events, err := dir.OpenFile(eventsFile, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer events.Close()
	if err := dir.WriteFile(freezeFile, value); err != nil {
		return err
	}
	err = awaitFrozen(events, value, timeout)
	switch {
	case err == nil:
		return nil
	case state == configs.Thawed:
		return fmt.Errorf("thaw %s: %w; is a cgroup above frozen?", dir.Path(""), err)
	}
	return errors.Join(fmt.Errorf("freeze %s: %w", dir.Path(""), err), dir.WriteFile(freezeFile, "0"))
}

// awaitFrozen waits until cgroup.events tells that frozen has the value. The kernel
// ends a poll for POLLPRI when the file has changed since it was read.
func awaitFrozen(events *cgdir.File, value string, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		text, err := events.Read()
		if err != nil {
			return err
		}
		if hasLine(text, "frozen "+value) {
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("not all processes followed within %v", timeout)
		}
		if err := events.AwaitChange(left); err != nil {
			return err
		}
	}
}

func hasLine(text, wanted string) bool {
	for line := range strings.Lines(text) {
		if strings.TrimSuffix(line, "\n") == wanted {
			return true
		}
	}
	return false
}
