package utils

import (
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// CloseExecFrom makes all open descriptors of the process from minFd on close at
// the next execve(2). It is for a process that is about to become another
// program: a descriptor that another goroutine opens meanwhile may be missed.
// A negative minFd is an error.
func CloseExecFrom(minFd int) error {
	if minFd < 0 {
		return fmt.Errorf("close descriptors at exec: negative descriptor %d", minFd)
	}
	err := unix.CloseRange(uint(minFd), math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// CLOSE_RANGE_CLOEXEC is of Linux 5.11, and a seccomp filter that is older
	// than the call refuses it with either error.
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EPERM) {
		return closeExecByProc(minFd)
	}
	return fmt.Errorf("close descriptors at exec: close_range: %w", err)
}

// closeExecByProc asks proc_pid_fd(5) for the open descriptors.
func closeExecByProc(minFd int) error {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("close descriptors at exec: %w", err)
	}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd < minFd {
			continue
		}
		// That of the directory itself is closed by now.
		if err := closeExec(fd); err != nil && !errors.Is(err, unix.EBADF) {
			return fmt.Errorf("close descriptor %d at exec: %w", fd, err)
		}
	}
	return nil
}

func closeExec(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC)
	return err
}
