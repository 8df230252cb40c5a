//go:build linux

package fs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfreeze"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgthaw"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	freezerFile = "freezer.state"

	freezeTimeout = 5 * time.Second

	// The kernel has no notification for the end of freezing on cgroup v1.
	// It mostly is a matter of microseconds; the pauses between two looks
	// double from the first to the longest.
	firstFreezePause   = 50 * time.Microsecond
	longestFreezePause = 20 * time.Millisecond
)

// freezer stops processes. The cgroup v2 mount of the hybrid layout does that
// better, see package cgfreeze; without it there is the controller of cgroup v1, see
// cgroup-v1/freezer-subsystem.rst.
type freezer struct{ m *Manager }

func (f freezer) key() string {
	if _, ok := f.m.GetPaths()[""]; ok {
		return ""
	}
	return "freezer"
}

func (freezer) asks(r *configs.Resources) (request, string) {
	if r.Freezer == configs.Undefined {
		return nothing, ""
	}
	return required, "Freezer"
}

func (f freezer) set(s *setter, r *configs.Resources) error {
	if f.key() == "" {
		return f.m.freezeUnified(s.Dir, f.m.GetPaths(), r.Freezer)
	}
	return setFreezer(f.m.state.Context(), s.Dir, r.Freezer, freezeTimeout)
}

// stats does nothing: the freezer has no statistics.
func (freezer) stats(*cgdir.Dir, *cgroups.Stats) error { return nil }

// Freeze stops or continues all processes of the container, and returns when
// they are. configs.Undefined is an error. If not all processes freeze within 5
// seconds, they are thawed again and the error says so. Without a freezer
// hierarchy, and a cgroup v2 mount in its place, cgroups.IsNotFound is true for the
// error.
func (m *Manager) Freeze(state configs.FreezerState) error {
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	paths, err := m.base().Existing()
	if err != nil {
		return fmt.Errorf("freeze: %w", err)
	}
	if path, ok := paths[""]; ok {
		return m.withDir(path, func(dir *cgdir.Dir) error { return m.freezeUnified(dir, paths, state) })
	}
	path, ok := paths["freezer"]
	if !ok {
		return fmt.Errorf("freeze: %w", m.base().Missing("freezer"))
	}
	return m.withDir(path, func(dir *cgdir.Dir) error {
		return setFreezer(m.state.Context(), dir, state, freezeTimeout)
	})
}

// freezeUnified freezes and thaws by the cgroup v2 directory dir. What somebody has
// frozen by the controller of cgroup v1 is thawed too.
func (m *Manager) freezeUnified(dir *cgdir.Dir, paths map[string]string, state configs.FreezerState) error {
	if err := cgfreeze.Set(m.state.Context(), dir, state); err != nil || state == configs.Frozen {
		return err
	}
	path, ok := paths["freezer"]
	if !ok {
		return nil
	}
	return m.withDir(path, func(dir *cgdir.Dir) error {
		if now, err := readFreezer(dir); err != nil || now == configs.Thawed {
			return err
		}
		return setFreezer(m.state.Context(), dir, state, freezeTimeout)
	})
}

// FreezerState tells whether the container's processes are frozen now, or
// being frozen, by whichever freezer. It is configs.Undefined without one.
func (m *Manager) FreezerState() (state configs.FreezerState, err error) {
	paths := m.GetPaths()
	for _, freezer := range []struct {
		key  string
		read func(*cgdir.Dir) (configs.FreezerState, error)
	}{{"", cgfreeze.State}, {"freezer", readFreezer}} {
		path, ok := paths[freezer.key]
		if !ok {
			continue
		}
		err = m.withDir(path, func(dir *cgdir.Dir) error {
			state, err = freezer.read(dir)
			return err
		})
		if err != nil || state != configs.Thawed {
			return state, err
		}
	}
	return state, nil
}

// ThawAll continues what the freezer of cgroup v1 has stopped in the container's cgroup
// and its sub-cgroups, so that it can be killed; see cgroups.Driver. In joined cgroups,
// where there may be sub-cgroups of others, it does nothing.
func (m *Manager) ThawAll() error {
	path, ok := m.GetPaths()["freezer"]
	if !ok || m.base().Joins() {
		return nil
	}
	m.state.Ops.Lock()
	defer m.state.Ops.Unlock()
	return cgthaw.Tree(path, m.state.Kind)
}

// readFreezer reads the state of the controller of cgroup v1.
func readFreezer(dir *cgdir.Dir) (configs.FreezerState, error) {
	text, err := dir.ReadFile(freezerFile)
	if err != nil {
		return configs.Undefined, err
	}
	switch state := configs.FreezerState(strings.TrimSpace(text)); state {
	case configs.Thawed, configs.Freezing, configs.Frozen:
		return state, nil
	default:
		return configs.Undefined, fmt.Errorf("%s: unknown state %q", dir.Path(freezerFile), state)
	}
}

func setFreezer(ctx context.Context, dir *cgdir.Dir, state configs.FreezerState, timeout time.Duration) error {
	write := func(state configs.FreezerState) (configs.FreezerState, error) { return writeFreezer(dir, state) }
	switch state {
	case configs.Frozen:
		if err := freeze(ctx, write, timeout); err != nil {
			return fmt.Errorf("freeze %s: %w", dir.Path(""), err)
		}
		return nil
	case configs.Thawed:
		err := thaw(write)
		if errors.Is(err, errFrozenAbove) && frozenAgain(dir) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("thaw %s: %w", dir.Path(""), err)
		}
		return nil
	}
	return fmt.Errorf("freezer state %q is neither %s nor %s", state, configs.Frozen, configs.Thawed)
}

// stateWriter writes a state to the freezer and returns the one that the kernel
// then reports, which may also be "FREEZING".
type stateWriter func(configs.FreezerState) (configs.FreezerState, error)

// freeze freezes and waits. Each round writes the state again, so that the
// kernel looks at all processes again, also those that were forked meanwhile. It waits no
// longer than the context lasts.
func freeze(ctx context.Context, write stateWriter, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for pause := firstFreezePause; ; pause = min(2*pause, longestFreezePause) {
		state, err := write(configs.Frozen)
		if err != nil {
			return undoFreeze(write, err)
		}
		if state == configs.Frozen {
			return nil
		}
		if time.Now().After(deadline) {
			return undoFreeze(write, fmt.Errorf("not all processes froze within %v: the state is still %q", timeout, state))
		}
		select {
		case <-ctx.Done():
			return undoFreeze(write, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// undoFreeze thaws after the failure err.
func undoFreeze(write stateWriter, err error) error {
	if thawErr := thaw(write); thawErr != nil {
		return fmt.Errorf("%w; and then: %w", err, thawErr)
	}
	return err
}

// frozenAgain tells whether a cgroup is frozen that has just been thawed, and no cgroup
// above is: then another process has frozen it since, such as one of the container.
func frozenAgain(dir *cgdir.Dir) bool {
	above, err := cgread.Uint(dir, "freezer.parent_freezing")
	return err == nil && above == 0
}

// errFrozenAbove says that thawing has not helped.
var errFrozenAbove = errors.New("a cgroup above is frozen")

// thaw thaws, which the kernel does at once unless a cgroup above is frozen.
func thaw(write stateWriter) error {
	state, err := write(configs.Thawed)
	if err != nil {
		return err
	}
	if state != configs.Thawed {
		return fmt.Errorf("the state is %q after thawing: %w", state, errFrozenAbove)
	}
	return nil
}

// writeFreezer is the stateWriter of a cgroup.
func writeFreezer(dir *cgdir.Dir, state configs.FreezerState) (configs.FreezerState, error) {
	if err := dir.WriteFile(freezerFile, string(state)); err != nil {
		return "", err
	}
	text, err := dir.ReadFile(freezerFile)
	if err != nil {
		return "", err
	}
	return configs.FreezerState(strings.TrimSpace(text)), nil
}
