package initproc

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestOpenLabelTakesTheFirstThatExists(t *testing.T) {
	dir := t.TempDir()
	second := filepath.Join(dir, "second")
	if err := os.WriteFile(second, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	// It is not procfs, and a container may have mounted anything over that.
	l, err := openLabel("kind", "name", "value", filepath.Join(dir, "first"), second)
	if err == nil || !strings.Contains(err.Error(), "not of procfs") || !strings.Contains(err.Error(), second) {
		t.Errorf("a plain file: %v", err)
	}
	unix.Close(l.fd)
	if _, err := openLabel("kind", "name", "value", filepath.Join(dir, "first")); !errors.Is(err, unix.ENOENT) {
		t.Errorf("no file: %v", err)
	}
	if l, err := openLabel("kind", "", "", "/no/such/file"); err != nil || l.fd >= 0 {
		t.Errorf("nothing to set: %+v, %v", l, err)
	}
	if l, err := openLabel("kind", "name", "value", "/proc/thread-self/comm"); err != nil {
		t.Errorf("a file of procfs: %v", err)
	} else {
		unix.Close(l.fd)
	}
}

func TestWriteLabel(t *testing.T) {
	runtime.LockOSThread() // it is the thread's own file
	defer runtime.UnlockOSThread()
	old, err := os.ReadFile("/proc/thread-self/comm")
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range []string{"label-test", strings.TrimSpace(string(old))} {
		l, err := openLabel("kind", "name", value, "/proc/thread-self/comm")
		if err != nil {
			t.Fatal(err)
		}
		if err := l.write(); err != nil {
			t.Error(err)
		}
		unix.Close(l.fd)
		if got, err := os.ReadFile("/proc/thread-self/comm"); err != nil || strings.TrimSpace(string(got)) != value {
			t.Errorf("read back %q, error %v; want %q", got, err, value)
		}
	}
	none := label{fd: -1, value: "x"}
	if err := none.write(); err != nil {
		t.Errorf("nothing to write: %v", err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	bad := label{fd: int(full.Fd()), what: `kind "name"`, value: "x"}
	if err := bad.write(); !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), `kind "name"`) {
		t.Errorf("a write that fails: %v", err)
	}
}
