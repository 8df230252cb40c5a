package libcontainer

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/initproc"
)

// newTestLaunch gives a launch whose init pipe has that descriptor and other end.
func newTestLaunch(t *testing.T) (l *launch, fd int, peer *os.File) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	l = &launch{pipe: os.NewFile(uintptr(pair[0]), "init pipe")}
	peer = os.NewFile(uintptr(pair[1]), "child's end")
	t.Cleanup(func() {
		l.pipe.Close()
		peer.Close()
	})
	return l, pair[0], peer
}

func write(t *testing.T, f *os.File, data []byte) {
	t.Helper()
	if _, err := f.Write(data); err != nil {
		t.Fatal(err)
	}
}

// A start that is given up at any byte of a frame still learns what it says.
func TestFrameAfterDeadline(t *testing.T) {
	frame := make([]byte, 16)
	binary.NativeEndian.PutUint32(frame, uint32(initproc.KindPid))
	binary.NativeEndian.PutUint32(frame[4:], 8)
	copy(frame[8:], "12345678")
	for cut := range frame {
		l, fd, peer := newTestLaunch(t)
		write(t, peer, frame[:cut])
		failed := make(chan error)
		go func() {
			_, _, err := l.readFrame()
			failed <- err
		}()
		// The deadline comes when the peer's bytes have been taken.
		for left := 1; left > 0; {
			n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
			if err != nil {
				t.Fatal(err)
			}
			left = n
		}
		if err := l.pipe.SetDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("after %d bytes: %v", cut, err)
		}
		if err := l.pipe.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		write(t, peer, frame[cut:])
		write(t, peer, frame) // the next one
		for range 2 {
			kind, payload, err := l.readFrame()
			if kind != initproc.KindPid || string(payload) != "12345678" || err != nil {
				t.Errorf("after %d bytes: frame %d %q, error %v", cut, kind, payload, err)
			}
		}
	}
}

// An init that fails may be faster than the preamble that reports its pid.
func TestOrphanReportedLast(t *testing.T) {
	l, _, peer := newTestLaunch(t)
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := binary.NativeEndian.AppendUint32(nil, uint32(cmd.Process.Pid))
	for _, frame := range []struct {
		kind    initproc.Kind
		payload []byte
	}{
		{initproc.KindFailed, []byte("{}")},
		{initproc.KindError, []byte("1234why")},
		{initproc.KindPid, append(pid, 1, 0, 0, 0)},
	} {
		if err := initproc.WriteFrame(peer, frame.kind, frame.payload); err != nil {
			t.Fatal(err)
		}
	}
	l.findOrphan()
	if l.init == nil || l.init.Pid != cmd.Process.Pid {
		t.Fatalf("found %v, want process %d", l.init, cmd.Process.Pid)
	}
	if l.reapAll() == nil {
		t.Error("it was not reaped")
	}
	_ = cmd.Wait() // nothing is left to wait for
	if state, err := os.ReadFile(procFile(cmd.Process.Pid, "stat")); err == nil {
		t.Errorf("left: %s", state)
	}
}
