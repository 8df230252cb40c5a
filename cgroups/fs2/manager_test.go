//go:build linux

package fs2

import (
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
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfreeze"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgmanager"
	"github.com/libcontainer/libcontainer/configs"
)

// fakeMachine makes an imitation of a machine with cgroup v2, whose process is in
// the cgroup own, and returns its snapshot and mountpoint.
func fakeMachine(t *testing.T, own string) (*cgroups.Snapshot, string) {
	t.Helper()
	dir := t.TempDir()
	fill(t, dir, nil)
	for sub := own; sub != "/"; sub = filepath.Dir(sub) {
		fill(t, filepath.Join(dir, sub), nil)
	}
	s, err := cgroups.NewSnapshot(
		strings.NewReader("30 1 0:30 / "+dir+" rw - cgroup2 cgroup2 rw\n"), strings.NewReader("0::"+own+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func TestPlan(t *testing.T) {
	for _, test := range []struct {
		name, own string
		cgroup    *configs.Cgroup
		want      string // "" for an error
		wantErr   string
	}{
		{"beside the own", "/service/main", &configs.Cgroup{Name: "c"}, "service/c", ""},
		{"in the root", "/", &configs.Cgroup{Name: "c"}, "c", ""},
		{"relative parent", "/service", &configs.Cgroup{Name: "c", Parent: "a/b"}, "a/b/c", ""},
		{"absolute parent", "/service/main", &configs.Cgroup{Name: "c", Parent: "/a"}, "a/c", ""},
		{"no name", "/", &configs.Cgroup{}, "", "Cgroups.Name"},
		{"path", "/service", &configs.Cgroup{Path: "a//b/./c/"}, "a/b/c", ""},
		{"absolute path", "/service", &configs.Cgroup{Path: "/a"}, "a", ""},
		{"path up", "/", &configs.Cgroup{Path: "/a/../b"}, "", "Cgroups.Path"},
		{"path of the root", "/", &configs.Cgroup{Path: "/./"}, "", "names no cgroup"},
		{"path and name", "/", &configs.Cgroup{Path: "/a", Name: "c"}, "", "only the one"},
		{"path and parent", "/", &configs.Cgroup{Path: "/a", Parent: "c"}, "", "only the one"},
		{"parent up", "/", &configs.Cgroup{Name: "c", Parent: "../b"}, "", "Cgroups.Parent"},
		{"join two", "/", &configs.Cgroup{Paths: map[string]string{"cpu": "/a", "memory": "/b"}}, "", "2 different paths"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, dir := fakeMachine(t, test.own)
			m := &Manager{Cgroups: test.cgroup, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
			got, _, err := m.Plan()
			checkErr(t, err, test.wantErr)
			if test.want != "" && !maps.Equal(got, map[string]string{"": filepath.Join(dir, test.want)}) {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
}

func TestCreateAndDestroy(t *testing.T) {
	s, dir := fakeMachine(t, "/")
	fill(t, filepath.Join(dir, "old"), nil)
	m := &Manager{Cgroups: &configs.Cgroup{Parent: "/old/new", Name: "c"}, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	for range 2 {
		_, parents, err := m.Plan()
		if err != nil || !slices.Equal(parents, []string{dir + "/old/new"}) {
			t.Errorf("planned parents %v, error %v", parents, err)
		}
		if err := m.Create(); err != nil {
			t.Fatal(err)
		}
		if got, want := m.GetPaths(), (map[string]string{"": dir + "/old/new/c"}); !maps.Equal(got, want) || !cgroups.PathExists(want[""]) {
			t.Errorf("paths %v, want %v, which exists", got, want)
		}
		if got := m.MadeParents(); !slices.Equal(got, parents) {
			t.Errorf("made the parents %v, want %v", got, parents)
		}
		// Another manager, as after a crash.
		loaded := &Manager{Cgroups: m.Cgroups, Paths: m.GetPaths(), state: cgmanager.State{Kind: cgdir.Any}}
		loaded.AdoptParents(parents)
		for range 2 {
			if err := loaded.Destroy(); err != nil {
				t.Fatal(err)
			}
		}
		for path, want := range map[string]bool{"old": true, "old/new": false} {
			if got := cgroups.PathExists(filepath.Join(dir, path)); got != want {
				t.Errorf("after Destroy %s exists: %v, want %v", path, got, want)
			}
		}
		m = &Manager{Cgroups: m.Cgroups, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	}
}

// A directory that is no cgroup is not taken for one.
func TestCreateChecksFileSystem(t *testing.T) {
	s, dir := fakeMachine(t, "/")
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c"}, state: cgmanager.State{Snapshot: s}}
	checkErr(t, m.Create(), "is not on a cgroup file system")
	if cgroups.PathExists(filepath.Join(dir, "c")) || len(m.GetPaths()) != 0 {
		t.Error("something is left")
	}
}

// A failure puts back what was written, and says what failed.
func TestSetRollback(t *testing.T) {
	m, dir := fakeManager(t, map[string]string{"cpu.weight": "100\n", memoryMax: "max\n", "memory.high": "max\n"})
	err := m.Set(config(&configs.Resources{AllowAllDevices: true, CpuWeight: 7, Memory: 4096, MemoryHigh: 2048, PidsLimit: 1}))
	checkErr(t, err, "PidsLimit (pids.max) is not supported by this kernel")
	for file, want := range map[string]string{"cpu.weight": "100", memoryMax: "max", "memory.high": "max"} {
		if got := readFile(t, filepath.Join(dir, file)); got != want {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
	}
}

// What cgroup v2 does not have is refused before anything is written.
func TestSetRefuses(t *testing.T) {
	m, dir := fakeManager(t, map[string]string{pidsMax: "max\n"})
	err := m.Set(config(&configs.Resources{AllowAllDevices: true, PidsLimit: 5, KernelMemory: 1}))
	checkErr(t, err, "KernelMemory")
	if !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v, want ErrUnsupported", err)
	}
	if got := readFile(t, filepath.Join(dir, pidsMax)); got != "max" {
		t.Errorf("and yet pids.max was set to %q", got)
	}
}

// When the caller's own part of the change fails, the limits are put back.
func TestSetAnd(t *testing.T) {
	m, dir := fakeManager(t, map[string]string{pidsMax: "max\n"})
	limit := config(&configs.Resources{AllowAllDevices: true, PidsLimit: 5})
	for _, fails := range []error{unix.EPERM, nil} {
		at := ""
		err := m.SetAnd(limit, func() error {
			at = readFile(t, filepath.Join(dir, pidsMax))
			return fails
		})
		want := map[bool]string{true: "5", false: "max"}[fails == nil]
		if got := readFile(t, filepath.Join(dir, pidsMax)); !errors.Is(err, fails) || at != "5" || got != want {
			t.Errorf("commit fails with %v: error %v, pids.max was %s and is %s, want 5 and %s", fails, err, at, got, want)
		}
	}
}

func TestSetVanished(t *testing.T) {
	m, dir := fakeManager(t, nil)
	m.Paths[""] = dir + "/gone"
	err := m.Set(config(&configs.Resources{AllowAllDevices: true, PidsLimit: 1}))
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), dir+"/gone") {
		t.Errorf("got %v, want an error that names the directory", err)
	}
	if _, err := m.GetStats(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("statistics: %v", err)
	}
	if err := m.Kill(); err != nil {
		t.Errorf("kill: %v", err)
	}
	if err := m.Destroy(); err != nil {
		t.Errorf("destroy: %v", err)
	}
}

// Paths that were recorded on a machine with cgroup v1, before a reboot, lead nowhere:
// there are no processes, and Destroy has nothing to do.
func TestPathsOfAnotherLayout(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "memory", "c")
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c"}, Paths: map[string]string{"memory": gone}}
	for _, list := range []func() ([]int, error){m.GetPids, m.GetAllPids} {
		if pids, err := list(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("processes %v, error %v; want ErrNotExist", pids, err)
		}
	}
	if err := m.Destroy(); err != nil {
		t.Error(err)
	}
}

func TestSetWithoutCgroup(t *testing.T) {
	limit := config(&configs.Resources{AllowAllDevices: true, PidsLimit: 1})
	none := &Manager{Cgroups: &configs.Cgroup{Name: "c"}}
	checkErr(t, none.Set(limit), "no cgroups yet")
	optional := &Manager{Cgroups: &configs.Cgroup{Name: "c", Optional: true}}
	optional.base().Refuse([]string{""}, unix.EACCES)
	if err := optional.Set(config(&configs.Resources{AllowAllDevices: true})); err != nil {
		t.Errorf("no limit: %v", err)
	}
	err := optional.Set(limit)
	if !errors.Is(err, unix.EACCES) || !cgroups.IsNotFound(err) {
		t.Errorf("a limit: %v", err)
	}
	for _, r := range []*configs.Resources{{AllowAllDevices: true, Freezer: configs.Frozen}, {}, {AllowAllDevices: true, Unified: map[string]string{"a.b": ""}}} {
		if err := optional.Set(config(r)); !cgroups.IsNotFound(err) {
			t.Errorf("%+v: %v", r, err)
		}
	}
	if _, err := optional.GetStats(); !errors.Is(err, unix.EACCES) {
		t.Errorf("statistics: %v", err)
	}
}

// From Create until the first process is about to execve its limits wait.
func TestHeldLimits(t *testing.T) {
	m, dir := fakeManager(t, map[string]string{
		memoryMax: "max\n", "memory.high": "max\n", pidsMax: "max\n", "memory.swap.max": "max\n", "memory.min": "0\n", "memory.events": "oom_kill 0\n", procsFile: "17\n",
	})
	var attached []string
	m.attach = func(_ int, r *configs.Resources) error {
		if !r.AllowAllDevices && len(r.AllowedDevices) == 1 {
			attached = append(attached, r.AllowedDevices[0].Path)
		}
		return nil
	}
	m.start.ahead = true
	for _, limit := range []int64{1 << 30, 2 << 30} {
		r := &configs.Resources{
			Memory: limit, MemorySwap: -1, PidsLimit: 5, MemoryMin: 3, Unified: map[string]string{"memory.high": "9"},
			AllowedDevices: []*configs.Device{{Path: "/dev/null", Type: 'c', Major: 1, Minor: 3, Permissions: "rw"}},
		}
		if err := m.Set(config(r)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(when string, want map[string]string, devices int) {
		t.Helper()
		for file, want := range want {
			if got := readFile(t, filepath.Join(dir, file)); got != want {
				t.Errorf("%s %s is %q, want %q", when, file, got, want)
			}
		}
		if len(attached) != devices {
			t.Errorf("%s devices were set %d times, want %d", when, len(attached), devices)
		}
	}
	check("before", map[string]string{memoryMax: "max", "memory.high": "max", pidsMax: "max", "memory.min": "3"}, 0)
	if err := m.Enter(17, cgroups.StageSetup); err != nil {
		t.Fatal(err)
	}
	check("at setup", map[string]string{memoryMax: "max"}, 0)
	if err := m.Enter(17, cgroups.StageExec); err != nil {
		t.Fatal(err)
	}
	check("at exec", map[string]string{memoryMax: "2147483648", "memory.high": "9", pidsMax: "5"}, 1)
	// From now on all is written at once.
	if err := m.Set(config(&configs.Resources{AllowAllDevices: true, PidsLimit: 6})); err != nil {
		t.Fatal(err)
	}
	check("later", map[string]string{pidsMax: "6"}, 1)
}

func TestEnter(t *testing.T) {
	m, dir := fakeManager(t, map[string]string{procsFile: "17\n"})
	procs := filepath.Join(dir, procsFile)
	for _, step := range []struct {
		pid   int
		stage cgroups.Stage
		want  string
	}{
		{17, cgroups.StageExec, "17"}, // it is there
		{18, cgroups.StageSetup, "17"},
		{18, cgroups.StageExec, "18"},
	} {
		if err := m.Enter(step.pid, step.stage); err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, procs); got != step.want {
			t.Errorf("process %d at %v: cgroup.procs has %q, want %q", step.pid, step.stage, got, step.want)
		}
	}
	for _, pid := range []int{0, -1} {
		if err := m.Enter(pid, cgroups.StageExec); err == nil {
			t.Errorf("process %d was accepted", pid)
		}
	}
	checkErr(t, m.Apply(0), "not a process id")
}

// A process is cloned into its cgroup where there is room for its set-up: in the
// limits to come for the first, and in those in force for a further one.
func TestUnifiedDir(t *testing.T) {
	small := &configs.Resources{Memory: 1 << 20}
	for _, test := range []struct {
		name  string
		ahead bool
		r     *configs.Resources
		limit string
		want  bool
	}{
		{"first, no limits", true, nil, "max\n", true},
		{"first, little memory", true, small, "max\n", false},
		{"later, much memory", false, small, "1073741824\n", true},
		{"later, little memory", false, nil, "1048576\n", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, _ := fakeManager(t, map[string]string{memoryMax: test.limit, "memory.current": "0\n"})
			m.Cgroups.Resources, m.start.ahead = test.r, test.ahead
			dir, err := m.UnifiedDir()
			if err != nil {
				t.Fatal(err)
			}
			dir.Close()
			if got := dir != nil; got != test.want {
				t.Errorf("a directory: %v, want %v", got, test.want)
			}
		})
	}
	none := &Manager{Cgroups: &configs.Cgroup{}}
	if dir, err := none.UnifiedDir(); dir != nil || err != nil {
		t.Errorf("without a cgroup: %v, %v", dir, err)
	}
}

// The imitated kernel does not say that it has frozen or thawed; what it said before
// stands.
func TestFreeze(t *testing.T) {
	frozen := map[string]string{cgfreeze.File: "0\n", "cgroup.events": "populated 1\nfrozen 1\n"}
	m, dir := fakeManager(t, frozen)
	if err := m.Freeze(configs.Frozen); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(dir, cgfreeze.File)); got != "1" {
		t.Errorf("cgroup.freeze is %q, want 1", got)
	}
	for _, state := range []configs.FreezerState{configs.Undefined, configs.Freezing, "frozen"} {
		if err := m.Freeze(state); err == nil {
			t.Errorf("the state %q was accepted", state)
		}
	}
	none := &Manager{Cgroups: &configs.Cgroup{}}
	if err := none.Freeze(configs.Frozen); err == nil {
		t.Error("a container without cgroup was frozen")
	}
	if state, err := none.FreezerState(); err != nil || state != configs.Undefined {
		t.Errorf("state without a cgroup: %q, %v", state, err)
	}
}

func TestFreezerState(t *testing.T) {
	for _, test := range []struct {
		freeze, events string
		want           configs.FreezerState
	}{
		{"0\n", "populated 1\nfrozen 0\n", configs.Thawed},
		{"1\n", "populated 1\nfrozen 0\n", configs.Freezing},
		{"1\n", "populated 1\nfrozen 1\n", configs.Frozen},
		{"0\n", "populated 1\nfrozen 1\n", configs.Frozen}, // by a cgroup above
	} {
		m, _ := fakeManager(t, map[string]string{cgfreeze.File: test.freeze, "cgroup.events": test.events})
		if got, err := m.FreezerState(); err != nil || got != test.want {
			t.Errorf("%+v: got %q, %v", test, got, err)
		}
	}
}

func TestKill(t *testing.T) {
	m, dir := fakeManager(t, map[string]string{"cgroup.kill": ""})
	if err := m.Kill(); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(dir, "cgroup.kill")); got != "1" {
		t.Errorf("cgroup.kill is %q", got)
	}
	old, _ := fakeManager(t, nil)
	if err := old.Kill(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("an old kernel: %v", err)
	}
	joined, _ := fakeManager(t, map[string]string{"cgroup.kill": ""})
	joined.Cgroups.Paths = joined.Paths
	if err := joined.Kill(); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a joined cgroup: %v", err)
	}
	none := &Manager{Cgroups: &configs.Cgroup{}}
	if err := none.Kill(); err != nil {
		t.Errorf("no cgroup: %v", err)
	}
}

// A joined cgroup is neither limited nor removed.
func TestJoined(t *testing.T) {
	_, dir := fakeManager(t, map[string]string{pidsMax: "max\n"})
	m := &Manager{Cgroups: &configs.Cgroup{Paths: map[string]string{"cpu": dir, "": dir}}, state: cgmanager.State{Kind: cgdir.Any}}
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	if err := m.Enter(17, cgroups.StageExec); err != nil {
		t.Fatal(err)
	}
	limited := config(&configs.Resources{PidsLimit: 1})
	limited.Cgroups.Paths = m.Cgroups.Paths
	if err := m.Set(limited); err != nil {
		t.Fatal(err)
	}
	if err := m.Destroy(); err != nil {
		t.Fatal(err)
	}
	if procs, max := readFile(t, dir+"/"+procsFile), readFile(t, dir+"/"+pidsMax); procs != "17" || max != "max" {
		t.Errorf("cgroup.procs has %q and pids.max %q", procs, max)
	}
	missing := &Manager{Cgroups: &configs.Cgroup{Paths: map[string]string{"": dir + "/gone"}}, state: cgmanager.State{Kind: cgdir.Any}}
	if err := missing.Create(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing cgroup: %v", err)
	}
}
