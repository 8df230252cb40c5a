package initproc

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openFiles makes empty files and gives descriptors that are enter's to close.
func openFiles(t *testing.T, names ...string) cgroupFiles {
	t.Helper()
	var files cgroupFiles
	for _, name := range names {
		fd, err := unix.Open(name, unix.O_CREAT|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, fd)
	}
	return files
}

func TestEnterCgroups(t *testing.T) {
	dir := t.TempDir()
	names := []string{filepath.Join(dir, "cpu"), filepath.Join(dir, "freezer"), filepath.Join(dir, "memory")}
	files := openFiles(t, names...)
	first := files[0]
	for _, part := range [][]string{names[:2], names[2:], nil} {
		if err := files.enter(part); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		if data, err := os.ReadFile(name); err != nil || string(data) != "0" {
			t.Errorf("%s holds %q, error %v", name, data, err)
		}
	}
	if _, err := unix.FcntlInt(uintptr(first), unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
		t.Errorf("a file was left open: %v", err)
	}
}

func TestEnterCgroupsFails(t *testing.T) {
	none := cgroupFiles(nil)
	if err := none.enter([]string{"/cg/tasks"}); err == nil || !strings.Contains(err.Error(), "/cg/tasks") {
		t.Errorf("without files: error %v", err)
	}
	full := openFiles(t, "/dev/full")
	defer unix.Close(full[0])
	err := full.enter([]string{"/cg/tasks"})
	if !errors.Is(err, unix.ENOSPC) || !strings.Contains(err.Error(), "/cg/tasks") {
		t.Errorf("a cgroup that takes nobody: error %v", err)
	}
}

func TestFilesComeWithTheFrame(t *testing.T) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	sent := openFiles(t, "/dev/null", "/dev/zero")
	defer unix.Close(sent[0])
	defer unix.Close(sent[1])
	frame := frameWriter(func(b []byte) error { return unix.Sendmsg(pair[0], b, unix.UnixRights(sent...), nil, 0) })
	if err := WriteFrame(frame, KindConfig, []byte("payload")); err != nil {
		t.Fatal(err)
	}
	unix.Close(pair[0])

	r := &filesReader{pipe: pipe(pair[1])}
	kind, payload, err := ReadFrame(r)
	if err != nil || kind != KindConfig || string(payload) != "payload" {
		t.Fatalf("frame %d %q, error %v", kind, payload, err)
	}
	if len(r.files) != len(sent) {
		t.Fatalf("%d files came, want %d", len(r.files), len(sent))
	}
	for i, fd := range r.files {
		var got, want unix.Stat_t
		if err := errors.Join(unix.Fstat(fd, &got), unix.Fstat(sent[i], &want)); err != nil || got.Rdev != want.Rdev {
			t.Errorf("file %d is device %#x, want %#x, error %v", i, got.Rdev, want.Rdev, err)
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("file %d stays open in execve: flags %#x, error %v", i, flags, err)
		}
		unix.Close(fd)
	}
	if _, _, err := ReadFrame(r); err == nil {
		t.Error("a frame after the end")
	}
}

type frameWriter func(b []byte) error

func (f frameWriter) Write(b []byte) (int, error) { return len(b), f(b) }
