//go:build linux

package cgroups

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgthaw"
	"github.com/libcontainer/libcontainer/configs"
)

// Adapt returns a Driver that controls the same cgroups as m. If m is a Driver it is
// m itself.
//
// A Manager that is not makes its cgroups in Apply, for a process that is there. So
// the Driver's Create makes nothing, Set after Create remembers the limits, and the
// first process's Enter at StageExec calls Apply and Set. Plan knows only what
// GetPaths tells before that, and a caller that dies in between leaves cgroups which
// it has no record of. Further processes enter by EnterPid. Nobody enters by itself,
// and Kill and FreezerState fail with errors.ErrUnsupported.
func Adapt(m Manager) Driver {
	if d, ok := m.(Driver); ok {
		return d
	}
	return &adapter{Manager: m}
}

// adapter is the Driver of a Manager that has the classic interface alone.
type adapter struct {
	Manager

	// ops is held by what changes cgroups, for its whole duration.
	ops sync.Mutex

	// starting is true from Create until a process has come to StageExec, and held
	// the limits which Set was called with meanwhile. Guarded by ops.
	starting bool
	held     *configs.Config
}

func (a *adapter) Plan() (paths map[string]string, parents []string, err error) {
	return a.GetPaths(), nil, nil
}

// Within does nothing: a classic manager knows no contexts.
func (a *adapter) Within(context.Context) (done func()) { return func() {} }

func (a *adapter) Create() error {
	a.ops.Lock()
	defer a.ops.Unlock()
	a.starting, a.held = true, nil
	return nil
}

func (a *adapter) CreateUnified() (bool, error) { return false, nil }

func (a *adapter) Set(container *configs.Config) error {
	a.ops.Lock()
	defer a.ops.Unlock()
	if a.starting {
		a.held = container
		return nil
	}
	return a.Manager.Set(container)
}

func (a *adapter) EntersEarly() bool { return false }

func (a *adapter) Enter(pid int, stage Stage) error {
	if stage != StageExec {
		return nil
	}
	a.ops.Lock()
	defer a.ops.Unlock()
	if !a.starting {
		return EnterPid(a.GetPaths(), pid)
	}
	if err := a.Apply(pid); err != nil {
		return err
	}
	if a.held != nil {
		if err := a.Manager.Set(a.held); err != nil {
			return err
		}
	}
	a.starting, a.held = false, nil
	return nil
}

func (a *adapter) Destroy() error {
	a.ops.Lock()
	defer a.ops.Unlock()
	a.starting, a.held = false, nil
	return a.Manager.Destroy()
}

func (a *adapter) EntryFiles(Stage) ([]*os.File, error) { return nil, nil }

func (a *adapter) UnifiedDir() (*os.File, error) { return nil, nil }

func (a *adapter) MadeParents() []string { return nil }

func (a *adapter) AdoptParents([]string) {}

func (a *adapter) FreezerState() (configs.FreezerState, error) {
	return configs.Undefined, errors.ErrUnsupported
}

// ThawAll needs of the Manager no more than the path: it does not matter who thaws.
func (a *adapter) ThawAll() error {
	path, ok := a.GetPaths()["freezer"]
	if !ok {
		return nil
	}
	return cgthaw.Tree(path, cgdir.Cgroup)
}

func (a *adapter) Kill() error { return errors.ErrUnsupported }
