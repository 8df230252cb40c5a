//go:build linux

package cgroups

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// classic is a Manager that knows the classic interface alone. Its cgroups come into
// being with Apply.
type classic struct {
	calls []string
	paths map[string]string
	dir   string

	fails map[string]error // by the call
}

func (m *classic) note(format string, args ...any) error {
	call := fmt.Sprintf(format, args...)
	m.calls = append(m.calls, call)
	return m.fails[call]
}

func (m *classic) Apply(pid int) error {
	if err := m.note("apply %d", pid); err != nil {
		return err
	}
	m.paths = map[string]string{"memory": m.dir}
	return nil
}

func (m *classic) Set(c *configs.Config) error { return m.note("set %d", c.Cgroups.Memory) }

func (m *classic) Destroy() error {
	m.paths = nil
	return m.note("destroy")
}

func (m *classic) GetPaths() map[string]string             { return maps.Clone(m.paths) }
func (m *classic) GetPids() ([]int, error)                 { return []int{1}, m.note("pids") }
func (m *classic) GetAllPids() ([]int, error)              { return []int{1, 2}, m.note("all pids") }
func (m *classic) GetStats() (*Stats, error)               { return NewStats(), m.note("stats") }
func (m *classic) Freeze(state configs.FreezerState) error { return m.note("freeze %s", state) }

// take returns the calls since the last one.
func (m *classic) take() []string {
	calls := m.calls
	m.calls = nil
	return calls
}

func withMemory(limit int64) *configs.Config {
	return &configs.Config{Cgroups: &configs.Cgroup{Resources: &configs.Resources{Memory: limit}}}
}

func checkCalls(t *testing.T, m *classic, step string, want ...string) {
	t.Helper()
	if got := m.take(); !slices.Equal(got, want) {
		t.Errorf("%s: the manager was called %q, want %q", step, got, want)
	}
}

// A start: nothing reaches the manager before the process is there, and then all does.
func TestAdaptedStart(t *testing.T) {
	m := &classic{dir: t.TempDir()}
	d := Adapt(m)
	for life := range 2 {
		paths, parents, err := d.Plan()
		if err != nil || len(parents) != 0 || !maps.Equal(paths, m.paths) {
			t.Errorf("life %d is planned as %v, %v, %v", life, paths, parents, err)
		}
		step := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		step(d.Create())
		step(d.Set(withMemory(1)))
		step(d.Set(withMemory(2)))
		if d.EntersEarly() {
			t.Error("it is to enter early, which it cannot")
		}
		step(d.Enter(7, StageSetup))
		checkCalls(t, m, "before the process can enter")
		step(d.Enter(7, StageExec))
		checkCalls(t, m, "when it enters", "apply 7", "set 2")
		if got := d.GetPaths(); !maps.Equal(got, m.paths) || len(got) == 0 {
			t.Errorf("the paths are %v, want those of the manager", got)
		}
		step(d.Set(withMemory(3)))
		checkCalls(t, m, "of a running container", "set 3")
	}
	if err := d.Destroy(); err != nil {
		t.Fatal(err)
	}
	checkCalls(t, m, "at the end", "destroy")
	if err := d.Set(withMemory(4)); err != nil {
		t.Fatal(err)
	}
	checkCalls(t, m, "after the end", "set 4")
}

// A further process is moved to the cgroups that are there, and Apply is not called.
func TestAdaptedFurtherProcess(t *testing.T) {
	m := &classic{dir: t.TempDir()}
	m.paths = map[string]string{"memory": m.dir}
	d := Adapt(m)
	if err := d.Enter(7, StageSetup); err != nil {
		t.Errorf("nothing is to be done at the first stage: %v", err)
	}
	err := d.Enter(7, StageExec)
	if want := m.dir + " is not on a cgroup file system"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("it tried to enter elsewhere: %v, want %q", err, want)
	}
	checkCalls(t, m, "of a further process")
}

func TestAdaptedStartFails(t *testing.T) {
	failure := errors.New("failure")
	for _, call := range []string{"apply 7", "set 1"} {
		m := &classic{dir: t.TempDir(), fails: map[string]error{call: failure}}
		d := Adapt(m)
		if err := errors.Join(d.Create(), d.Set(withMemory(1)), d.Enter(7, StageSetup)); err != nil {
			t.Fatal(err)
		}
		if err := d.Enter(7, StageExec); !errors.Is(err, failure) {
			t.Errorf("%s fails, and Enter with %v", call, err)
		}
		if err := d.Destroy(); err != nil {
			t.Fatal(err)
		}
		// The next start makes them anew.
		m.fails, m.calls = nil, nil
		if err := errors.Join(d.Create(), d.Enter(8, StageExec)); err != nil {
			t.Fatal(err)
		}
		checkCalls(t, m, "after a start that failed", "apply 8")
	}
}

func TestAdaptedLacks(t *testing.T) {
	m := &classic{dir: t.TempDir()}
	d := Adapt(m)
	if err := d.ThawAll(); err != nil { // there is no freezer
		t.Error(err)
	}
	if err := d.Kill(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Kill fails with %v", err)
	}
	if state, err := d.FreezerState(); state != configs.Undefined || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("FreezerState gives %q, %v", state, err)
	}
	for _, stage := range []Stage{StageSetup, StageExec} {
		if files, err := d.EntryFiles(stage); len(files) != 0 || err != nil {
			t.Errorf("EntryFiles gives %v, %v", files, err)
		}
	}
	if dir, err := d.UnifiedDir(); dir != nil || err != nil {
		t.Errorf("UnifiedDir gives %v, %v", dir, err)
	}
	d.AdoptParents([]string{"/"})
	if parents := d.MadeParents(); len(parents) != 0 {
		t.Errorf("it has made %v", parents)
	}
	checkCalls(t, m, "for what it does not know")
	_, err1 := d.GetPids()
	_, err2 := d.GetAllPids()
	_, err3 := d.GetStats()
	if err := errors.Join(err1, err2, err3, d.Freeze(configs.Frozen)); err != nil {
		t.Error(err)
	}
	checkCalls(t, m, "for what it knows", "pids", "all pids", "stats", "freeze FROZEN")
}

// What is a Driver is not wrapped.
func TestAdaptKeepsDrivers(t *testing.T) {
	d := Adapt(&classic{})
	if again := Adapt(d); again != d {
		t.Errorf("a driver was wrapped: %T", again)
	}
}
