//go:build linux

package cgroups

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// fakeCgroup makes the directory dir with a cgroup.procs.
func fakeCgroup(t *testing.T, dir, procs string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, procsFile), []byte(procs), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestGetPids(t *testing.T) {
	dir := fakeCgroup(t, t.TempDir(), "30\n4\n30\n0\n")
	fakeCgroup(t, dir+"/a", "7\n4\n")
	fakeCgroup(t, dir+"/a/b", "1\n")
	// A sub-cgroup that is being removed has lost its files.
	if err := os.Mkdir(dir+"/c", 0o755); err != nil {
		t.Fatal(err)
	}
	if got, err := GetPids(dir); err != nil || !slices.Equal(got, []int{4, 30}) {
		t.Errorf("GetPids gives %v, %v", got, err)
	}
	if got, err := GetAllPids(dir); err != nil || !slices.Equal(got, []int{1, 4, 7, 30}) {
		t.Errorf("GetAllPids gives %v, %v", got, err)
	}
	fakeCgroup(t, dir+"/a/b", "1\nx\n")
	if got, err := GetAllPids(dir); err == nil || !strings.Contains(err.Error(), dir+"/a/b/cgroup.procs: line 2") {
		t.Errorf("GetAllPids of a bad file gives %v, %v", got, err)
	}
	for _, get := range []func(string) ([]int, error){GetPids, GetAllPids} {
		if got, err := get(dir + "/none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a missing cgroup: %v, %v", got, err)
		}
		if got, err := get("relative"); err == nil {
			t.Errorf("a relative path: %v", got)
		}
	}
}

func FuzzParsePids(f *testing.F) {
	f.Add("1\n20\n3\n0\n")
	f.Fuzz(func(t *testing.T, text string) {
		pids, err := parsePids(text)
		if err != nil {
			return
		}
		for i, pid := range pids {
			if pid <= 0 || i > 0 && pid <= pids[i-1] {
				t.Errorf("%q: got %v", text, pids)
			}
		}
	})
}

func TestEnterPid(t *testing.T) {
	a, b := fakeCgroup(t, t.TempDir(), ""), fakeCgroup(t, t.TempDir(), "")
	if err := enterPid([]string{a, b, a}, 17, cgdir.Any); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{a, b} {
		if got, err := GetPids(dir); err != nil || !slices.Equal(got, []int{17}) {
			t.Errorf("%s has %v, %v, want 17", dir, got, err)
		}
	}
	if err := enterPid([]string{a, b + "/none"}, 17, cgdir.Any); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing cgroup: %v", err)
	}
	if err := EnterPid(map[string]string{"cpu": a}, 17); err == nil || !strings.Contains(err.Error(), "not on a cgroup file system") {
		t.Errorf("a directory that is no cgroup: %v", err)
	}
	for _, pid := range []int{0, -1} {
		if err := enterPid([]string{a}, pid, cgdir.Any); err == nil {
			t.Errorf("the pid %d was accepted", pid)
		}
	}
}
