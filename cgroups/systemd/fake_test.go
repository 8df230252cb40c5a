//go:build linux

package systemd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// fakeHost is a machine whose systemd has units in memory and whose cgroups are
// directories without files.
type fakeHost struct {
	t        *testing.T
	version  int
	user     bool
	rootPath string
	layout   cgroups.Layout
	mount    string

	log     []string                  // what was asked of systemd and of the directories
	units   map[string]map[string]any // properties
	places  map[int]string            // the cgroups of processes
	forget  bool                      // units are forgotten just before there is a reference
	fail    map[string]error          // by the start of a line of the log
	failOne map[string]error          // the same, once
	silent  bool                      // systemd does not answer
}

func newFakeHost(t *testing.T, layout cgroups.Layout) *fakeHost {
	return &fakeHost{
		t: t, version: 257, layout: layout, mount: t.TempDir(),
		units: map[string]map[string]any{}, places: map[int]string{}, fail: map[string]error{}, failOne: map[string]error{},
	}
}

// manager gives a manager on the machine.
func (h *fakeHost) manager(cg *configs.Cgroup, paths map[string]string) *Manager {
	return &Manager{Cgroups: cg, Paths: paths, machine: &host{
		bus:    h,
		layout: func() (cgroups.Layout, error) { return h.layout, nil },
		files: func(_ cgroups.Layout, cg *configs.Cgroup, paths map[string]string) files {
			return &fakeFiles{h: h, cg: cg, paths: paths}
		},
		existing: func(cg *configs.Cgroup) (map[string]string, error) {
			paths := make(map[string]string)
			for _, key := range h.keys() {
				if dir := h.dir(key, filepath.Join(cg.Parent, cg.Name)); cgroups.PathExists(dir) {
					paths[key] = dir
				}
			}
			return paths, nil
		},
		cgroupsOf: func(pid int) (map[string]string, error) {
			place, ok := h.places[pid]
			if !ok {
				return nil, &os.PathError{Op: "open", Path: fmt.Sprintf("/proc/%d/cgroup", pid), Err: unix.ENOENT}
			}
			return map[string]string{systemdKey(h.layout): place}, nil
		},
		makeSub: func(dir string) error { return os.Mkdir(dir, 0o755) },
	}}
}

// note logs a call and gives the error that it is to have.
func (h *fakeHost) note(format string, args ...any) error {
	line := fmt.Sprintf(format, args...)
	h.log = append(h.log, line)
	for prefix, err := range h.failOne {
		if strings.HasPrefix(line, prefix) {
			delete(h.failOne, prefix)
			return err
		}
	}
	for prefix, err := range h.fail {
		if strings.HasPrefix(line, prefix) {
			return err
		}
	}
	return nil
}

// keys are the hierarchies of the layout.
func (h *fakeHost) keys() []string {
	if h.layout == cgroups.LayoutV2 {
		return []string{""}
	}
	return []string{"name=systemd", "memory", "devices", "freezer"}
}

// dir is where a cgroup is in a hierarchy.
func (h *fakeHost) dir(key, cgroup string) string { return filepath.Join(h.mount, key, cgroup) }

func busError(name, text string) error { return dbus.NewError(name, []any{text}) }

func (h *fakeHost) facts(context.Context) (facts, error) {
	return facts{version: h.version, root: h.rootPath, user: h.user}, h.note("facts")
}

// wait waits as long as systemd does not answer.
func (h *fakeHost) wait(ctx context.Context) error {
	if !h.silent {
		return nil
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

func (h *fakeHost) start(ctx context.Context, unit string, props []sd.Property, aux []sd.PropertyCollection) error {
	var slicesMade []string
	for _, a := range aux {
		slicesMade = append(slicesMade, a.Name)
	}
	if err := errors.Join(h.note("start %s %v", unit, slicesMade), h.wait(ctx)); err != nil {
		return err
	}
	if _, ok := h.units[unit]; ok {
		return busError(errUnitExists, "Unit "+unit+" was already loaded or has a fragment file.")
	}
	for _, slice := range slicesMade {
		if u, ok := h.units[slice]; ok && u["inactive"] != true {
			return busError(errUnitExists, "Unit "+slice+" was already loaded or has a fragment file.")
		}
		h.units[slice] = map[string]any{stopWhenUnneeded: true}
	}
	got := map[string]any{}
	for _, p := range props {
		got[p.Name] = p.Value.Value()
	}
	h.units[unit] = got
	slice, _ := got["Slice"].(string)
	if isSlice(unit) {
		slice = rootSlice
	}
	cgroup := h.rootPath + cgroupOf(slice, unit)
	for _, key := range h.keys() {
		if madeBySystemd(key) {
			if err := os.MkdirAll(h.dir(key, cgroup), 0o755); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	if pids, ok := got["PIDs"].([]uint32); ok {
		h.places[int(pids[0])] = cgroup
	}
	return nil
}

func (h *fakeHost) stop(ctx context.Context, unit string) error {
	if err := h.wait(ctx); err != nil {
		return err
	}
	if err := h.note("stop %s", unit); err != nil {
		return err
	}
	delete(h.units, unit)
	return nil
}

func (h *fakeHost) set(_ context.Context, unit string, props []sd.Property) error {
	if err := h.note("set %s %s", unit, names(props)); err != nil {
		return err
	}
	for _, p := range props {
		h.units[unit][p.Name] = p.Value.Value()
	}
	return nil
}

func (h *fakeHost) property(_ context.Context, unit, name string) (any, error) {
	if err := h.note("property %s %s", unit, name); err != nil {
		return nil, err
	}
	props, ok := h.units[unit]
	if !ok {
		return nil, busError(errNoSuchUnit, "Unit "+unit+" not loaded.")
	}
	switch name {
	case stopWhenUnneeded:
		return props[name] == true, nil
	case "ActiveState":
		if props["inactive"] == true {
			return "inactive", nil
		}
		return "active", nil
	}
	file, _ := props[name].(string)
	return file, nil
}

func (h *fakeHost) ref(_ context.Context, unit string) error {
	err := h.note("ref %s", unit)
	if h.forget {
		h.units[unit] = map[string]any{"inactive": true}
	}
	return err
}

func (h *fakeHost) unref(_ context.Context, unit string) error {
	if h.forget {
		delete(h.units, unit)
	}
	return h.note("unref %s", unit)
}

func (h *fakeHost) attach(_ context.Context, unit string, pid int) error {
	return h.note("attach %s %d", unit, pid)
}

// wantLog compares the log, and empties it.
func (h *fakeHost) wantLog(want ...string) {
	h.t.Helper()
	got := slices.DeleteFunc(h.log, func(line string) bool { return line == "facts" || strings.HasPrefix(line, "property ") })
	if !slices.Equal(got, want) {
		h.t.Errorf("log\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
	h.log = nil
}

// fakeFiles is the manager of directories on a fakeHost. Its paths are relative to
// nothing but cg.
type fakeFiles struct {
	h       *fakeHost
	cg      *configs.Cgroup
	paths   map[string]string
	parents []string
}

func (f *fakeFiles) Plan() (map[string]string, []string, error) {
	paths := map[string]string{}
	var parents []string
	for _, key := range f.h.keys() {
		paths[key] = f.h.dir(key, filepath.Join(f.cg.Parent, f.cg.Name))
		parents = append(parents, filepath.Dir(paths[key]))
		for pid, place := range f.h.places {
			if place == filepath.Join(f.cg.Parent, f.cg.Name) {
				return nil, nil, fmt.Errorf("the cgroup %s is in use by the processes [%d]: %w", paths[key], pid, unix.EBUSY)
			}
		}
	}
	return paths, parents, nil
}

func (f *fakeFiles) Create() error {
	f.paths = map[string]string{}
	for _, key := range f.h.keys() {
		f.paths[key] = f.h.dir(key, filepath.Join(f.cg.Parent, f.cg.Name))
		if !madeBySystemd(key) {
			if err := os.MkdirAll(f.paths[key], 0o755); err != nil {
				return err
			}
			f.parents = append(f.parents, filepath.Dir(f.paths[key]))
		}
	}
	return f.h.note("files create")
}

func (f *fakeFiles) Enter(pid int, stage cgroups.Stage) error {
	return f.h.note("files enter %d %v", pid, stage)
}

func (f *fakeFiles) Set(c *configs.Config) error { return f.SetAnd(c, nil) }

func (f *fakeFiles) SetAnd(c *configs.Config, commit func() error) error {
	r := c.Cgroups.Resources
	err := f.h.note("files set memory=%d pids=%d shares=%d all=%v", r.Memory, r.PidsLimit, r.CpuShares, r.AllowAllDevices)
	if err != nil || commit == nil {
		return err
	}
	return commit()
}

func (f *fakeFiles) Destroy() error { return f.h.note("files destroy") }

func (f *fakeFiles) GetPaths() map[string]string { return maps.Clone(f.paths) }

func (f *fakeFiles) Find() (map[string]string, error) { return f.cg.Paths, nil }

func (f *fakeFiles) GetPids() ([]int, error)    { return []int{1}, f.h.note("files pids") }
func (f *fakeFiles) GetAllPids() ([]int, error) { return []int{1, 2}, f.h.note("files all pids") }
func (f *fakeFiles) GetStats() (*cgroups.Stats, error) {
	return cgroups.NewStats(), f.h.note("files stats")
}
func (f *fakeFiles) Freeze(s configs.FreezerState) error { return f.h.note("files freeze %s", s) }
func (f *fakeFiles) FreezerState() (configs.FreezerState, error) {
	return configs.Frozen, f.h.note("files freezer state")
}
func (f *fakeFiles) Within(context.Context) func() { return func() {} }
func (f *fakeFiles) ThawAll() error                { return f.h.note("files thaw all") }
func (f *fakeFiles) Kill() error                   { return f.h.note("files kill") }
func (f *fakeFiles) Apply(int) error               { return errors.New("not to be called") }
func (f *fakeFiles) CreateUnified() (bool, error)  { return false, nil }

func (f *fakeFiles) EntersEarly() bool { return false }
func (f *fakeFiles) EntryFiles(cgroups.Stage) ([]*os.File, error) {
	return nil, f.h.note("files entry")
}
func (f *fakeFiles) UnifiedDir() (*os.File, error) { return nil, f.h.note("files dir") }
func (f *fakeFiles) MadeParents() []string         { return f.parents }
func (f *fakeFiles) AdoptParents(parents []string) { f.parents = append(f.parents, parents...) }
