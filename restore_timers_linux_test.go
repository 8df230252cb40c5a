package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/criurpc"
)

// A periodic timer that has gone off is counted, and set anew, although its process does not read it.
func TestCountTimers(t *testing.T) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	period := unix.NsecToTimespec(int64(time.Hour))
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: period, Value: unix.NsecToTimespec(1)}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, -1); err != nil {
		t.Fatal(err)
	}
	look := func() timerState {
		t.Helper()
		s, err := readTimer(fmt.Sprintf("/proc/self/fdinfo/%d", fd))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := look(); !s.standsStill() || s.ticks != 1 {
		t.Errorf("before: %+v", s)
	}
	if err := countTimers(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	if s := look(); s.standsStill() || s.ticks != 1 || s.value.Nano() <= 0 {
		t.Errorf("it is not set anew: %+v", s)
	}
	// As criu restores it: off, and having gone off.
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: period}, nil); err != nil {
		t.Fatal(err)
	}
	if s := look(); s.standsStill() {
		t.Errorf("a timer that is off and has not gone off counts as one that has: %+v", s)
	}
	if err := withDescriptor(os.Getpid(), strconv.Itoa(fd), func(fd int) error { return setTicksOf(fd, 7) }); err != nil {
		t.Skipf("the kernel has no CONFIG_CHECKPOINT_RESTORE: %v", err)
	}
	if s := look(); !s.standsStill() {
		t.Errorf("as restored: %+v", s)
	}
	if err := restoreTimers(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	if s := look(); s.standsStill() || s.ticks != 7 || s.value.Nano() <= 0 || s.interval != period {
		t.Errorf("restored: %+v", s)
	}
}

// The advice of package criurpc is about criu's options, and what a caller hears about fields.
func TestAdviseFields(t *testing.T) {
	in := &criurpc.Error{Op: criurpc.OpDump, Err: criurpc.ErrFailed, Advice: "set tcp_established to keep the connections, or tcp_close to drop them"}
	err := adviseFields(in)
	if !errors.Is(err, criurpc.ErrFailed) || !strings.HasSuffix(err.Error(), "set TcpEstablished to keep the connections, or TcpClose to drop them") {
		t.Errorf("error %v", err)
	}
	if err := adviseFields(os.ErrNotExist); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
