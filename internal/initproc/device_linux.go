// The container's side: device nodes, the links of /dev, and standard descriptors
// that point to the host's /dev/null.

package initproc

import (
	"errors"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

var nullDev = unix.Mkdev(1, 3)

// setsUpDev tells whether /dev is the container's own: it is not when it has been
// bind-mounted from elsewhere.
func (r *Rootfs) setsUpDev() bool {
	for _, m := range r.Config.Mounts {
		if m.IsBind() && path.Clean("/"+m.Destination) == "/dev" {
			return false
		}
	}
	return true
}

func (r *Rootfs) setUpDev() error {
	// The mode of a device is exactly what the configuration says.
	defer unix.Umask(unix.Umask(0))
	for _, d := range r.Config.Devices {
		if d.Path == "/dev/ptmx" {
			continue // the link below, to the container's own devpts
		}
		if err := r.makeDevice(d); err != nil {
			return fmt.Errorf("make device %s: %w", d.Path, err)
		}
	}
	dev, err := mkdirAll(r.root, "/dev")
	if err != nil {
		return fmt.Errorf("open /dev of the root file system: %w", err)
	}
	defer unix.Close(dev)
	if err := linkDev(dev); err != nil {
		return err
	}
	return reopenNull(dev)
}

func linkDev(dev int) error {
	links := []struct{ target, name string }{
		{"pts/ptmx", "ptmx"},
		{"/proc/self/fd", "fd"},
		{"/proc/self/fd/0", "stdin"},
		{"/proc/self/fd/1", "stdout"},
		{"/proc/self/fd/2", "stderr"},
		{"/proc/kcore", "core"},
	}
	if err := unix.Access("/proc/kcore", unix.F_OK); err != nil {
		links = links[:len(links)-1]
	}
	for _, l := range links {
		err := unix.Symlinkat(l.target, dev, l.name)
		if errors.Is(err, unix.EEXIST) {
			err = replaceLink(dev, l.target, l.name)
		}
		if err != nil {
			return fmt.Errorf("link /dev/%s to %s: %w", l.name, l.target, err)
		}
	}
	return nil
}

// replaceLink is for a root file system that has a /dev of its own. ptmx must be
// that of the container's devpts; of the others, what is there is good enough.
func replaceLink(dev int, target, name string) error {
	if old, err := readlinkAt(dev, name); name != "ptmx" || err == nil && old == target {
		return nil
	}
	if err := unix.Unlinkat(dev, name, 0); err != nil {
		return err
	}
	return unix.Symlinkat(target, dev, name)
}

func deviceMode(d *configs.Device) (uint32, error) {
	switch d.Type {
	case 'c', 'u':
		return unix.S_IFCHR, nil
	case 'b':
		return unix.S_IFBLK, nil
	case 'p':
		return unix.S_IFIFO, nil
	}
	return 0, invalidError{fmt.Errorf("unknown type %q: %w", d.Type, unix.EINVAL)}
}

func (r *Rootfs) makeDevice(d *configs.Device) error {
	typ, err := deviceMode(d)
	if err != nil {
		return err
	}
	dir, base := path.Split(path.Clean("/" + d.Path))
	parent, err := mkdirAll(r.root, dir)
	if err != nil {
		return err
	}
	defer unix.Close(parent)
	dev := unix.Mkdev(uint32(d.Major), uint32(d.Minor))
	if typ == unix.S_IFIFO {
		dev = 0
	}
	if r.InUserNS && typ != unix.S_IFIFO {
		return bindDevice(parent, base, d.Path, typ, dev)
	}
	perm := uint32(d.FileMode.Perm())
	err = unix.Mknodat(parent, base, typ|perm, int(dev))
	switch {
	case errors.Is(err, unix.EPERM):
		return bindDevice(parent, base, d.Path, typ, dev)
	case errors.Is(err, unix.EEXIST):
		return reuseDevice(parent, base, d, typ, dev)
	case err != nil:
		return err
	}
	if d.Uid == 0 && d.Gid == 0 {
		return nil
	}
	return unix.Fchownat(parent, base, int(d.Uid), int(d.Gid), unix.AT_SYMLINK_NOFOLLOW)
}

// reuseDevice takes a node that the root file system has already, if it is that
// device and nothing else that has its name.
func reuseDevice(parent int, base string, d *configs.Device, typ uint32, dev uint64) error {
	fd, err := openAt(parent, base, unix.O_PATH)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := verifyDevice(fd, typ, dev); err != nil {
		return err
	}
	proc := fmt.Sprintf("/proc/self/fd/%d", fd)
	if err := unix.Chmod(proc, uint32(d.FileMode.Perm())); err != nil {
		return err
	}
	return unix.Fchownat(fd, "", int(d.Uid), int(d.Gid), unix.AT_EMPTY_PATH)
}

func verifyDevice(fd int, typ uint32, dev uint64) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != typ || typ != unix.S_IFIFO && uint64(st.Rdev) != dev {
		return fmt.Errorf("what is there has mode %o and device %d:%d: %w", st.Mode,
			unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev)), unix.EEXIST)
	}
	return nil
}

// bindDevice mounts the host's device where a node cannot be made.
func bindDevice(parent int, base, host string, typ uint32, dev uint64) error {
	src, err := unix.Open(host, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the host's device: %w", err)
	}
	defer unix.Close(src)
	if err := verifyDevice(src, typ, dev); err != nil {
		return fmt.Errorf("the host's file is another one: %w", err)
	}
	place, err := devicePlace(parent, base)
	if err != nil {
		return fmt.Errorf("make the place for the host's device: %w", err)
	}
	defer unix.Close(place)
	return bindOnto(src, place, 0, false)
}

// devicePlace makes an empty file, or takes what is there without opening it: that
// may be a device itself.
func devicePlace(parent int, base string) (int, error) {
	file, err := unix.Openat(parent, base, unix.O_CREAT|unix.O_EXCL|unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if !errors.Is(err, unix.EEXIST) {
		return file, err
	}
	fd, err := openAt(parent, base, unix.O_PATH)
	if err != nil {
		return -1, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return -1, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFLNK, unix.S_IFDIR:
		unix.Close(fd)
		return -1, fmt.Errorf("what is there has mode %o: %w", st.Mode, unix.EEXIST)
	}
	return fd, nil
}

// reopenNull replaces standard descriptors that refer to the host's /dev/null by
// the container's, which lies in a mount that the container can see.
func reopenNull(dev int) error {
	null := -1
	for fd := range 3 {
		var st unix.Stat_t
		if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFCHR || uint64(st.Rdev) != nullDev {
			continue
		}
		if null < 0 {
			var err error
			if null, err = openNull(dev); missing(err) {
				return nil // a container without one
			} else if err != nil {
				return fmt.Errorf("open /dev/null of the container: %w", err)
			}
			defer unix.Close(null)
		}
		if err := unix.Dup3(null, fd, 0); err != nil {
			return fmt.Errorf("replace standard descriptor %d: %w", fd, err)
		}
	}
	return nil
}

func openNull(dev int) (int, error) {
	fd, err := openAt(dev, "null", unix.O_RDWR|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return -1, err
	}
	if err := verifyDevice(fd, unix.S_IFCHR, nullDev); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}
