// The container's side: the terminal that the host has opened as our standard
// descriptors.

package initproc

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// takeTerminal makes standard input the controlling terminal of the session,
// which the user's program will lead.
func takeTerminal() error {
	if err := unix.IoctlSetInt(unix.Stdin, unix.TIOCSCTTY, 0); err != nil {
		return fmt.Errorf("take controlling terminal: ioctl TIOCSCTTY: %w", err)
	}
	return nil
}

// mountConsole binds the terminal onto /dev/console, so that programs which open
// that get it, though the container's devpts does not have it.
func (r *Rootfs) mountConsole() error {
	slave, err := openTerminal()
	if err != nil {
		return fmt.Errorf("find the terminal: %w", err)
	}
	defer unix.Close(slave)
	target, err := makeFile(r.root, "/dev/console")
	if err != nil {
		return fmt.Errorf("make /dev/console: %w", err)
	}
	defer unix.Close(target)
	if err := bindOnto(slave, target, 0, false); err != nil {
		return fmt.Errorf("mount the terminal on /dev/console: %w", err)
	}
	return nil
}

// openTerminal opens standard input's terminal anew, by its path: the descriptor
// itself belongs to a mount of the host's namespace, which cannot be copied to
// ours. That the path leads to the same terminal is checked.
func openTerminal() (int, error) {
	var want, got unix.Stat_t
	if err := unix.Fstat(unix.Stdin, &want); err != nil {
		return -1, err
	}
	path, err := readlinkAt(unix.AT_FDCWD, "/proc/self/fd/"+strconv.Itoa(unix.Stdin))
	if err != nil {
		return -1, err
	}
	fd, err := unix.Open(path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", path, err)
	}
	if err := unix.Fstat(fd, &got); err != nil {
		unix.Close(fd)
		return -1, err
	}
	if got.Dev != want.Dev || got.Ino != want.Ino || got.Rdev != want.Rdev {
		unix.Close(fd)
		return -1, fmt.Errorf("%s is another terminal: %w", path, unix.ENXIO)
	}
	return fd, nil
}
