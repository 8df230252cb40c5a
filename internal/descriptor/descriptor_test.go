//go:build linux

package descriptor

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestDuplicate(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fd, err := Duplicate(w)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags != unix.FD_CLOEXEC {
		t.Errorf("flags %d, error %v", flags, err)
	}
	if _, err := unix.Write(fd, []byte("x")); err != nil {
		t.Error(err)
	}
	if err := unix.Close(fd); err != nil {
		t.Error(err)
	}
	if n, err := r.Read(make([]byte, 2)); n != 1 || err != nil {
		t.Errorf("read %d bytes, error %v", n, err)
	}
	if _, err := Duplicate(w); err == nil {
		t.Error("of a closed file there was no error")
	}
}

// The file stays what it is for the runtime's poller, and what the call says is what
// Control says.
func TestControl(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	err = Control(r, func(fd int) error {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if flags&unix.O_NONBLOCK == 0 {
			t.Error("the file is a blocking one")
		}
		return errors.Join(err, unix.EDOM)
	})
	if !errors.Is(err, unix.EDOM) {
		t.Errorf("error %v", err)
	}
	r.Close()
	if err := Control(r, func(int) error { t.Error("called"); return nil }); err == nil {
		t.Error("of a closed file there was no error")
	}
}

func TestRetry(t *testing.T) {
	calls := 0
	n, err := Retry(func() (int, error) {
		if calls++; calls < 3 {
			return -1, &os.PathError{Op: "read", Path: "x", Err: unix.EINTR}
		}
		return calls, unix.EIO
	})
	if n != 3 || !errors.Is(err, unix.EIO) {
		t.Errorf("after %d calls: %d, %v", calls, n, err)
	}
}
