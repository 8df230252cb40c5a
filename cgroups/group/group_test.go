//go:build linux

package group

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	cgfs "github.com/libcontainer/libcontainer/cgroups/fs"
	"github.com/libcontainer/libcontainer/cgroups/fs2"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/systemd"
	"github.com/libcontainer/libcontainer/configs"
)

// fakeDriver has directories of plain files, and logs what changes them. What it does not
// define is not called.
type fakeDriver struct {
	cgroups.Driver
	paths   map[string]string
	found   map[string]string
	pids    []int
	state   configs.FreezerState
	early   bool
	planErr error
	setErr  error
	killErr error
	killed  func()
	ctx     context.Context
	log     []string
}

func (d *fakeDriver) note(line string) { d.log = append(d.log, line) }

func (d *fakeDriver) Within(ctx context.Context) func() {
	d.ctx = ctx
	return func() { d.ctx = nil }
}
func (d *fakeDriver) Plan() (map[string]string, []string, error) { return d.found, nil, d.planErr }
func (d *fakeDriver) Apply(int) error                            { d.note("apply"); d.paths = d.found; return nil }
func (d *fakeDriver) Destroy() error                             { d.note("destroy"); d.paths = nil; return nil }
func (d *fakeDriver) GetPaths() map[string]string                { return maps.Clone(d.paths) }
func (d *fakeDriver) Find() (map[string]string, error)           { return maps.Clone(d.found), nil }
func (d *fakeDriver) GetPids() ([]int, error)                    { return d.pids, nil }
func (d *fakeDriver) GetAllPids() ([]int, error)                 { return d.pids, nil }
func (d *fakeDriver) EntersEarly() bool                          { return d.early }
func (d *fakeDriver) FreezerState() (configs.FreezerState, error) {
	return d.state, nil
}
func (d *fakeDriver) ThawAll() error { d.note("thaw all"); return nil }

func (d *fakeDriver) Set(c *configs.Config) error {
	if d.setErr == nil {
		d.note("set")
	}
	return d.setErr
}

func (d *fakeDriver) Enter(pid int, stage cgroups.Stage) error {
	d.note("enter " + stage.String())
	return nil
}

func (d *fakeDriver) Freeze(state configs.FreezerState) error {
	d.note(string(state))
	d.state = state
	return nil
}

func (d *fakeDriver) Kill() error {
	d.note("kill")
	if d.killed != nil {
		d.killed()
	}
	return d.killErr
}

// fakeGroup returns a group whose hierarchies have the given files, by the hierarchies'
// keys.
func fakeGroup(t *testing.T, hierarchies map[string]map[string]string) (*Group, *fakeDriver) {
	t.Helper()
	paths := make(map[string]string)
	for key, files := range hierarchies {
		paths[key] = t.TempDir()
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(paths[key], name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	d := &fakeDriver{paths: paths, found: paths}
	return &Group{
		name: "/g", config: &configs.Cgroup{Path: "/g"}, manager: Cgroupfs, driver: d,
		kind: cgdir.Any, changes: make(chan struct{}, 1),
	}, d
}

func wantLog(t *testing.T, d *fakeDriver, want ...string) {
	t.Helper()
	if !slices.Equal(d.log, want) {
		t.Errorf("log %q, want %q", d.log, want)
	}
	d.log = nil
}

// wantError checks that an error is one of the group, is another one, and says something.
func wantError(t *testing.T, err, is error, text string) {
	t.Helper()
	var of *Error
	if !errors.As(err, &of) || of.Group != "/g" || is != nil && !errors.Is(err, is) || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want one of the group /g that is %v and says %q", err, is, text)
	}
	if n := strings.Count(err.Error(), "group /g"); n != 1 {
		t.Errorf("error %q names the group %d times", err, n)
	}
}

func TestManagerFor(t *testing.T) {
	for name, tt := range map[string]struct {
		cgroup configs.Cgroup
		want   Manager
	}{
		"a path":                  {configs.Cgroup{Path: "/a/b.slice"}, Cgroupfs},
		"parent and name":         {configs.Cgroup{Parent: "/a", Name: "b"}, Cgroupfs},
		"a slice's path":          {configs.Cgroup{Parent: "/a.slice", Name: "b"}, Cgroupfs},
		"a slice's path and name": {configs.Cgroup{Parent: "/a.slice", Name: "a-b.slice"}, Cgroupfs},
		"a relative path":         {configs.Cgroup{Parent: "x/a.slice", Name: "b", ScopePrefix: "p"}, Cgroupfs},
		"joined":                  {configs.Cgroup{Parent: "a.slice", Paths: map[string]string{"": "/"}}, Cgroupfs},
		"in a slice":              {configs.Cgroup{Parent: "a.slice", Name: "b"}, Systemd},
		"a slice":                 {configs.Cgroup{Name: "a-b.slice"}, Systemd},
		"a prefix":                {configs.Cgroup{Name: "b", ScopePrefix: "p"}, Systemd},
		"properties":              {configs.Cgroup{Name: "b", SystemdProperties: []configs.SystemdProperty{{Name: "A", Value: "1"}}}, Systemd},
	} {
		if got := ManagerFor(&tt.cgroup); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
	if got := ManagerFor(nil); got != Cgroupfs {
		t.Errorf("of nothing: got %s", got)
	}
}

func TestNewDriver(t *testing.T) {
	if _, ok := NewDriver(Systemd, nil, nil).(*systemd.Manager); !ok {
		t.Error("that of systemd is another one")
	}
	d := NewDriver(Cgroupfs, nil, map[string]string{"": "/x"})
	if ManagerOf(d) != Cgroupfs || d.GetPaths()[""] != "/x" {
		t.Errorf("got %T with %v", d, d.GetPaths())
	}
	for _, tt := range []struct {
		driver cgroups.Driver
		want   Manager
	}{{&cgfs.Manager{}, Cgroupfs}, {&fs2.Manager{}, Cgroupfs}, {&systemd.Manager{}, Systemd}, {&fakeDriver{}, ""}} {
		if got := ManagerOf(tt.driver); got != tt.want {
			t.Errorf("%T: got %q, want %q", tt.driver, got, tt.want)
		}
	}
}

func TestArguments(t *testing.T) {
	for name, tt := range map[string]struct {
		cgroup  *configs.Cgroup
		options []Option
		want    string
	}{
		"no cgroup":           {nil, nil, "no cgroup"},
		"no name":             {&configs.Cgroup{Parent: "/a"}, nil, "Cgroups.Name"},
		"a way out":           {&configs.Cgroup{Path: "/a/../b"}, nil, "Cgroups.Path"},
		"joined":              {&configs.Cgroup{Name: "a", Paths: map[string]string{"": "/"}}, nil, "Cgroups.Paths"},
		"an unknown one":      {&configs.Cgroup{Name: "a"}, []Option{WithManager("x")}, `"x"`},
		"paths for a new one": {&configs.Cgroup{Name: "a"}, []Option{WithPaths(map[string]string{"": "/x"})}, "WithPaths"},
	} {
		if _, err := New(tt.cgroup, tt.options...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one with %s", name, err, tt.want)
		}
	}
	if _, err := Open(t.Context(), &configs.Cgroup{Name: ".."}); err == nil {
		t.Error("Open took .. for a name")
	}
}

func TestCreate(t *testing.T) {
	g, d := fakeGroup(t, map[string]map[string]string{"": {}})
	d.paths = nil
	must(t, g.Create(t.Context()))
	wantLog(t, d, "apply")

	g.config.Resources = NewResources()
	must(t, g.Create(t.Context()))
	wantLog(t, d, "apply", "set")

	d.setErr = unix.EINVAL
	wantError(t, g.Create(t.Context()), unix.EINVAL, "create")
	wantLog(t, d, "apply", "destroy")

	d.planErr = unix.EBUSY
	wantError(t, g.Create(t.Context()), unix.EBUSY, "create")
	wantLog(t, d)

	d.planErr, d.setErr, d.found = nil, nil, nil // optional ones
	wantError(t, g.Create(t.Context()), fs.ErrPermission, "optional")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// What needs directories says that there are none.
func TestNotCreated(t *testing.T) {
	g, d := fakeGroup(t, nil)
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"Set":          func() error { return g.Set(ctx, NewResources()) },
		"Add":          func() error { return g.Add(ctx, 1) },
		"Freeze":       func() error { return g.Freeze(ctx) },
		"Thaw":         func() error { return g.Thaw(ctx) },
		"Processes":    func() error { _, err := g.Processes(); return err },
		"AllProcesses": func() error { _, err := g.AllProcesses(); return err },
		"Stats":        func() error { _, err := g.Stats(); return err },
		"ReadFile":     func() error { _, err := g.ReadFile("memory.stat"); return err },
		"OOMKills":     func() error { _, err := g.OOMKills(); return err },
		"Pressure":     func() error { _, err := g.Pressure(); return err },
	} {
		t.Run(name, func(t *testing.T) { wantError(t, call(), fs.ErrNotExist, "") })
	}
	must(t, g.Kill(ctx))
	must(t, g.Destroy(ctx))
	wantLog(t, d, "destroy")
	if there, err := g.Exists(ctx); err != nil || there {
		t.Errorf("exists %v, %v", there, err)
	}
}

func TestChangesEndWithTheContext(t *testing.T) {
	g, d := fakeGroup(t, map[string]map[string]string{"": {}})
	done, err := g.begin(t.Context())
	must(t, err)
	if d.ctx != t.Context() {
		t.Error("the driver has another context")
	}
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() { failed <- g.Add(ctx, 1) }()
	cancel()
	wantError(t, <-failed, context.Canceled, "")
	done()
	if d.ctx != nil {
		t.Error("the driver still has a context")
	}
	wantError(t, g.Destroy(ctx), context.Canceled, "destroy")
	wantLog(t, d)
	must(t, g.Add(t.Context(), 1))
	wantLog(t, d, "enter setup", "enter exec")
}

// A scope that has ended is started with the limits that it had.
func TestUnitThatHasEnded(t *testing.T) {
	g, d := fakeGroup(t, map[string]map[string]string{"name=systemd": {}, "freezer": {}})
	g.manager = Systemd
	must(t, g.Set(t.Context(), NewResources()))
	must(t, g.Add(t.Context(), 1))
	wantLog(t, d, "set", "enter setup", "enter exec")
	must(t, os.Remove(d.paths["name=systemd"]))
	must(t, g.Add(t.Context(), 1))
	wantLog(t, d, "apply", "set", "enter setup", "enter exec")
	d.early = true // it is about to be started by this process
	must(t, g.Add(t.Context(), 1))
	wantLog(t, d, "enter setup", "enter exec")
}
