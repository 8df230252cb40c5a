// The host's side: periodic timers of timerfd_create(2) that had gone off at the checkpoint.

package libcontainer

import (
	"fmt"
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

// restoreTimers sets periodic timers again that stand still. The kernel sets such a timer anew when
// its process reads how often it has gone off: until then it is one that will never go off, but has
// gone off (ticks). Criu restores it so, and the kernel, which has been told that the timer is off, does
// not set it anew. It goes off next after a whole interval.
func (r *restore) restoreTimers(pid int) error {
	entries, err := os.ReadDir(procFile(pid, "fd"))
	if err != nil {
		return err
	}
	for _, e := range entries {
		link, err := os.Readlink(procFile(pid, "fd/"+e.Name()))
		if err != nil || link != "anon_inode:[timerfd]" {
			continue
		}
		state, err := readTimer(procFile(pid, "fdinfo/"+e.Name()))
		if err == nil && state.standsStill() {
			err = setTimer(pid, e.Name(), state)
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

// setTimer sets a timer of a process that does not run.
func setTimer(pid int, number string, s timerState) error {
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
	if err := unix.TimerfdSettime(fd, 0, &unix.ItimerSpec{Interval: s.interval, Value: s.interval}, nil); err != nil {
		return os.NewSyscallError("timerfd_settime", err)
	}
	// That has forgotten how often it had gone off.
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), setTicks, uintptr(unsafe.Pointer(&s.ticks))); errno != 0 {
		return os.NewSyscallError("ioctl(TFD_IOC_SET_TICKS)", errno)
	}
	return nil
}
