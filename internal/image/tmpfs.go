package image

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// newOnTmpfs makes the file on a file system of its own, where the kernel refuses
// executable memfds. It is mounted nowhere: nobody else finds it, and it ends with the
// last descriptor.
//
// Files there cannot be sealed. But a file system that is read-only lets nobody write,
// also root, and none that is mounted nowhere can be mounted anew by anybody who has
// just a file of it.
func newOnTmpfs(pipe int) (*os.File, error) {
	dir, err := tmpfs()
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	if err := writeFile(dir, elf(pipe)); err != nil {
		return nil, err
	}
	// No descriptor is open for writing any more: with one, execve is ETXTBSY, and
	// the mount cannot become read-only. (Linux 5.12, older than the sysctl.)
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(dir, "", unix.AT_EMPTY_PATH, &attr); err != nil {
		return nil, fmt.Errorf("make init image: make its tmpfs read-only: %w", err)
	}
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("make init image: open %s on a tmpfs: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// tmpfs returns a new file system's mount, which is nowhere.
func tmpfs() (int, error) {
	fs, err := unix.Fsopen("tmpfs", unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("make init image: fsopen tmpfs: %w", err)
	}
	defer unix.Close(fs)
	for _, option := range [][2]string{{"size", "64k"}, {"nr_inodes", "2"}, {"mode", "0500"}} {
		if err := unix.FsconfigSetString(fs, option[0], option[1]); err != nil {
			return -1, fmt.Errorf("make init image: tmpfs %s=%s: %w", option[0], option[1], err)
		}
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return -1, fmt.Errorf("make init image: create tmpfs: %w", err)
	}
	dir, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV)
	if err != nil {
		return -1, fmt.Errorf("make init image: fsmount: %w", err)
	}
	return dir, nil
}

func writeFile(dir int, content []byte) error {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_CLOEXEC, 0o500)
	if err != nil {
		return fmt.Errorf("make init image: create %s on a tmpfs: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	if _, err := f.Write(content); err != nil {
		f.Close()
		return fmt.Errorf("make init image: %w", err)
	}
	// Umask has taken what it could.
	if err := f.Chmod(0o500); err != nil {
		f.Close()
		return fmt.Errorf("make init image: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("make init image: %w", err)
	}
	return nil
}
