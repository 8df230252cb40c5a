// The container's side: paths that are hidden or made read-only.

package initproc

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func (r *Rootfs) hidePaths() error {
	for _, name := range r.Config.ReadonlyPaths {
		if err := r.makeReadonly(name); err != nil {
			return fmt.Errorf("make %s read-only: %w", name, err)
		}
	}
	m := masks{empty: -1, null: -1}
	defer m.close()
	for _, name := range r.Config.MaskPaths {
		if err := r.mask(&m, name); err != nil {
			return fmt.Errorf("mask %s: %w", name, err)
		}
	}
	return nil
}

func (r *Rootfs) makeReadonly(name string) error {
	fd, err := openPath(r.root, name)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return bindOnto(fd, fd, unix.MOUNT_ATTR_RDONLY, true)
}

// masks are what covers masked paths: one empty directory and one null device,
// shared by all of them.
type masks struct {
	empty, null int
}

func (m *masks) close() {
	for _, fd := range []int{m.empty, m.null} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

func (r *Rootfs) mask(m *masks, name string) error {
	fd, err := openPath(r.root, name)
	if missing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	dir, err := isDir(fd)
	if err != nil {
		return err
	}
	if dir {
		return m.coverDir(fd)
	}
	return m.coverFile(fd)
}

// coverDir attaches the empty directory, at the first time itself and later
// copies: only what is attached can be copied.
func (m *masks) coverDir(target int) error {
	if m.empty >= 0 {
		return bindOnto(m.empty, target, 0, false)
	}
	flags := unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
	tmpfs, err := newMount("tmpfs", "tmpfs", "mode=755,nr_blocks=1,nr_inodes=1", flags)
	if err != nil {
		return err
	}
	if err := attach(tmpfs, target); err != nil {
		unix.Close(tmpfs)
		return err
	}
	m.empty = tmpfs
	return nil
}

// coverFile binds the host's null device, which no container can have replaced.
func (m *masks) coverFile(target int) error {
	if m.null < 0 {
		fd, err := unix.Open("/dev/null", unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		if err := verifyDevice(fd, unix.S_IFCHR, nullDev); err != nil {
			unix.Close(fd)
			return fmt.Errorf("the host's /dev/null: %w", err)
		}
		m.null = fd
	}
	return bindOnto(m.null, target, unix.MOUNT_ATTR_RDONLY|unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, false)
}
