// The container's side: its root file system, from the host's mounts to
// pivot_root(2). Everything is mounted before the root changes, while the host's
// procfs and devices can still be named; mountinfo is never parsed.

package initproc

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// Rootfs is what setting up a container's root file system needs.
type Rootfs struct {
	// Config is the container's configuration.
	Config *configs.Config
	// CgroupPaths are the container's cgroups on the host, by subsystem.
	CgroupPaths map[string]string
	// CgroupMounts are the host's hierarchies, for mounts of type cgroup.
	CgroupMounts []CgroupMount
	// InUserNS tells that the container has a user namespace of its own, in
	// which devices cannot be made.
	InUserNS bool
	// BeforePivot, if it is not nil, is called when all is mounted and the root
	// is still the host's.
	BeforePivot func() error
	// MapIDs has the host map the ids of a detached mount, which is entry index
	// of Config.Mounts.
	MapIDs func(index, tree int) error
	// Terminal tells that standard input is a terminal for /dev/console.
	Terminal bool

	root int // the new root
}

// Prepare sets up the root file system and makes it the root. The working
// directory is "/" then.
func (r *Rootfs) Prepare() error {
	if !r.Config.Namespaces.Contains(configs.NEWNS) {
		return r.chroot()
	}
	if err := r.openRoot(); err != nil {
		return err
	}
	defer unix.Close(r.root)
	for _, m := range r.Config.Mounts {
		if err := r.mountEntry(m); err != nil {
			return err
		}
	}
	if r.setsUpDev() {
		if err := r.setUpDev(); err != nil {
			return err
		}
	}
	if r.Terminal {
		if err := r.mountConsole(); err != nil {
			return err
		}
	}
	if err := r.hidePaths(); err != nil {
		return err
	}
	if r.Config.Readonlyfs {
		if err := setAttrs(r.root, unix.MOUNT_ATTR_RDONLY, false, false); err != nil {
			return fmt.Errorf("make root read-only: %w", err)
		}
	}
	if r.BeforePivot != nil {
		if err := r.BeforePivot(); err != nil {
			return err
		}
	}
	if r.Config.NoPivotRoot {
		return r.moveRoot()
	}
	return r.pivotRoot()
}

// chroot is for a container that shares the mount namespace of somebody else,
// in which it must not mount anything.
func (r *Rootfs) chroot() error {
	if err := unix.Chdir(r.Config.Rootfs); err != nil {
		return fmt.Errorf("change to root file system %s: %w", r.Config.Rootfs, err)
	}
	if r.Config.Rootfs == "/" {
		return nil
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("chroot to %s: %w", r.Config.Rootfs, err)
	}
	return nil
}

// openRoot cuts the mount namespace off from the host's and makes the root file
// system a mount, on top of its own path.
func (r *Rootfs) openRoot() error {
	// Unless the mounts are to be shared, what we mount must not appear on the
	// host, whatever RootPropagation leaves out; it is set at the end.
	flags := unix.MS_SLAVE | unix.MS_REC
	shared := r.Config.RootPropagation&unix.MS_SHARED != 0
	if shared {
		flags = r.Config.RootPropagation
	}
	if err := unix.Mount("", "/", "", uintptr(flags), ""); err != nil {
		return fmt.Errorf("set propagation of / to %#x: %w", flags, err)
	}
	rootfs := r.Config.Rootfs
	if shared {
		if err := makeParentSlave(rootfs); err != nil {
			return fmt.Errorf("make the mount of %s a slave: %w", rootfs, err)
		}
	}
	root, err := cloneTree(unix.AT_FDCWD, rootfs, true)
	if err != nil {
		return fmt.Errorf("clone root file system %s: %w", rootfs, err)
	}
	r.root = root
	err = unix.MoveMount(root, "", unix.AT_FDCWD, rootfs, unix.MOVE_MOUNT_F_EMPTY_PATH)
	if err == nil {
		// pivot_root refuses a shared root; its propagation is set afterwards.
		// As a slave it gets what the host mounts there later.
		err = setPropagation(root, unix.MS_SLAVE)
	}
	if err != nil {
		unix.Close(root)
		return fmt.Errorf("mount root file system %s: %w", rootfs, err)
	}
	return nil
}

// makeParentSlave finds the mount that holds a path: the nearest directory
// above it that statx(2) says is the root of one.
func makeParentSlave(name string) error {
	fd, err := unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	for {
		var st unix.Statx_t
		if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, 0, &st); err != nil {
			unix.Close(fd)
			return err
		}
		if st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0 {
			err := setPropagation(fd, unix.MS_SLAVE)
			unix.Close(fd)
			return err
		}
		parent, err := unix.Openat(fd, "..", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
		unix.Close(fd)
		if err != nil {
			return err
		}
		fd = parent
	}
}

// pivotRoot changes the root without a directory for the old one: that is
// stacked on the new and taken off, see NOTES of pivot_root(2).
func (r *Rootfs) pivotRoot() error {
	old, err := unix.Open("/", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open old root: %w", err)
	}
	defer unix.Close(old)
	if err := unix.Fchdir(r.root); err != nil {
		return fmt.Errorf("change to new root: %w", err)
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("pivot_root to %s: %w", r.Config.Rootfs, err)
	}
	if err := unix.Fchdir(old); err != nil {
		return fmt.Errorf("change to old root: %w", err)
	}
	// Unmounting must not reach the host.
	if r.Config.RootPropagation&unix.MS_SHARED != 0 {
		if err := unix.Mount("", ".", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("make old root a slave: %w", err)
		}
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount old root: %w", err)
	}
	return r.enterRoot()
}

// moveRoot is for a root from which pivot_root is refused, such as an initramfs.
// The host's mounts stay below.
func (r *Rootfs) moveRoot() error {
	if err := unix.Fchdir(r.root); err != nil {
		return fmt.Errorf("change to new root: %w", err)
	}
	// What is mounted on a shared / would be mounted on the host's too.
	if err := unix.Mount("", "/", "", unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make / private: %w", err)
	}
	if err := unix.MoveMount(r.root, "", unix.AT_FDCWD, "/", unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("move root file system to /: %w", err)
	}
	if err := unix.Chroot("."); err != nil {
		return fmt.Errorf("chroot to new root: %w", err)
	}
	return r.enterRoot()
}

func (r *Rootfs) enterRoot() error {
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("change to /: %w", err)
	}
	if flags := r.Config.RootPropagation; flags != 0 {
		if err := unix.Mount("", "/", "", uintptr(flags), ""); err != nil {
			return fmt.Errorf("set propagation of the container's / to %#x: %w", flags, err)
		}
	}
	return nil
}

// runCommands runs a mount's commands: programs of the host, in the container's
// mount namespace, while the root is still the host's.
func runCommands(kind string, m *configs.Mount, commands []configs.Command) error {
	for i, c := range commands {
		if c.Env == nil {
			c.Env = []string{} // init's own is not for others
		}
		if err := c.RunWithInput(nil); err != nil {
			return fmt.Errorf("%s command %d of the mount on %s: %w", kind, i, m.Destination, err)
		}
	}
	return nil
}
