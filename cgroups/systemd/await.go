//go:build linux

package systemd

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
)

// sliceTimeout bounds the wait for systemd to remove a slice of its own accord.
const sliceTimeout = 2 * time.Second

// errInUse says that a directory has others in it.
var errInUse = errors.New("the cgroup is used")

// awaitRemoval waits until a directory has been removed. It returns an error if
// there are directories in it, which keep it, or after the timeout.
func awaitRemoval(dir string, timeout time.Duration) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("inotify_init", err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	defer events.Close()
	_, err = unix.InotifyAddWatch(fd, dir, unix.IN_DELETE_SELF|unix.IN_CREATE|unix.IN_DELETE|unix.IN_ONLYDIR)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "watch", Path: dir, Err: err}
	}
	if err := events.SetReadDeadline(time.Now().Add(timeout)); err != nil {
		return err
	}
	buf := make([]byte, 4096)
	for {
		used, err := hasDirs(dir)
		if errors.Is(err, os.ErrNotExist) || !cgroups.PathExists(dir) {
			return nil
		}
		if err != nil {
			return err
		}
		if used {
			return errInUse
		}
		if _, err := events.Read(buf); err != nil {
			return err
		}
	}
}

func hasDirs(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if e.IsDir() {
			return true, nil
		}
	}
	return false, nil
}
