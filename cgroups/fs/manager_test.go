//go:build linux

package fs

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgmanager"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/configs"
)

func TestPlan(t *testing.T) {
	s, dir := fakeHybrid(t, "/host")
	for _, test := range []struct {
		name    string
		cgroup  *configs.Cgroup
		want    string // path in a hierarchy, "" for an error
		wantErr string
	}{
		{"no parent", &configs.Cgroup{Name: "c"}, "host/c", ""},
		{"relative parent", &configs.Cgroup{Name: "c", Parent: "a/b"}, "host/a/b/c", ""},
		{"absolute parent", &configs.Cgroup{Name: "c", Parent: "/a/b"}, "a/b/c", ""},
		{"root as parent", &configs.Cgroup{Name: "c", Parent: "/"}, "c", ""},
		{"unclean parent", &configs.Cgroup{Name: "c", Parent: "./a//b/"}, "host/a/b/c", ""},
		{"no name", &configs.Cgroup{Parent: "a"}, "", "Cgroups.Name"},
		{"path up", &configs.Cgroup{Path: "a/../../b"}, "", "Cgroups.Path"},
		{"name with slash", &configs.Cgroup{Name: "a/b"}, "", "Cgroups.Name"},
		{"name up", &configs.Cgroup{Name: ".."}, "", "Cgroups.Name"},
		{"name with NUL", &configs.Cgroup{Name: "a\x00"}, "", "Cgroups.Name"},
		{"name too long", &configs.Cgroup{Name: strings.Repeat("x", 256)}, "", "Cgroups.Name"},
		{"parent up", &configs.Cgroup{Name: "c", Parent: "a/../../b"}, "", "Cgroups.Parent"},
		{"parent with newline", &configs.Cgroup{Name: "c", Parent: "a\nb"}, "", "Cgroups.Parent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := &Manager{Cgroups: test.cgroup, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
			got, _, err := m.Plan()
			if test.want == "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Fatalf("got %v, %v, want an error with %q", got, err, test.wantErr)
				}
				return
			}
			want := map[string]string{}
			for key, mount := range map[string]string{
				"cpu": "cpu,cpuacct", "cpuacct": "cpu,cpuacct", "cpuset": "cpuset",
				"memory": "memory", "name=systemd": "systemd", "": "unified",
			} {
				want[key] = filepath.Join(dir, mount, test.want)
			}
			if err != nil || !maps.Equal(got, want) {
				t.Errorf("got %v, %v, want %v", got, err, want)
			}
		})
	}
}

// withoutCpuset returns a fake machine without cpuset, in which new directories
// would need files that only the kernel makes.
func withoutCpuset(t *testing.T) (*cgroups.Snapshot, string) {
	t.Helper()
	dir := t.TempDir()
	fill(t, filepath.Join(dir, "memory"), nil)
	fill(t, filepath.Join(dir, "freezer"), nil)
	mountinfo := "30 1 0:30 / " + dir + "/memory rw - cgroup cgroup rw,memory\n" +
		"31 1 0:31 / " + dir + "/freezer rw - cgroup cgroup rw,freezer\n"
	s, err := cgroups.NewSnapshot(strings.NewReader(mountinfo), strings.NewReader("2:memory:/\n1:freezer:/\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func TestCreateAndDestroy(t *testing.T) {
	s, dir := withoutCpuset(t)
	// A parent that is there before stays; the one that is made goes.
	for _, name := range []string{"memory", "freezer"} {
		fill(t, filepath.Join(dir, name, "old"), nil)
	}
	m := &Manager{Cgroups: &configs.Cgroup{Parent: "old/new", Name: "c"}, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	for range 2 {
		if err := m.Create(); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"memory/old/new/c", "freezer/old/new/c"} {
			if !cgroups.PathExists(filepath.Join(dir, path)) {
				t.Errorf("%s was not made", path)
			}
		}
		if err := m.Destroy(); err != nil {
			t.Fatal(err)
		}
		for path, want := range map[string]bool{"memory/old": true, "memory/old/new": false, "freezer/old/new": false} {
			if got := cgroups.PathExists(filepath.Join(dir, path)); got != want {
				t.Errorf("after Destroy %s exists: %v, want %v", path, got, want)
			}
		}
		if paths := m.GetPaths(); len(paths) != 0 {
			t.Errorf("after Destroy there are the paths %v", paths)
		}
	}
}

// A parent with somebody else's cgroup stays, and so do the cgroups made.
func TestDestroyKeepsOthers(t *testing.T) {
	s, dir := withoutCpuset(t)
	m := &Manager{Cgroups: &configs.Cgroup{Parent: "p", Name: "c"}, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "memory", "p", "other")
	if err := os.Mkdir(other, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := m.Destroy(); err != nil {
		t.Fatal(err)
	}
	if !cgroups.PathExists(other) || cgroups.PathExists(filepath.Join(dir, "freezer", "p")) {
		t.Error("Destroy removed another's cgroup, or left its own parent")
	}
}

// What a failing Create has made is gone.
func TestCreateFails(t *testing.T) {
	s, dir := withoutCpuset(t)
	// Hierarchies are made in the order of mounting: memory is made first.
	if err := os.WriteFile(filepath.Join(dir, "freezer", "p"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	m := &Manager{Cgroups: &configs.Cgroup{Parent: "p", Name: "c"}, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	err := m.Create()
	if err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "freezer", "p")) {
		t.Errorf("got %v, want an error that names the path", err)
	}
	if cgroups.PathExists(filepath.Join(dir, "memory", "p")) || len(m.GetPaths()) != 0 {
		t.Error("something is left")
	}
}

// On a real machine a directory must be of a cgroup file system.
func TestCreateChecksFileSystem(t *testing.T) {
	s, dir := withoutCpuset(t)
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c"}, state: cgmanager.State{Snapshot: s}}
	if err := m.Create(); err == nil || !strings.Contains(err.Error(), "not on a cgroup file system") {
		t.Errorf("got %v, want an error about the file system", err)
	}
	if cgroups.PathExists(filepath.Join(dir, "memory", "c")) {
		t.Error("something was made")
	}
}

func TestOwnCgroupGone(t *testing.T) {
	s, dir := fakeHybrid(t, "/host")
	if err := os.RemoveAll(filepath.Join(dir, "cpu,cpuacct", "host")); err != nil {
		t.Fatal(err)
	}
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c"}, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	if err := m.Create(); !errors.Is(err, cgtree.ErrStale) || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want cgtree.ErrStale and ErrNotExist", err)
	}
}

func TestEnterStages(t *testing.T) {
	s, dir := fakeHybrid(t, "/")
	files := map[string]string{"tasks": "", cpusetCpus: "1", cpusetMems: "0"}
	mounts := []string{"cpu,cpuacct", "cpuset", "memory", "systemd", "unified"}
	for _, mount := range mounts {
		fill(t, filepath.Join(dir, mount, "c"), files)
	}
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c"}, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	if err := m.Apply(-1); err != nil {
		t.Fatal(err)
	}
	if err := m.Enter(17, cgroups.StageSetup); err != nil {
		t.Fatal(err)
	}
	for _, mount := range mounts {
		want := "17"
		if mount == "memory" {
			want = ""
		}
		if got := readFile(t, filepath.Join(dir, mount, "c", "cgroup.procs")); got != want {
			t.Errorf("%s after the first stage: %q, want %q", mount, got, want)
		}
	}
	if err := m.Enter(17, cgroups.StageExec); err != nil {
		t.Fatal(err)
	}
	if pids, err := cgroups.GetPids(filepath.Join(dir, "memory", "c")); err != nil || !slices.Equal(pids, []int{17}) {
		t.Errorf("memory after the second stage: %v, %v, want 17", pids, err)
	}
	checkEntryFiles(t, m, cgroups.StageSetup, []string{"cpu,cpuacct/c/tasks", "cpuset/c/tasks", "systemd/c/tasks"}, dir)
	checkEntryFiles(t, m, cgroups.StageExec, []string{"memory/c/tasks"}, dir)
	for _, pid := range []int{0, -1} {
		if err := m.Enter(pid, cgroups.StageSetup); err == nil {
			t.Errorf("Enter(%d) succeeded", pid)
		}
	}
}

func checkEntryFiles(t *testing.T, m *Manager, stage cgroups.Stage, want []string, dir string) {
	t.Helper()
	files, err := m.EntryFiles(stage)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		got = append(got, strings.TrimPrefix(f.Name(), dir+"/"))
		f.Close()
	}
	if !slices.Equal(got, want) {
		t.Errorf("EntryFiles(%v) gives %v, want %v", stage, got, want)
	}
}

func TestNilCgroups(t *testing.T) {
	m := &Manager{}
	for name, call := range map[string]func() error{
		"Apply":   func() error { return m.Apply(1) },
		"Create":  m.Create,
		"Destroy": m.Destroy,
		"Set":     func() error { return m.Set(&configs.Config{}) },
	} {
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if paths := m.GetPaths(); paths == nil || len(paths) != 0 {
		t.Errorf("GetPaths gives %v", paths)
	}
	if pids, err := m.GetPids(); err == nil {
		t.Errorf("GetPids gives %v", pids)
	}
}

func TestGetPathsIsCopy(t *testing.T) {
	m, dir := fakeManager(t, "memory", nil)
	m.GetPaths()["memory"] = "/"
	if got := m.GetPaths()["memory"]; got != dir {
		t.Errorf("got %s, want %s", got, dir)
	}
}

func TestJoinExisting(t *testing.T) {
	dir := fakeCgroup(t, nil)
	paths := map[string]string{"memory": dir}
	m := &Manager{Cgroups: &configs.Cgroup{Paths: paths, Resources: &configs.Resources{Memory: 1}}, state: cgmanager.State{Kind: cgdir.Any}}
	if err := m.Apply(17); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(dir, "cgroup.procs")); got != "17" {
		t.Errorf("cgroup.procs has %q, want 17", got)
	}
	if err := m.Set(&configs.Config{Cgroups: m.Cgroups}); err != nil {
		t.Errorf("Set: %v", err)
	}
	if err := m.Destroy(); err != nil || !cgroups.PathExists(dir) {
		t.Errorf("Destroy: %v; exists: %v", err, cgroups.PathExists(dir))
	}
	m.Cgroups.Paths = map[string]string{"memory": dir + "/none"}
	if err := m.Apply(17); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Apply with a missing path: %v", err)
	}
}

func TestV2Only(t *testing.T) {
	s, err := cgroups.NewSnapshot(
		strings.NewReader("30 1 0:30 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"), strings.NewReader("0::/\n"))
	if err != nil {
		t.Fatal(err)
	}
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c"}, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	if err := m.Create(); err == nil || !strings.Contains(err.Error(), "only cgroup v2") {
		t.Errorf("got %v", err)
	}
}

func TestPlanNamesMissingParents(t *testing.T) {
	s, dir := withoutCpuset(t)
	if err := os.Mkdir(filepath.Join(dir, "memory", "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c", Parent: "/a/b"}, state: cgmanager.State{Snapshot: s, Kind: cgdir.Any}}
	_, parents, err := m.Plan()
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(parents)
	want := []string{dir + "/freezer/a", dir + "/freezer/a/b", dir + "/memory/a/b"}
	if !slices.Equal(parents, want) {
		t.Errorf("missing parents %v, want %v", parents, want)
	}
}
