//go:build linux

package systemd

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
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

const pid = 77

func newCgroup(r *configs.Resources) *configs.Cgroup {
	return &configs.Cgroup{Name: "c", Parent: "a-b.slice", Resources: r}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// wantError checks that an error says all the texts.
func wantError(t *testing.T, err error, texts ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one that says %q", texts)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

// start brings a container's first process to its program.
func start(t *testing.T, m *Manager) {
	t.Helper()
	must(t, m.Create(), m.Set(&configs.Config{Cgroups: m.Cgroups}), m.Enter(pid, cgroups.StageSetup), m.Enter(pid, cgroups.StageExec))
}

func TestLifeOnV2(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	m := h.manager(newCgroup(&configs.Resources{Memory: 1 << 30, PidsLimit: 5, CpuShares: 1024}), nil)
	dir := h.dir("", "/a.slice/a-b.slice/c.scope")
	paths, parents, err := m.Plan()
	must(t, err)
	if paths[""] != dir || len(paths) != 1 || len(parents) != 0 {
		t.Errorf("plan %v, parents %v; want %s", paths, parents, dir)
	}
	must(t, m.Create(), m.Set(&configs.Config{Cgroups: m.Cgroups}))
	if !m.EntersEarly() || m.GetPaths()[""] != dir {
		t.Errorf("after Create: paths %v, early %v", m.GetPaths(), m.EntersEarly())
	}
	if pids, err := m.GetAllPids(); err != nil || pids != nil {
		t.Errorf("before the start there are processes %v, error %v", pids, err)
	}
	h.wantLog()
	must(t, m.Enter(pid, cgroups.StageSetup))
	h.wantLog("start c.scope [a-b.slice a.slice]", "files create", "files enter 77 setup", "files set memory=1073741824 pids=5 shares=1024 all=false")
	unit := h.units["c.scope"]
	for name, want := range map[string]any{
		"Slice": "a-b.slice", "Delegate": true, "CPUWeight": uint64(100), "TasksMax": infinity, "CollectMode": "inactive-or-failed",
		"OOMPolicy": "continue", "MemoryAccounting": true, "IOAccounting": true, "MemoryMax": nil,
	} {
		if unit[name] != want {
			t.Errorf("%s is %v, want %v", name, unit[name], want)
		}
	}
	must(t, m.Enter(pid, cgroups.StageExec))
	h.wantLog("files enter 77 exec", "set c.scope MemoryMax, TasksMax")
	if unit["MemoryMax"] != uint64(1<<30) || unit["TasksMax"] != uint64(5) || m.EntersEarly() {
		t.Errorf("after the start: %v", unit)
	}
	must(t, m.Enter(78, cgroups.StageSetup), m.Enter(78, cgroups.StageExec), m.Destroy())
	h.wantLog("files enter 78 setup", "files enter 78 exec", "stop c.scope", "files destroy")
	must(t, m.Destroy())
	h.wantLog()
	if len(m.GetPaths()) != 0 {
		t.Errorf("paths after Destroy: %v", m.GetPaths())
	}
}

// Without room for the set-up the unit starts at the last moment, with all limits.
func TestTightLimits(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	m := h.manager(newCgroup(&configs.Resources{Memory: 1 << 20}), nil)
	must(t, m.Create(), m.Set(&configs.Config{Cgroups: m.Cgroups}), m.Enter(pid, cgroups.StageSetup))
	h.wantLog()
	must(t, m.Enter(pid, cgroups.StageExec))
	h.wantLog("start c.scope [a-b.slice a.slice]", "files create", "files enter 77 setup", "files set memory=1048576 pids=0 shares=0 all=false", "files enter 77 exec")
	if got := h.units["c.scope"]["MemoryMax"]; got != uint64(1<<20) {
		t.Errorf("MemoryMax is %v", got)
	}
}

// Who gave a deadline is told when systemd does not answer, and not half a minute later.
func TestSilentSystemd(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	m := h.manager(newCgroup(&configs.Resources{Memory: 1 << 30}), nil)
	over := errors.New("time is over")
	within := func(call func() error) {
		t.Helper()
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, over)
		defer cancel()
		defer m.Within(ctx)()
		if err := call(); !errors.Is(err, over) {
			t.Errorf("error %v", err)
		}
	}
	h.silent = true
	within(func() error {
		return errors.Join(m.Create(), m.Set(&configs.Config{Cgroups: m.Cgroups}), m.Enter(pid, cgroups.StageSetup))
	})
	h.silent = false
	must(t, m.Destroy())
	start(t, m)
	h.silent = true
	// Its cgroups are removed here, so that nothing is left.
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	defer m.Within(ctx)()
	must(t, m.Destroy())
}

func TestLifeOnV1(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV1)
	m := h.manager(newCgroup(&configs.Resources{Memory: 1 << 30, PidsLimit: 5, CpuShares: 1024}), nil)
	paths, parents, err := m.Plan()
	must(t, err)
	devices := h.dir("devices", "/a.slice/a-b.slice/c.scope/container")
	if paths["devices"] != devices || !slices.Equal(parents, []string{h.dir("freezer", "/a.slice/a-b.slice")}) {
		t.Errorf("plan %v, parents %v", paths, parents)
	}
	start(t, m)
	h.wantLog("start c.scope [a-b.slice a.slice]", "files create", "files enter 77 setup", "files set memory=0 pids=0 shares=1024 all=true",
		"files enter 77 exec", "files set memory=1073741824 pids=5 shares=1024 all=false", "set c.scope MemoryMax, TasksMax")
	if _, err := os.Stat(devices); err != nil || m.GetPaths()["devices"] != devices {
		t.Errorf("the devices cgroup: %v, paths %v", err, m.GetPaths())
	}
	if got := m.MadeParents(); len(got) != 1 {
		t.Errorf("made parents %v", got)
	}
	unit := h.units["c.scope"]
	if unit["CPUShares"] != uint64(1024) || unit["BlockIOAccounting"] != true || unit["DeviceAllow"] != nil {
		t.Errorf("unit %v", unit)
	}
	later := h.manager(m.Cgroups, m.GetPaths())
	must(t, later.Destroy())
	h.wantLog("stop c.scope", "files destroy")
	if _, err := os.Stat(filepath.Dir(devices)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the unit's devices cgroup is left: %v", err)
	}
}

func TestOldSystemd(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	h.version = 230
	_, _, err := h.manager(newCgroup(nil), nil).Plan()
	wantError(t, err, "c.scope needs systemd 231", "systemd 230")
	h.version = 231
	m := h.manager(newCgroup(&configs.Resources{CpuWeight: 5, CpusetCpus: "0"}), nil)
	start(t, m)
	for _, name := range []string{"CollectMode", "OOMPolicy", "CPUWeight", "AllowedCPUs"} {
		if got, ok := h.units["c.scope"][name]; ok {
			t.Errorf("systemd 231 is given %s %v", name, got)
		}
	}
}

// A unit in use is another's, and is left alone.
func TestUnitInUse(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	start(t, h.manager(newCgroup(nil), nil))
	m := h.manager(newCgroup(nil), nil)
	_, _, err := m.Plan()
	wantError(t, err, "c.scope", "in use", "77")
	h.log = nil
	late := h.manager(newCgroup(nil), nil)
	h.places = map[int]string{}
	must(t, late.Create())
	h.places[pid] = "/a.slice/a-b.slice/c.scope" // it comes between
	wantError(t, late.Enter(78, cgroups.StageSetup), "in use")
	if len(late.GetPaths()) != 0 {
		t.Error("the other one's cgroups are taken for our own")
	}
	must(t, late.Destroy())
	h.wantLog("ref a-b.slice", "ref a.slice", "start c.scope []", "unref a.slice", "unref a-b.slice")
}

// One without processes, of an earlier life, makes way.
func TestUnitLeft(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	h.units["c.scope"] = map[string]any{}
	m := h.manager(newCgroup(nil), nil)
	must(t, m.Create(), m.Enter(pid, cgroups.StageSetup))
	h.wantLog("start c.scope [a-b.slice a.slice]", "stop c.scope", "start c.scope [a-b.slice a.slice]", "files create", "files enter 77 setup")
}

// Slices that systemd has are not made, whatever their cgroups; those that it would
// forget are held.
func TestLoadedSlice(t *testing.T) {
	for _, test := range []struct {
		name   string
		unit   map[string]any
		forget bool
		want   []string
	}{
		{"administrator's", map[string]any{}, false, []string{"start c.scope [a-b.slice]"}},
		{"administrator's, not active", map[string]any{"inactive": true, "FragmentPath": "/etc/systemd/system/a.slice"}, false, []string{"start c.scope [a-b.slice]"}},
		{"of its name alone", map[string]any{"inactive": true}, false, []string{"start c.scope [a-b.slice a.slice]"}},
		{"collected", map[string]any{stopWhenUnneeded: true}, false, []string{"ref a.slice", "start c.scope [a-b.slice]", "unref a.slice"}},
		{"forgotten", map[string]any{stopWhenUnneeded: true}, true, []string{"ref a.slice", "unref a.slice", "start c.scope [a-b.slice a.slice]"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := newFakeHost(t, cgroups.LayoutV2)
			h.units["a.slice"], h.forget = test.unit, test.forget
			m := h.manager(newCgroup(nil), nil)
			must(t, m.Create(), m.Enter(pid, cgroups.StageSetup))
			h.wantLog(append(test.want, "files create", "files enter 77 setup")...)
		})
	}
}

// Others that take the name over and over end the tries.
func TestNameTaken(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	m := h.manager(newCgroup(nil), nil)
	must(t, m.Create())
	h.fail["start"] = busError(errUnitExists, "Unit c.scope was already loaded.")
	wantError(t, m.Enter(pid, cgroups.StageSetup), "start the unit c.scope", "already loaded")
	must(t, m.Destroy())
	if n := len(h.log); n > 2*maxStarts+10 || slices.Contains(h.log[n-1:], "files destroy") {
		t.Errorf("log %q", h.log)
	}
}

// A start that was heard before the connection was lost is not done again.
func TestStartHeard(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	h.places[pid] = "/a.slice/a-b.slice/c.scope"
	m := h.manager(newCgroup(nil), nil)
	m.starting = &starting{target: &target{unit: "c.scope", slice: "a-b.slice", layout: h.layout, cgroup: h.places[pid], cg: placed(m.Cgroups, h.places[pid])}}
	h.fail["start"] = busError(errUnitExists, "Unit c.scope was already loaded.")
	must(t, m.Enter(pid, cgroups.StageSetup))
	h.wantLog("start c.scope [a-b.slice a.slice]", "files create", "files enter 77 setup")
}

func TestWrongPlace(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	m := h.manager(newCgroup(nil), nil)
	must(t, m.Create())
	h.places[78] = "/elsewhere"
	h.units["c.scope"] = nil
	wantError(t, m.checkPlace(m.starting.target, 78), "c.scope", "78", "/elsewhere", "/a.slice/a-b.slice/c.scope")
}

func TestStartRefused(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	m := h.manager(newCgroup(&configs.Resources{CpuWeight: 5}), nil)
	must(t, m.Create(), m.Set(&configs.Config{Cgroups: m.Cgroups}))
	h.fail["start"] = busError("org.freedesktop.DBus.Error.PropertyReadOnly", "Cannot set property CPUWeight, or unknown property.")
	wantError(t, m.Enter(pid, cgroups.StageSetup), "start the unit c.scope", "CPUWeight", "unknown property")
	must(t, m.Destroy())
	if len(m.GetPaths()) != 0 {
		t.Errorf("paths %v are left", m.GetPaths())
	}
	h.wantLog("start c.scope [a-b.slice a.slice]", "stop c.scope", "files destroy")
}

// If systemd refuses, the files get their former values; if the kernel does, systemd
// is not asked.
func TestSetIsAllOrNothing(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	m := h.manager(newCgroup(&configs.Resources{PidsLimit: 5, AllowAllDevices: true}), nil)
	start(t, m)
	h.log = nil
	next := &configs.Config{Cgroups: newCgroup(&configs.Resources{PidsLimit: 6})}
	h.fail["set"] = errors.New("refused")
	wantError(t, m.Set(next), "TasksMax", "c.scope", "refused")
	h.wantLog("files set memory=0 pids=6 shares=0 all=false", "set c.scope TasksMax", "files set memory=0 pids=5 shares=0 all=true")
	h.fail = map[string]error{"files set": unix.EINVAL}
	if err := m.Set(next); !errors.Is(err, unix.EINVAL) {
		t.Errorf("error %v", err)
	}
	h.wantLog("files set memory=0 pids=6 shares=0 all=false")
	h.fail = nil
	next.Cgroups.SystemdProperties = []configs.SystemdProperty{{Name: "Description", Value: "'mine'"}}
	must(t, m.Set(next))
	h.wantLog("files set memory=0 pids=6 shares=0 all=false", "set c.scope TasksMax, Description")
	must(t, m.Set(next))
	h.wantLog("files set memory=0 pids=6 shares=0 all=false", "set c.scope TasksMax") // most can be set only at the start
	if got := h.units["c.scope"]["Description"]; got != "mine" {
		t.Errorf("the description is %v", got)
	}
}

func TestSlice(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	m := h.manager(&configs.Cgroup{Name: "pod.slice", Resources: &configs.Resources{PidsLimit: 5}}, nil)
	must(t, m.Apply(-1))
	unit := h.units["pod.slice"]
	if unit == nil || unit["Slice"] != nil || unit["PIDs"] != nil || unit["Delegate"] != nil {
		t.Errorf("the slice has the properties %v", unit)
	}
	h.wantLog("start pod.slice []", "files create")
	// There may never be a process in a slice itself: its limits do not wait for one.
	must(t, m.Set(&configs.Config{Cgroups: m.Cgroups}))
	h.wantLog("files set memory=0 pids=5 shares=0 all=false", "set pod.slice TasksMax")
	if unit["TasksMax"] != uint64(5) {
		t.Errorf("TasksMax is %v, want 5", unit["TasksMax"])
	}
	must(t, m.Apply(pid))
	h.wantLog("files enter 77 setup", "files enter 77 exec")
	must(t, m.Destroy())
	h.wantLog("stop pod.slice", "files destroy")
}

func TestFind(t *testing.T) {
	for _, layout := range []cgroups.Layout{cgroups.LayoutV1, cgroups.LayoutV2} {
		h := newFakeHost(t, layout)
		find := func() map[string]string {
			t.Helper()
			// It is in the slice that is meant when none is named.
			paths, err := h.manager(&configs.Cgroup{Name: "c"}, nil).Find()
			must(t, err)
			return paths
		}
		if paths := find(); len(paths) != 0 {
			t.Errorf("%v: before the start there are %v", layout, paths)
		}
		m := h.manager(&configs.Cgroup{Name: "c"}, nil)
		start(t, m)
		if paths := find(); len(paths) == 0 || !maps.Equal(paths, m.GetPaths()) {
			t.Errorf("%v: found %v, want %v", layout, paths, m.GetPaths())
		}
	}
}

// A user's process that is not in the user's manager is moved by systemd.
func TestExecThroughSystemd(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	h.user, h.rootPath = true, "/user.slice/user-1000.slice/user@1000.service"
	m := h.manager(&configs.Cgroup{Name: "c"}, nil)
	start(t, m)
	if got, want := m.GetPaths()[""], h.dir("", h.rootPath+"/app.slice/c.scope"); got != want {
		t.Errorf("path %s, want %s", got, want)
	}
	h.log = nil
	h.fail["files enter"] = unix.EACCES
	must(t, m.Enter(80, cgroups.StageExec))
	h.wantLog("files enter 80 exec", "attach c.scope 80")
	h.fail["attach"] = errors.New("no")
	wantError(t, m.Enter(80, cgroups.StageExec), "permission denied", "c.scope", "80", "no")
}

func TestOptional(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	h.user = true
	h.fail["facts"] = errNoSystemd
	cg := newCgroup(&configs.Resources{AllowAllDevices: true})
	_, _, err := h.manager(cg, nil).Plan()
	wantError(t, err, "connect to systemd")
	cg.Optional = true
	m := h.manager(cg, nil)
	start(t, m)
	if len(m.GetPaths()) != 0 {
		t.Errorf("paths %v", m.GetPaths())
	}
	if _, err := m.GetStats(); !cgroups.IsNotFound(err) || !errors.Is(err, errNoSystemd) {
		t.Errorf("statistics: error %v", err)
	}
	wantError(t, m.Set(&configs.Config{Cgroups: newCgroup(&configs.Resources{AllowAllDevices: true, PidsLimit: 3})}), "PidsLimit", "connect to systemd")
	must(t, m.Destroy())
	cg.Resources = &configs.Resources{AllowAllDevices: true, PidsLimit: 3}
	_, _, err = h.manager(cg, nil).Plan()
	wantError(t, err, "connect to systemd")
	h.fail["facts"] = errNotBooted
	cg.Resources = nil
	_, _, err = h.manager(cg, nil).Plan()
	wantError(t, err, "not the init system")
}

// Without systemd the cgroups are removed nonetheless.
func TestDestroyWithoutBus(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	m := h.manager(newCgroup(nil), nil)
	start(t, m)
	h.fail["stop"], h.fail["property"] = errNoSystemd, errNoSystemd
	dir := m.GetPaths()[""]
	must(t, m.Destroy())
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is left: %v", dir, err)
	}
	h.places, h.units = map[int]string{}, map[string]map[string]any{}
	start(t, h.manager(newCgroup(nil), nil))
	must(t, os.WriteFile(filepath.Join(dir, "busy"), nil, 0o644))
	later := h.manager(newCgroup(nil), map[string]string{"": dir})
	wantError(t, later.Destroy(), "stop the unit c.scope", "connect to systemd", dir)
	if len(later.GetPaths()) == 0 {
		t.Error("what is left is forgotten")
	}
}

func TestNothingMade(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	m := h.manager(newCgroup(nil), nil)
	_, statsErr := m.GetStats()
	_, pidsErr := m.GetPids()
	must(t, m.Destroy(), m.Kill(), statsErr)
	wantError(t, pidsErr, "no cgroups")
	wantError(t, m.Freeze(configs.Frozen), "no cgroups")
	wantError(t, m.Set(&configs.Config{Cgroups: newCgroup(&configs.Resources{})}), "no cgroups yet")
	wantError(t, m.Apply(0), "0 is not a process id")
	wantError(t, m.Enter(-1, cgroups.StageExec), "-1 is not a process id")
	none := h.manager(nil, nil)
	must(t, none.Create(), none.Apply(5), none.Set(&configs.Config{Cgroups: newCgroup(nil)}), none.Destroy())
	h.wantLog()
}

func TestApply(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	m := h.manager(newCgroup(nil), nil)
	must(t, m.Apply(pid))
	h.wantLog("start c.scope [a-b.slice a.slice]", "files create", "files enter 77 setup", "files enter 77 exec")
	must(t, m.Apply(78))
	h.wantLog("files enter 78 setup", "files enter 78 exec")
	h.fail["files enter 79"] = unix.ESRCH
	if err := m.Apply(79); !errors.Is(err, unix.ESRCH) || h.units["c.scope"] == nil {
		t.Errorf("a process that is gone: error %v, units %v", err, h.units)
	}
	fresh := h.manager(&configs.Cgroup{Name: "d"}, nil)
	if err := fresh.Apply(79); !errors.Is(err, unix.ESRCH) || h.units["d.scope"] != nil || len(fresh.GetPaths()) != 0 {
		t.Errorf("a process that is gone: error %v, units %v", err, h.units)
	}
}

// systemd removes the unit with its last process; the next one has it made again.
func TestApplyAgain(t *testing.T) {
	for _, layout := range []cgroups.Layout{cgroups.LayoutV2, cgroups.LayoutV1} {
		h := newFakeHost(t, layout)
		m := h.manager(newCgroup(nil), nil)
		must(t, m.Apply(pid))
		for _, dir := range m.GetPaths() {
			must(t, os.RemoveAll(dir))
		}
		delete(h.units, "c.scope")
		delete(h.places, pid)
		h.log = nil
		must(t, m.Apply(pid))
		if !slices.ContainsFunc(h.log, func(line string) bool { return strings.HasPrefix(line, "start c.scope") }) || h.units["c.scope"] == nil {
			t.Errorf("%v: the unit was not started again: %q", layout, h.log)
		}
	}
}

func TestDelegatedCalls(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	m := h.manager(newCgroup(nil), nil)
	start(t, m)
	h.log = nil
	_, err1 := m.GetPids()
	_, err2 := m.GetAllPids()
	_, err3 := m.GetStats()
	state, err4 := m.FreezerState()
	_, err5 := m.UnifiedDir()
	_, err6 := m.EntryFiles(cgroups.StageExec)
	must(t, err1, err2, err3, err4, err5, err6, m.Freeze(configs.Frozen), m.ThawAll(), m.Kill())
	if state != configs.Frozen {
		t.Errorf("state %q", state)
	}
	h.wantLog("files pids", "files all pids", "files stats", "files freezer state", "files dir", "files entry", "files freeze FROZEN",
		"files thaw all", "files kill")
	h.fail["files stats"] = fs.ErrNotExist
	_, err := m.GetStats()
	wantError(t, err, "removes a unit's cgroups when its last process ends")
	h.fail["files all pids"] = unix.ENODEV
	if _, err := m.GetAllPids(); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, unix.ENODEV) {
		t.Errorf("processes of cgroups that are being removed: error %v", err)
	}
	h.fail["files kill"] = unix.ENODEV
	must(t, m.Kill())
}

func TestUseSystemdHere(t *testing.T) {
	info, err := os.Lstat(bootedDir)
	if err == nil && info.IsDir() {
		t.Skip("systemd is the init system here")
	}
	if UseSystemd() {
		t.Error("UseSystemd is true")
	}
	_, _, err = (&Manager{Cgroups: newCgroup(nil)}).Plan()
	if !errors.Is(err, errNotBooted) {
		t.Errorf("error %v", err)
	}
	wantError(t, err, "not the init system", "Cgroupfs")
}

// A slice that systemd has stopped while the kernel kept it busy.
func TestSliceLeft(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV1)
	m := h.manager(newCgroup(nil), nil)
	start(t, m)
	delete(h.units, "a-b.slice")
	delete(h.units, "a.slice")
	must(t, m.Destroy())
	for _, key := range []string{"name=systemd", "memory", "devices"} {
		if _, err := os.Stat(h.dir(key, "/a.slice")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("of %s the slice is left: %v", key, err)
		}
	}
}

// The classic library's callers look at a container with a manager that has no Paths.
func TestManagerWithoutPaths(t *testing.T) {
	h := newFakeHost(t, cgroups.LayoutV2)
	cgroup := newCgroup(&configs.Resources{})
	start(t, h.manager(cgroup, nil))
	m := h.manager(cgroup, nil)
	h.log = nil
	must(t, m.Freeze(configs.Frozen))
	if pids, err := m.GetAllPids(); err != nil || len(pids) != 2 {
		t.Errorf("processes %v, error %v", pids, err)
	}
	must(t, m.Destroy())
	h.wantLog("files freeze FROZEN", "files all pids", "stop c.scope", "files destroy")
	must(t, m.Destroy(), h.manager(cgroup, nil).Destroy())
	h.wantLog()
}
