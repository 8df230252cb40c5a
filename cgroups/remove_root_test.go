//go:build linux

package cgroups

import (
	"context"
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A cgroup with a process that stays is not removed, and the error names it.
func TestRootRemoveBusy(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to make cgroups")
	}
	s, err := CurrentSnapshot()
	if err != nil || len(s.Hierarchies()) == 0 {
		t.Skipf("no cgroup file system is mounted here (%v)", err)
	}
	path := s.Hierarchies()[0].Own + "/lctest-" + strings.ToLower(rand.Text())
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Skipf("the cgroup file system is not writable: %v", err)
	}
	cmd := exec.Command("cat")
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		// Not waited for: a zombie is no longer in its cgroup.
		if err := RemovePaths(map[string]string{"": path}); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait()
	})
	if err := EnterPid(map[string]string{"": path}, cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	r := remover{ctx: t.Context(), deadline: time.Now().Add(time.Millisecond), exited: make(map[int]bool)}
	err = r.removeTree(path)
	if !errors.Is(err, syscall.EBUSY) || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), strconv.Itoa(cmd.Process.Pid)) {
		t.Errorf("got %v, want EBUSY with the path and the process", err)
	}
	over := errors.New("time is over")
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Millisecond, over)
	defer cancel()
	begun := time.Now()
	err = RemovePathsContext(ctx, map[string]string{"": path})
	if took := time.Since(begun); !errors.Is(err, over) || !errors.Is(err, syscall.EBUSY) || took > removeTimeout/2 {
		t.Errorf("with a context that ends: %v after %v", err, took)
	}
}
