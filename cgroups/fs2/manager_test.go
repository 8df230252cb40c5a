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
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfreeze"
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
		{"parent up", "/", &configs.Cgroup{Name: "c", Parent: "../b"}, "", "Cgroups.Parent"},
		{"join two", "/", &configs.Cgroup{Paths: map[string]string{"cpu": "/a", "memory": "/b"}}, "", "2 different paths"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, dir := fakeMachine(t, test.own)
			m := &Manager{Cgroups: test.cgroup, snapshot: s, kind: cgdir.Any}
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
	m := &Manager{Cgroups: &configs.Cgroup{Parent: "/old/new", Name: "c"}, snapshot: s, kind: cgdir.Any}
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
		loaded := &Manager{Cgroups: m.Cgroups, Paths: m.GetPaths(), kind: cgdir.Any}
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
		m = &Manager{Cgroups: m.Cgroups, snapshot: s, kind: cgdir.Any}
	}
}

// A directory that is no cgroup is not taken for one.
func TestCreateChecksFileSystem(t *testing.T) {
	s, dir := fakeMachine(t, "/")
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c"}, snapshot: s}
	checkErr(t, m.Create(), "is not on a cgroup file system")
	if cgroups.PathExists(filepath.Join(dir, "c")) || len(m.GetPaths()) != 0 {
		t.Error("something is left")
	}
}

func TestEnable(t *testing.T) {
	s, dir := fakeMachine(t, "/")
	for _, sub := range []string{"a", "a/b"} {
		fill(t, filepath.Join(dir, sub), nil)
	}
	fill(t, filepath.Join(dir, "a"), map[string]string{subtreeFile: "memory\n"})
	m := &Manager{snapshot: s, kind: cgdir.Any}
	if err := m.enable(s, filepath.Join(dir, "a/b"), []string{"cpu", "memory"}); err != nil {
		t.Fatal(err)
	}
	for sub, want := range map[string]string{"": "+cpu +memory", "a": "+cpu", "a/b": ""} {
		if got := readFile(t, filepath.Join(dir, sub, subtreeFile)); got != want {
			t.Errorf("in %q: wrote %q, want %q", sub, got, want)
		}
	}
}

// A cgroup with processes of its own is not turned into one of threads.
func TestEnableAmongProcesses(t *testing.T) {
	for _, test := range []struct{ kind, want string }{
		{"domain", "it has processes of its own, [17]"},
		{"threaded", ""},
	} {
		s, dir := fakeMachine(t, "/")
		fill(t, filepath.Join(dir, "a"), map[string]string{procsFile: "17\n", typeFile: test.kind + "\n"})
		m := &Manager{snapshot: s, kind: cgdir.Any}
		err := m.enable(s, filepath.Join(dir, "a/b"), []string{"pids"})
		if test.want != "" && !errors.Is(err, unix.EBUSY) {
			t.Errorf("%s: got %v, want EBUSY", test.kind, err)
		}
		checkErr(t, err, test.want)
	}
}

// A controller that stays away although it was enabled is named with its limit.
func TestSetWithoutController(t *testing.T) {
	s, dir := fakeMachine(t, "/")
	fill(t, filepath.Join(dir, "c"), map[string]string{controllersFile: "cpu\n"})
	m := &Manager{
		Cgroups: &configs.Cgroup{Name: "c"}, Paths: map[string]string{"": filepath.Join(dir, "c")},
		snapshot: s, kind: cgdir.Any,
	}
	for _, test := range []struct {
		field, controller string
		resources         configs.Resources
	}{
		{"Memory", "memory", configs.Resources{Memory: 1}},
		{"PidsLimit", "pids", configs.Resources{PidsLimit: 1}},
		{"CpusetCpus", "cpuset", configs.Resources{CpusetCpus: "0"}},
		{"BlkioWeight", "io", configs.Resources{BlkioWeight: 10}},
		{"HugetlbLimit", "hugetlb", configs.Resources{HugetlbLimit: []*configs.HugepageLimit{{Pagesize: "2MB"}}}},
		{"Rdma", "rdma", configs.Resources{Rdma: map[string]configs.RdmaLimit{"x": {}}}},
		{"Misc", "misc", configs.Resources{Misc: map[string]int64{"x": 1}}},
		{`Unified["dmem.max"]`, "dmem", configs.Resources{Unified: map[string]string{"dmem.max": "x 1"}}},
	} {
		t.Run(test.field, func(t *testing.T) {
			test.resources.AllowAllDevices = true
			err := m.Set(config(&test.resources))
			if !cgroups.IsNotFound(err) || !strings.Contains(err.Error(), test.field) || !strings.Contains(err.Error(), test.controller) {
				t.Errorf("got %v, want a NotFoundError for %s with %s", err, test.controller, test.field)
			}
		})
	}
}

// A failure puts back what was written, and says what failed.
func TestSetRollback(t *testing.T) {
	m, dir := fakeManager(t, map[string]string{cpuWeight: "100\n", memoryMax: "max\n", memoryHigh: "max\n"})
	err := m.Set(config(&configs.Resources{AllowAllDevices: true, CpuWeight: 7, Memory: 4096, MemoryHigh: 2048, PidsLimit: 1}))
	checkErr(t, err, "PidsLimit (pids.max) is not supported by this kernel")
	for file, want := range map[string]string{cpuWeight: "100", memoryMax: "max", memoryHigh: "max"} {
		if got := readFile(t, filepath.Join(dir, file)); got != want {
			t.Errorf("%s is %q, want %q", file, got, want)
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

func TestSetWithoutCgroup(t *testing.T) {
	limit := config(&configs.Resources{AllowAllDevices: true, PidsLimit: 1})
	none := &Manager{Cgroups: &configs.Cgroup{Name: "c"}}
	checkErr(t, none.Set(limit), "no cgroups yet")
	optional := &Manager{Cgroups: &configs.Cgroup{Name: "c", Optional: true}, refused: unix.EACCES}
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
		memoryMax: "max\n", memoryHigh: "max\n", pidsMax: "max\n", swapMax: "max\n", memoryMin: "0\n", memoryEvents: "oom_kill 0\n", procsFile: "17\n",
	})
	var attached []string
	m.attach = func(_ int, allowAll bool, allowed, _ []*configs.Device) error {
		if !allowAll && len(allowed) == 1 {
			attached = append(attached, allowed[0].Path)
		}
		return nil
	}
	m.start.ahead = true
	for _, limit := range []int64{1 << 30, 2 << 30} {
		r := &configs.Resources{
			Memory: limit, MemorySwap: -1, PidsLimit: 5, MemoryMin: 3, Unified: map[string]string{memoryHigh: "9"},
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
	check("before", map[string]string{memoryMax: "max", memoryHigh: "max", pidsMax: "max", memoryMin: "3"}, 0)
	if err := m.Enter(17, cgroups.StageSetup); err != nil {
		t.Fatal(err)
	}
	check("at setup", map[string]string{memoryMax: "max"}, 0)
	if err := m.Enter(17, cgroups.StageExec); err != nil {
		t.Fatal(err)
	}
	check("at exec", map[string]string{memoryMax: "2147483648", memoryHigh: "9", pidsMax: "5"}, 1)
	// From now on all is written at once.
	if err := m.Set(config(&configs.Resources{AllowAllDevices: true, PidsLimit: 6})); err != nil {
		t.Fatal(err)
	}
	check("later", map[string]string{pidsMax: "6"}, 1)
}

// A limit that could not be written is found before any process exists.
func TestHeldLimitWithoutFile(t *testing.T) {
	m, _ := fakeManager(t, nil)
	m.start.ahead = true
	checkErr(t, m.Set(config(&configs.Resources{AllowAllDevices: true, PidsLimit: 1})), "PidsLimit (pids.max) is not supported")
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

func TestUnifiedDir(t *testing.T) {
	roomy := map[string]string{memoryMax: "max\n", memoryHigh: "max\n", memoryCurrent: "0\n", pidsMax: "max\n", "pids.current": "1\n"}
	small := func(file, value string) map[string]string { return withFile(roomy, file, value) }
	unified := func(value string) *configs.Resources {
		return &configs.Resources{Unified: map[string]string{memoryMax: value}}
	}
	for _, test := range []struct {
		name  string
		ahead bool
		r     *configs.Resources
		files map[string]string
		want  bool
	}{
		{"first, no limits", true, nil, roomy, true},
		{"first, roomy", true, &configs.Resources{Memory: 1 << 30, MemoryHigh: -1, PidsLimit: 1}, roomy, true},
		{"first, little memory", true, &configs.Resources{Memory: 1 << 20}, roomy, false},
		{"first, little high memory", true, &configs.Resources{MemoryHigh: 1 << 20}, roomy, false},
		{"first, unified", true, unified("1073741824"), roomy, true},
		{"first, no unified limit", true, unified("max\n"), roomy, true},
		{"first, little unified", true, unified("1048576"), roomy, false},
		{"first, unified with a unit", true, unified("1G"), roomy, false},
		{"later, roomy", false, nil, roomy, true},
		{"later, without controllers", false, nil, nil, true},
		{"later, much memory", false, nil, small(memoryMax, "1073741824\n"), true},
		{"later, little memory", false, nil, small(memoryMax, "1048576\n"), false},
		{"later, little high memory", false, nil, small(memoryHigh, "1048576\n"), false},
		{"later, few tasks", false, nil, small(pidsMax, "30\n"), false},
		{"later, over the limit", false, nil, withFile(small(pidsMax, "30\n"), "pids.current", "40\n"), false},
		{"later, unreadable", false, nil, without1(small(pidsMax, "300\n"), "pids.current"), false},
	} {
		t.Run(test.name, func(t *testing.T) {
			m, _ := fakeManager(t, test.files)
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

func TestFreezeTimeout(t *testing.T) {
	_, path := fakeManager(t, map[string]string{cgfreeze.File: "0\n", "cgroup.events": "populated 1\nfrozen 0\n"})
	dir, err := cgdir.Open(path, cgdir.Any)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	checkErr(t, cgfreeze.Set(dir, configs.Frozen, time.Millisecond), "not all processes followed")
	if got := readFile(t, filepath.Join(path, cgfreeze.File)); got != "0" {
		t.Errorf("cgroup.freeze is %q after a failure, want 0", got)
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

func TestSetFreezer(t *testing.T) {
	files := map[string]string{cgfreeze.File: "0\n", "cgroup.events": "frozen 1\n"}
	runSetTests(t, files, []setTest{
		{"undefined", configs.Resources{}, map[string]string{cgfreeze.File: "0"}, ""},
		{"frozen", configs.Resources{Freezer: configs.Frozen}, map[string]string{cgfreeze.File: "1"}, ""},
		{"nonsense", configs.Resources{Freezer: "x"}, map[string]string{cgfreeze.File: "0"}, "freezer state"},
	})
}

// What rules for devices do is up to package devices; here they come last and once.
func TestSetDevices(t *testing.T) {
	m, _ := fakeManager(t, map[string]string{pidsMax: "max\n"})
	calls := 0
	m.attach = func(fd int, allowAll bool, allowed, denied []*configs.Device) error {
		calls++
		if fd < 0 || allowAll || len(allowed) != 1 || len(denied) != 0 {
			t.Errorf("attach(%d, %v, %v, %v)", fd, allowAll, allowed, denied)
		}
		return unix.EPERM
	}
	err := m.Set(config(&configs.Resources{PidsLimit: 5, AllowedDevices: []*configs.Device{{Path: "/dev/null", Type: 'c', Major: 1, Minor: 3, Permissions: "rw"}}}))
	if !errors.Is(err, unix.EPERM) || !strings.Contains(err.Error(), "AllowedDevices") || calls != 1 {
		t.Errorf("%d calls, error %v", calls, err)
	}
	if got := readFile(t, filepath.Join(m.Paths[""], pidsMax)); got != "max" {
		t.Errorf("pids.max is %q after a failure, want max", got)
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
	m := &Manager{Cgroups: &configs.Cgroup{Paths: map[string]string{"cpu": dir, "": dir}}, kind: cgdir.Any}
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
	missing := &Manager{Cgroups: &configs.Cgroup{Paths: map[string]string{"": dir + "/gone"}}, kind: cgdir.Any}
	if err := missing.Create(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing cgroup: %v", err)
	}
}
