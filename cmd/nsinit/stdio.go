package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/utils"
)

const firstExtra = 3 // descriptor

// passDescriptors gives a process the descriptors of --preserve-fds and of LISTEN_FDS, see
// sd_listen_fds(3), and keeps all others from it and from hooks.
func passDescriptors(p *libcontainer.Process, preserve int) error {
	listening, err := listenFDs(os.Getenv, os.Getpid())
	if err != nil {
		return err
	}
	if preserve < 0 {
		return fmt.Errorf("--preserve-fds: %d is negative", preserve)
	}
	for fd := firstExtra; fd < firstExtra+listening+preserve; fd++ {
		// What this program has opened by itself is closed by execve, what it was given is not.
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC != 0 {
			flag := "--preserve-fds"
			if fd < firstExtra+listening {
				flag = "LISTEN_FDS"
			}
			return fmt.Errorf("%s: descriptor %d is not open", flag, fd)
		}
		p.ExtraFiles = append(p.ExtraFiles, os.NewFile(uintptr(fd), "descriptor "+strconv.Itoa(fd)))
	}
	if listening > 0 {
		p.Env = append(p.Env, "LISTEN_FDS="+strconv.Itoa(listening), "LISTEN_PID=1")
		if names := os.Getenv("LISTEN_FDNAMES"); names != "" {
			p.Env = append(p.Env, "LISTEN_FDNAMES="+names)
		}
	}
	return utils.CloseExecFrom(firstExtra)
}

// listenFDs returns how many descriptors are for this process and so for the container's.
func listenFDs(getenv func(string) string, pid int) (int, error) {
	text := getenv("LISTEN_FDS")
	if text == "" || getenv("LISTEN_PID") != strconv.Itoa(pid) {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("LISTEN_FDS: %q is not a number of descriptors", text)
	}
	return n, nil
}

// passStdio gives a process the standard descriptors of this one, and makes them its user's, so that
// it can open them again by /dev/stdout and the like. It does so where it is possible: a file
// system that is read-only, or of another user's, does not matter to programs that only write.
//
// A command that stays keeps its terminal to itself, and copies: a process with an open terminal of
// the host's could type into it (TIOCSTI, ioctl_tty(2)).
func passStdio(p *libcontainer.Process, config *configs.Config, stays bool) error {
	keep := [firstExtra]bool{}
	for fd := range firstExtra {
		_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		keep[fd] = stays && err == nil
	}
	p.Stdin, p.Stdout, p.Stderr = os.Stdin, os.Stdout, os.Stderr
	if keep[0] {
		p.Stdin = struct{ io.Reader }{os.Stdin}
	}
	if keep[1] {
		p.Stdout = struct{ io.Writer }{os.Stdout}
	}
	if keep[2] {
		p.Stderr = struct{ io.Writer }{os.Stderr}
	}
	text, _, _ := strings.Cut(p.User, ":")
	id, err := strconv.Atoi(text)
	if err != nil {
		return fmt.Errorf("user %q is not an id: %w", p.User, err)
	}
	uid, err := config.HostUIDFor(id)
	if err != nil {
		return nil //nolint:nilerr // the start says so, with more about it
	}
	for fd, kept := range keep {
		if kept {
			continue
		}
		if err := giveTo(fd, uid); err != nil {
			return fmt.Errorf("give standard descriptor %d to user %d: %w", fd, uid, err)
		}
	}
	return nil
}

func giveTo(fd, uid int) error {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		if errors.Is(err, unix.EBADF) {
			return nil
		}
		return err
	}
	null := stat.Mode&unix.S_IFMT == unix.S_IFCHR && stat.Rdev == unix.Mkdev(1, 3)
	if null || stat.Uid == uint32(uid) {
		return nil
	}
	err := unix.Fchown(fd, uid, -1)
	for _, tolerated := range []error{unix.EPERM, unix.EINVAL, unix.EROFS, unix.ENOSYS} {
		if errors.Is(err, tolerated) {
			return nil
		}
	}
	return err
}
