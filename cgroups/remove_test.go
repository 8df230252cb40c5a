//go:build linux

package cgroups

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestRemovePaths(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{"/a/b/c", "/a/d", "/e"} {
		if err := os.MkdirAll(dir+path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	paths := map[string]string{"cpu": dir + "/a", "cpuacct": dir + "/a", "pids": dir + "/none/x", "memory": dir + "/e"}
	for range 2 {
		if err := RemovePaths(paths); err != nil {
			t.Fatal(err)
		}
	}
	if PathExists(dir+"/a") || PathExists(dir+"/e") {
		t.Error("something is left")
	}
	if err := RemovePaths(nil); err != nil {
		t.Error(err)
	}
}

// Files are never removed, and one failure does not stop the rest.
func TestRemovePathsFails(t *testing.T) {
	dir := t.TempDir()
	fakeCgroup(t, dir+"/a/b", "")
	if err := os.Mkdir(dir+"/c", 0o755); err != nil {
		t.Fatal(err)
	}
	err := RemovePaths(map[string]string{"cpu": dir + "/a", "memory": dir + "/c", "pids": "relative"})
	if !errors.Is(err, syscall.ENOTEMPTY) || !strings.Contains(err.Error(), dir+"/a/b") || !strings.Contains(err.Error(), "relative") {
		t.Errorf("got %v, want ENOTEMPTY with the path, and an error about the relative path", err)
	}
	if !PathExists(dir+"/a/b/"+procsFile) || PathExists(dir+"/c") {
		t.Error("a file was removed, or an empty directory was not")
	}
}

func TestWaitExit(t *testing.T) {
	start := func() *exec.Cmd {
		cmd := exec.Command("cat")
		if _, err := cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return cmd
	}
	stays, goes := start(), start()
	r := remover{ctx: t.Context(), deadline: time.Now().Add(time.Minute), exited: make(map[int]bool)}
	if err := goes.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	pids := []int{stays.Process.Pid, goes.Process.Pid}
	if err := r.waitExit(pids, time.Hour); err != nil {
		t.Fatal(err)
	}
	if !r.exited[pids[1]] || r.exited[pids[0]] {
		t.Errorf("exited: %v, want only %d", r.exited, pids[1])
	}
	// Now only the pause is left to wait for: the process that has exited
	// is not waited for again.
	if err := r.waitExit(pids[1:], time.Millisecond); err != nil {
		t.Fatal(err)
	}
	// The deadline ends the wait for a process that stays.
	r.deadline = time.Now().Add(time.Millisecond)
	if err := r.waitExit(pids[:1], time.Hour); err != nil || r.exited[pids[0]] {
		t.Errorf("got %v, exited %v", err, r.exited)
	}
}
