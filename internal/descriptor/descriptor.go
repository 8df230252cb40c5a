//go:build linux

// Package descriptor is for system calls on descriptors. It gets at the number of a file's
// descriptor without what os.File.Fd does: it may make the file a blocking one, and the
// number may be closed and another's before it is used.
package descriptor

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Control calls a function with the number of a file, which stays open meanwhile.
func Control(f *os.File, call func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var callErr error
	if err := conn.Control(func(fd uintptr) { callErr = call(int(fd)) }); err != nil {
		return err
	}
	return callErr
}

// Duplicate makes a descriptor of the same open file, close-on-exec, that is the caller's
// to close.
func Duplicate(f *os.File) (fd int, err error) {
	err = Control(f, func(own int) (err error) {
		fd, err = unix.FcntlInt(uintptr(own), unix.F_DUPFD_CLOEXEC, 0)
		return err
	})
	if err != nil {
		return -1, fmt.Errorf("duplicate descriptor of %s: %w", f.Name(), err)
	}
	return fd, nil
}

// Retry calls again what a signal has interrupted (EINTR, signal(7)).
func Retry[T any](call func() (T, error)) (T, error) {
	for {
		v, err := call()
		if !errors.Is(err, unix.EINTR) {
			return v, err
		}
	}
}
