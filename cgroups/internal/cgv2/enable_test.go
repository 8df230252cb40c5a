//go:build linux

package cgv2

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// fakeMount makes an imitation of a cgroup v2 mount with cgroups below, each with a
// file's content, and returns its snapshot and mountpoint.
func fakeMount(t *testing.T, below map[string]map[string]string) (*cgroups.Snapshot, string) {
	t.Helper()
	dir := t.TempDir()
	fill(t, dir, nil)
	for sub, files := range below {
		fill(t, filepath.Join(dir, sub), files)
	}
	s, err := cgroups.NewSnapshot(
		strings.NewReader("30 1 0:30 / "+dir+" rw - cgroup2 cgroup2 rw\n"), strings.NewReader("0::/\n"))
	if err != nil {
		t.Fatal(err)
	}
	return s, dir
}

func TestEnable(t *testing.T) {
	s, dir := fakeMount(t, map[string]map[string]string{"a": {subtreeFile: "memory\n"}, "a/b": nil})
	if err := enable(s, openCgroup(t, filepath.Join(dir, "a/b")).Dir, []string{"cpu", "memory"}); err != nil {
		t.Fatal(err)
	}
	for sub, want := range map[string]string{"": "+cpu +memory", "a": "+cpu", "a/b": ""} {
		if got := readFile(t, openCgroup(t, filepath.Join(dir, sub)), subtreeFile); got != want {
			t.Errorf("in %q: wrote %q, want %q", sub, got, want)
		}
	}
}

// A new container gets the statistics and what its limits need, unless it is there.
func TestEnableWanted(t *testing.T) {
	s, dir := fakeMount(t, map[string]map[string]string{"c": {controllersFile: "memory io\n"}})
	c := openCgroup(t, filepath.Join(dir, "c"))
	c.Snapshot = s
	c.EnableWanted(All(&configs.Resources{AllowAllDevices: true, CpuWeight: 1, Memory: 1, PidsLimit: -1}))
	if got, want := readFile(t, openCgroup(t, dir), subtreeFile), "+cpu +pids"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

// A cgroup with processes of its own is not turned into one of threads.
func TestEnableAmongProcesses(t *testing.T) {
	for _, test := range []struct{ kind, want string }{
		{"domain", "it has processes of its own, [17]"},
		{"threaded", ""},
	} {
		s, dir := fakeMount(t, map[string]map[string]string{"a": {procsFile: "17\n", typeFile: test.kind + "\n"}, "a/b": nil})
		err := enable(s, openCgroup(t, filepath.Join(dir, "a/b")).Dir, []string{"pids"})
		if test.want != "" && !errors.Is(err, unix.EBUSY) {
			t.Errorf("%s: got %v, want EBUSY", test.kind, err)
		}
		checkErr(t, err, test.want)
	}
}

// A controller that stays away although it was enabled is named with its limit.
func TestSetWithoutController(t *testing.T) {
	s, dir := fakeMount(t, map[string]map[string]string{"c": {controllersFile: "cpu\n"}})
	c := openCgroup(t, filepath.Join(dir, "c"))
	c.Snapshot = s
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
			err := set(c, All(&test.resources))
			if !cgroups.IsNotFound(err) || !strings.Contains(err.Error(), test.field) || !strings.Contains(err.Error(), test.controller) {
				t.Errorf("got %v, want a NotFoundError for %s with %s", err, test.controller, test.field)
			}
		})
	}
}

func TestEnter(t *testing.T) {
	c := fakeCgroup(t, map[string]string{procsFile: "16\n17\n"})
	for _, step := range []struct {
		pid  int
		want string
	}{{17, "16\n17"}, {18, "18"}} { // the first is there, and nothing is written
		pid, want := step.pid, step.want
		if err := c.Enter(pid); err != nil {
			t.Fatal(err)
		}
		if got := readFile(t, c, procsFile); got != want {
			t.Errorf("process %d: cgroup.procs has %q, want %q", pid, got, want)
		}
	}
}
