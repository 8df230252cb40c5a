//go:build linux

package fs2

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
)

// allControllers is cgroup.controllers of a cgroup that lacks none.
const allControllers = "cpuset cpu io memory hugetlb pids rdma misc\n"

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

// fakeManager returns a manager of an imitated cgroup.
func fakeManager(t *testing.T, files map[string]string) (*Manager, string) {
	t.Helper()
	dir := t.TempDir()
	fill(t, dir, files)
	return &Manager{
		Cgroups: &configs.Cgroup{Name: "c"},
		Paths:   map[string]string{"": dir},
		kind:    cgdir.Any,
	}, dir
}

func config(r *configs.Resources) *configs.Config {
	return &configs.Config{Cgroups: &configs.Cgroup{Resources: r}}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(content))
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
			m, dir := fakeManager(t, files)
			test.resources.AllowAllDevices = true
			err := m.Set(config(&test.resources))
			switch {
			case test.wantErr == "" && err != nil:
				t.Fatal(err)
			case test.wantErr != "" && (err == nil || !strings.Contains(err.Error(), test.wantErr)):
				t.Fatalf("got the error %v, want one with %q", err, test.wantErr)
			}
			for name, want := range test.want {
				if got := readFile(t, filepath.Join(dir, name)); got != want {
					t.Errorf("%s has %q, want %q", name, got, want)
				}
			}
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
	m, _ := fakeManager(t, all)
	return m.GetStats()
}

func ptr[T any](v T) *T { return &v }
