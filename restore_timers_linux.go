// The host's side: periodic timers of timerfd_create(2) that had gone off at the checkpoint.

package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// timerState is what proc_pid_fdinfo(5) tells of a timerfd.
type timerState struct {
	ticks           uint64
	value, interval unix.Timespec
}

// The kernel sets a periodic timer anew when its process reads how often it has gone off, and counts
// then how often it would have since. Until then it is one that has gone off and will not again: so it
// is in the images, and once restored nothing sets it anew.

// countTimers has the kernel count, and set anew, the timers of a process that is about to be saved:
// timerfd_gettime(2) does that, too.
func countTimers(pid int) error {
	return eachIdleTimer(pid, func(fd int, _ timerState) error {
		var now unix.ItimerSpec
		return os.NewSyscallError("timerfd_gettime", unix.TimerfdGettime(fd, &now))
	})
}

// restoreTimers sets timers that have gone off since they were counted. They go off next after a
// whole interval.
func restoreTimers(pid int) error {
	return eachIdleTimer(pid, func(fd int, s timerState) error {
		if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: s.interval, Value: s.interval}, nil); err != nil {
			return os.NewSyscallError("timerfd_settime", err)
		}
		// That has forgotten how often it had gone off.
		return setTicksOf(fd, s.ticks)
	})
}

// setTicksOf says how often a timer has gone off.
func setTicksOf(fd int, ticks uint64) error {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), setTicks, uintptr(unsafe.Pointer(&ticks)))
	if errno != 0 {
		return os.NewSyscallError("ioctl(TFD_IOC_SET_TICKS)", errno)
	}
	return nil
}

// eachIdleTimer calls call for those timers of a process that have gone off and will not again. The process
// does not run.
func eachIdleTimer(pid int, call func(fd int, s timerState) error) error {
	entries, err := os.ReadDir(procFile(pid, "fd"))
	if err != nil {
		return nil //nolint:nilerr // it has ended
	}
	for _, e := range entries {
		link, err := os.Readlink(procFile(pid, "fd/"+e.Name()))
		if err != nil || link != "anon_inode:[timerfd]" {
			continue
		}
		state, err := readTimer(procFile(pid, "fdinfo/"+e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has been closed
		}
		if err == nil && state.standsStill() {
			err = withDescriptor(pid, e.Name(), func(fd int) error { return call(fd, state) })
		}
		if err != nil {
			return fmt.Errorf("timer of descriptor %s: %w", e.Name(), err)
		}
	}
	return nil
}

func (s timerState) standsStill() bool {
	return s.ticks > 0 && s.value.Nano() == 0 && s.interval.Nano() != 0
}

func readTimer(name string) (s timerState, err error) {
	data, err := pidfd.ReadFile(name)
	if err != nil {
		return s, err
	}
	for line := range strings.Lines(string(data)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "ticks":
			s.ticks, err = strconv.ParseUint(value, 10, 64)
		case "it_value":
			_, err = fmt.Sscanf(value, "(%d, %d)", &s.value.Sec, &s.value.Nsec)
		case "it_interval":
			_, err = fmt.Sscanf(value, "(%d, %d)", &s.interval.Sec, &s.interval.Nsec)
		}
		if err != nil {
			return s, fmt.Errorf("%s: %q: %w", name, line, err)
		}
	}
	return s, nil
}

// setTicks is TFD_IOC_SET_TICKS of timerfd_create(2).
const setTicks = 0x40085400

// withDescriptor calls call with a copy of a descriptor of another process.
func withDescriptor(pid int, number string, call func(fd int) error) error {
	process, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return os.NewSyscallError("pidfd_open", err)
	}
	defer unix.Close(process)
	n, err := strconv.Atoi(number)
	if err != nil {
		return err
	}
	fd, err := unix.PidfdGetfd(process, n, 0)
	if err != nil {
		return os.NewSyscallError("pidfd_getfd", err)
	}
	defer unix.Close(fd)
	return call(fd)
}
