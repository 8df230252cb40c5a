//go:build linux

package cgroups

import (
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// deepTree makes directories in path, one in the other, and calls each with every one.
func deepTree(t *testing.T, path, name string, levels int, each func(*cgdir.Dir)) {
	t.Helper()
	top, err := cgdir.Open(path, cgdir.Any)
	if err != nil {
		t.Fatal(err)
	}
	defer top.Close()
	c := top.Cursor()
	defer c.Close()
	for range levels {
		if err := c.Dir().Mkdir(name); err != nil {
			t.Fatal(err)
		}
		if err := c.Down(name); err != nil {
			t.Fatal(err)
		}
		each(c.Dir())
	}
}

// limitFiles leaves this process so many free descriptors until the test ends.
func limitFiles(t *testing.T, free uint64) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	highest := uint64(0)
	for _, e := range entries {
		fd, err := strconv.ParseUint(e.Name(), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		highest = max(highest, fd)
	}
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: highest + free, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &before); err != nil {
			t.Error(err)
		}
	})
}

// deepTrees are what a container can make: a path that is longer than the kernel takes,
// and more levels than there are descriptors.
var deepTrees = map[string]struct {
	name   string
	levels int
}{
	"long names":  {strings.Repeat("x", 250), 25},
	"many levels": {"d", 600},
}

func TestDeepTree(t *testing.T) {
	for kind, tree := range deepTrees {
		t.Run(kind, func(t *testing.T) {
			dir := fakeCgroup(t, t.TempDir()+"/a", "1\n")
			deepTree(t, dir, tree.name, tree.levels, func(sub *cgdir.Dir) {
				fd, err := os.OpenFile(fdPath(t, sub)+"/"+procsFile, os.O_CREATE|os.O_WRONLY, 0o600)
				if err != nil {
					t.Fatal(err)
				}
				defer fd.Close()
				if _, err := fd.WriteString("7\n"); err != nil {
					t.Fatal(err)
				}
			})
			limitFiles(t, 16)
			if pids, err := GetAllPids(dir); err != nil || !slices.Equal(pids, []int{1, 7}) {
				t.Errorf("GetAllPids: %v, %v", pids, err)
			}
			err := RemovePaths(map[string]string{"": dir})
			if !errors.Is(err, unix.ENOTEMPTY) || len(err.Error()) > 500 {
				t.Errorf("a file in the deepest: %.2000v, want ENOTEMPTY and a short path", err)
			}
		})
	}
}

// fdPath is another path of a directory, which is short.
func fdPath(t *testing.T, dir *cgdir.Dir) string {
	t.Helper()
	f, err := dir.Reopen()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
}

func TestRemoveDeepTree(t *testing.T) {
	for kind, tree := range deepTrees {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir() + "/a"
			if err := os.Mkdir(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			deepTree(t, dir, tree.name, tree.levels, func(sub *cgdir.Dir) {
				if err := sub.Mkdir("beside"); err != nil {
					t.Fatal(err)
				}
			})
			limitFiles(t, 16)
			if err := RemovePaths(map[string]string{"": dir}); err != nil {
				t.Fatal(err)
			}
			if PathExists(dir) {
				t.Error("it is still there")
			}
		})
	}
}

// The same with the kernel's cgroups, and a process in the deepest one.
func TestRootRemoveDeepTree(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make cgroups")
	}
	s, err := CurrentSnapshot()
	if err != nil || len(s.Hierarchies()) == 0 {
		t.Skipf("no cgroup file system is mounted here (%v)", err)
	}
	for kind, tree := range deepTrees {
		t.Run(kind, func(t *testing.T) {
			path := s.Hierarchies()[0].Own + "/lctest-" + strings.ToLower(rand.Text())
			if err := os.Mkdir(path, 0o755); err != nil {
				t.Skipf("the cgroup file system is not writable: %v", err)
			}
			cmd := exec.Command("cat")
			stdin, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				stdin.Close()
				_ = cmd.Wait()
				if err := RemovePaths(map[string]string{"": path}); err != nil {
					t.Error(err)
				}
			})
			level := 0
			deepTree(t, path, tree.name, tree.levels, func(sub *cgdir.Dir) {
				if level++; level == tree.levels {
					if err := sub.WriteFile(procsFile, strconv.Itoa(cmd.Process.Pid)); err != nil {
						t.Fatal(err)
					}
				}
			})
			limitFiles(t, 16)
			if pids, err := GetAllPids(path); err != nil || !slices.Equal(pids, []int{cmd.Process.Pid}) {
				t.Errorf("GetAllPids: %v, %v", pids, err)
			}
			stdin.Close() // it ends while RemovePaths waits
			if err := RemovePaths(map[string]string{"": path}); err != nil {
				t.Fatal(err)
			}
			if PathExists(path) {
				t.Error("it is still there")
			}
		})
	}
}
