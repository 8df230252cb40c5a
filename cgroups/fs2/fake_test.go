//go:build linux

package fs2

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgmanager"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	procsFile = "cgroup.procs"
	typeFile  = "cgroup.type"
	pidsMax   = "pids.max"
	memoryMax = "memory.max"
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
	all := map[string]string{procsFile: "", "cgroup.controllers": allControllers, "cgroup.subtree_control": "", typeFile: "domain\n"}
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
		state:   cgmanager.State{Kind: cgdir.Any},
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

func checkErr(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Error(err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got the error %v, want one with %q", err, want)
	}
}
