//go:build linux

package cgv2

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/configs"
)

// allControllers is cgroup.controllers of a cgroup that lacks none.
const allControllers = "cpuset cpu io memory hugetlb pids rdma misc dmem\n"

// fill makes the directory dir as an imitation of a cgroup that has all
// controllers, with files besides.
func fill(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{procsFile: "", controllersFile: allControllers, subtreeFile: "", typeFile: "domain\n"}
	for name, content := range files {
		all[name] = content
	}
	for name, content := range all {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// fakeCgroup returns an imitated cgroup.
func fakeCgroup(t *testing.T, files map[string]string) *Cgroup {
	t.Helper()
	dir := t.TempDir()
	fill(t, dir, files)
	return openCgroup(t, dir)
}

func openCgroup(t *testing.T, path string) *Cgroup {
	t.Helper()
	dir, err := cgdir.Open(path, cgdir.Any)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(dir.Close)
	return &Cgroup{Dir: dir, Features: new(cgfeature.Set)}
}

// set sets limits as a manager does.
func set(c *Cgroup, l Limits) error {
	if err := l.Check(); err != nil {
		return err
	}
	var j cglimit.Journal
	if _, err := c.Set(l, &j, false); err != nil {
		return errors.Join(err, j.Rollback(c.Dir.Kind()))
	}
	return nil
}

func readFile(t *testing.T, c *Cgroup, name string) string {
	t.Helper()
	content, err := os.ReadFile(c.Dir.Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(content))
}

func checkErr(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got the error %v, want one with %q", err, want)
	}
}

func checkFiles(t *testing.T, c *Cgroup, want map[string]string) {
	t.Helper()
	for name, want := range want {
		if got := readFile(t, c, name); got != want {
			t.Errorf("%s has %q, want %q", name, got, want)
		}
	}
}

// setTest is a case of setting limits.
type setTest struct {
	name      string
	resources configs.Resources
	want      map[string]string // files afterwards
	wantErr   string            // a part of the error; "" for none
}

// runSetTests runs cases on a cgroup with the given files. All devices may be used
// in them.
func runSetTests(t *testing.T, files map[string]string, tests []setTest) {
	t.Helper()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := fakeCgroup(t, files)
			test.resources.AllowAllDevices = true
			checkErr(t, set(c, All(&test.resources)), test.wantErr)
			checkFiles(t, c, test.want)
		})
	}
}

// withFile returns a copy of files with one more.
func withFile(files map[string]string, name, content string) map[string]string {
	more := map[string]string{name: content}
	for name, content := range files {
		if _, ok := more[name]; !ok {
			more[name] = content
		}
	}
	return more
}

func without1(files map[string]string, name string) map[string]string {
	fewer := withFile(files, name, "")
	delete(fewer, name)
	return fewer
}

// statFiles are what the kernel has in each cgroup.
var statFiles = map[string]string{
	"cpu.stat": "usage_usec 30\nuser_usec 10\nsystem_usec 20\n",
}

// fakeStats reads the statistics of an imitated cgroup with the controllers.
func fakeStats(t *testing.T, controllers string, files map[string]string) (*cgroups.Stats, error) {
	t.Helper()
	all := withFile(statFiles, controllersFile, controllers)
	for name, content := range files {
		all[name] = content
	}
	stats := cgroups.NewStats()
	return stats, fakeCgroup(t, all).Stats(stats)
}

func ptr[T any](v T) *T { return &v }
