package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
)

// tell writes the process's pid to a file and sends its pidfd to a socket, if these are given.
func tell(p *libcontainer.Process, pidFile, pidfdSocket string) error {
	if pidfdSocket != "" {
		if err := sendPidFD(p, pidfdSocket); err != nil {
			return fmt.Errorf("--pidfd-socket: %w", err)
		}
	}
	if pidFile != "" {
		pid, err := p.Pid()
		if err != nil {
			return err
		}
		if err := writePidFile(pidFile, pid); err != nil {
			return fmt.Errorf("--pid-file: %w", err)
		}
	}
	return nil
}

// writePidFile makes the file appear with its content, since others wait for it.
func writePidFile(path string, pid int) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(strconv.Itoa(pid))
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// sendPidFD sends the descriptor to the unix socket of that path, as SCM_RIGHTS (unix(7)) of
// the message "pidfd".
func sendPidFD(p *libcontainer.Process, path string) error {
	f, err := p.PidFD()
	if err != nil {
		return err
	}
	defer f.Close()
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(socket)
	if err := unix.Connect(socket, &unix.SockaddrUnix{Name: path}); err != nil {
		return &os.PathError{Op: "connect", Path: path, Err: err}
	}
	if err := unix.Sendmsg(socket, []byte("pidfd"), unix.UnixRights(int(f.Fd())), nil, 0); err != nil {
		return &os.PathError{Op: "sendmsg", Path: path, Err: err}
	}
	return nil
}
