// The container's side: the entries of Config.Mounts.

package initproc

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// procFiles are the files of procfs that tools like lxcfs mount over. Anything
// else on top of procfs would let a container choose what the programs that set
// it up, and its own security labels, read and write there.
var procFiles = []string{
	"/proc/cpuinfo", "/proc/diskstats", "/proc/loadavg", "/proc/meminfo", "/proc/slabinfo", "/proc/stat",
	"/proc/swaps", "/proc/uptime", "/proc/net/dev", "/proc/sys/kernel/ns_last_pid",
}

func (r *Rootfs) mountEntry(m *configs.Mount) error {
	if err := runCommands("premount", m, m.PremountCmds); err != nil {
		return err
	}
	if err := r.mount(m); err != nil {
		return fmt.Errorf("mount %s on %s: %w", describe(m), m.Destination, err)
	}
	return runCommands("postmount", m, m.PostmountCmds)
}

func describe(m *configs.Mount) string {
	if m.IsBind() || m.Source != "" {
		return m.Source
	}
	return m.Device
}

func (r *Rootfs) mount(m *configs.Mount) error {
	// Targets that are made have their mode whatever the host's umask is.
	defer unix.Umask(unix.Umask(0))
	switch {
	case m.Flags&unix.MS_REMOUNT != 0:
		return r.remount(m)
	case m.IsBind():
		return r.bind(m)
	case m.Device == "cgroup":
		return r.mountCgroups(m)
	case m.Device == "cgroup2":
		return r.mountUnified(m)
	case m.CopyUp:
		return r.mountCopy(m)
	}
	return r.mountFS(m)
}

// target makes the place for a mount and checks that it is none that must not be
// covered.
func (r *Rootfs) target(m *configs.Mount, dir bool) (int, error) {
	dest := path.Clean("/" + m.Destination)
	var fd int
	var err error
	switch {
	case dest == "/proc" || dest == "/sys":
		fd, err = r.realDir(dest)
	case dir:
		fd, err = mkdirAll(r.root, dest)
	default:
		fd, err = makeFile(r.root, dest)
	}
	if err != nil {
		return -1, fmt.Errorf("make mount point: %w", err)
	}
	if err := allowedOver(fd, dest); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// realDir makes and opens /proc or /sys, which must not be links: programs find
// the mounts there by name.
func (r *Rootfs) realDir(dest string) (int, error) {
	base := dest[1:]
	if err := unix.Mkdirat(r.root, base, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
		return -1, err
	}
	fd, err := openAt(r.root, base, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, fmt.Errorf("%s of the root file system is not a directory: %w", dest, err)
	}
	return fd, nil
}

func allowedOver(target int, dest string) error {
	typ, err := fsType(target)
	if err != nil || typ != unix.PROC_SUPER_MAGIC || slices.Contains(procFiles, dest) {
		return err
	}
	return invalidError{fmt.Errorf("it would cover a part of procfs: %w", unix.EPERM)}
}

// genuine checks that what comes onto /proc and /sys is what programs take for it.
func genuine(m *configs.Mount, mount int) error {
	var want int64
	dest := path.Clean("/" + m.Destination)
	switch dest {
	case "/proc":
		want = unix.PROC_SUPER_MAGIC
	case "/sys":
		want = unix.SYSFS_MAGIC
	default:
		return nil
	}
	typ, err := fsType(mount)
	if err != nil || typ == want {
		return err
	}
	return invalidError{fmt.Errorf("only %s may be there: %w", dest[1:]+"fs", unix.EINVAL)}
}

func (r *Rootfs) mountFS(m *configs.Mount) error {
	target, err := r.target(m, true)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	if tooLong(m.Source, m.Data) {
		return r.mountLong(m, target)
	}
	mount, err := newMount(m.Device, m.Source, m.Data, m.Flags)
	if m.Device == "sysfs" && errors.Is(err, unix.EPERM) {
		// sysfs belongs to a network namespace that is not ours.
		mount, err = r.hostSysfs(m)
	}
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	return r.place(m, mount, target)
}

// mountLong mounts by mount(2), for options that fsconfig(2) does not take, such
// as the layers of an overlay.
func (r *Rootfs) mountLong(m *configs.Mount, target int) error {
	place := fmt.Sprintf("/proc/self/fd/%d", target)
	flags := m.Flags &^ (propagationTypes | unix.MS_REC)
	if err := unix.Mount(m.Source, place, m.Device, uintptr(flags), m.Data); err != nil {
		return err
	}
	// The descriptor is that of the place below. What the path leads to now is
	// in our own mount namespace, whatever else has happened to it.
	mount, err := openPath(r.root, m.Destination)
	if err != nil {
		return err
	}
	defer unix.Close(mount)
	if err := genuine(m, mount); err != nil {
		return err
	}
	if err := setRecAttrs(m, mount); err != nil {
		return err
	}
	return setPropagations(mount, m.PropagationFlags)
}

func (r *Rootfs) hostSysfs(m *configs.Mount) (int, error) {
	tree, err := cloneTree(unix.AT_FDCWD, "/sys", true)
	if err != nil {
		return -1, err
	}
	attrs, _ := mountAttrs(m.Flags | unix.MS_RDONLY)
	if err := setAttrs(tree, attrs, false, true); err != nil {
		unix.Close(tree)
		return -1, err
	}
	return tree, nil
}

// place attaches a finished mount.
func (r *Rootfs) place(m *configs.Mount, mount, target int) error {
	if err := genuine(m, mount); err != nil {
		return err
	}
	if err := setRecAttrs(m, mount); err != nil {
		return err
	}
	if err := attach(mount, target); err != nil {
		return err
	}
	return setPropagations(mount, m.PropagationFlags)
}

// bind attaches a copy of a mount of the host. The flags add to what protects the
// source: a bind mount never gives more than its source.
func (r *Rootfs) bind(m *configs.Mount) error {
	if !path.IsAbs(m.Source) {
		return invalidError{fmt.Errorf("the source is not absolute: %w", unix.EINVAL)}
	}
	tree, err := cloneTree(unix.AT_FDCWD, m.Source, m.Flags&unix.MS_REC != 0)
	if err != nil {
		if missing(err) {
			return invalidError{err}
		}
		return err
	}
	defer unix.Close(tree)
	dir, err := isDir(tree)
	if err != nil {
		return err
	}
	target, err := r.target(m, dir)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	attrs, atime := mountAttrs(m.Flags)
	if err := setAttrs(tree, attrs, atime, false); err != nil {
		return err
	}
	if err := r.mapIDs(m, tree); err != nil {
		return err
	}
	return r.place(m, tree, target)
}

// remount adds flags to a mount that is there, and gives its file system options
// unless it is a bind mount.
func (r *Rootfs) remount(m *configs.Mount) error {
	fd, err := openPath(r.root, m.Destination)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if !m.IsBind() && m.Data != "" {
		if err := reconfigure(fd, m.Data); err != nil {
			return err
		}
	}
	attrs, atime := mountAttrs(m.Flags)
	if err := setAttrs(fd, attrs, atime, false); err != nil {
		return err
	}
	if err := setRecAttrs(m, fd); err != nil {
		return err
	}
	return setPropagations(fd, m.PropagationFlags)
}

// CgroupMount is a cgroup hierarchy of the host.
type CgroupMount struct {
	// Mountpoint is where the host has it.
	Mountpoint string
	// Subsystems are its controllers, or "name=..."; "" is cgroup v2.
	Subsystems []string
}

// mountCgroups lays the hierarchies out as the host has them: on v1 a tmpfs with
// a directory for each. In each one the container's own cgroup is the root: a bind
// mount, which within a cgroup namespace looks just as a mount of the hierarchy.
func (r *Rootfs) mountCgroups(m *configs.Mount) error {
	v1 := false
	for _, h := range r.CgroupMounts {
		v1 = v1 || !slices.Contains(h.Subsystems, "")
	}
	if !v1 {
		return r.mountUnified(m)
	}
	target, err := r.target(m, true)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	tmpfs, err := newMount("tmpfs", "tmpfs", "mode=755", m.Flags&^unix.MS_RDONLY)
	if err != nil {
		return err
	}
	defer unix.Close(tmpfs)
	plain := *m // the whole tree's attributes come when it is complete
	plain.RecAttrSet, plain.RecAttrClear = 0, 0
	if err := r.place(&plain, tmpfs, target); err != nil {
		return err
	}
	attrs, _ := mountAttrs(m.Flags)
	for _, h := range r.CgroupMounts {
		if err := r.bindHierarchy(h, tmpfs, attrs); err != nil {
			return fmt.Errorf("hierarchy %s: %w", h.Mountpoint, err)
		}
	}
	if err := setRecAttrs(m, tmpfs); err != nil {
		return err
	}
	return setAttrs(tmpfs, attrs&unix.MOUNT_ATTR_RDONLY, false, false)
}

func (r *Rootfs) bindHierarchy(h CgroupMount, tmpfs int, attrs uint64) error {
	cgroup := r.cgroupOf(h)
	if cgroup == "" {
		return nil // the container has no cgroup there
	}
	if err := unix.Access(cgroup, unix.F_OK); errors.Is(err, unix.ENOENT) {
		return nil // it was optional, and the host could not move us there
	}
	name := path.Base(h.Mountpoint)
	if err := unix.Mkdirat(tmpfs, name, 0o755); err != nil {
		return fmt.Errorf("mkdir %s: %w", name, err)
	}
	dir, err := openAt(tmpfs, name, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return err
	}
	defer unix.Close(dir)
	if err := bindPath(cgroup, dir, attrs); err != nil {
		return err
	}
	for _, s := range h.Subsystems {
		if s == name || s == "" || strings.HasPrefix(s, "name=") {
			continue
		}
		if err := unix.Symlinkat(name, tmpfs, s); err != nil && !errors.Is(err, unix.EEXIST) {
			return fmt.Errorf("symlink %s: %w", s, err)
		}
	}
	return nil
}

func (r *Rootfs) cgroupOf(h CgroupMount) string {
	for _, s := range h.Subsystems {
		if p := r.CgroupPaths[s]; p != "" {
			return p
		}
	}
	return ""
}

func (r *Rootfs) mountUnified(m *configs.Mount) error {
	cgroup := r.CgroupPaths[""]
	if cgroup == "" {
		return fmt.Errorf("the container has no cgroup in a cgroup v2 hierarchy: %w", unix.ENOENT)
	}
	target, err := r.target(m, true)
	if err != nil {
		return err
	}
	defer unix.Close(target)
	tree, err := cloneTree(unix.AT_FDCWD, cgroup, false)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	attrs, _ := mountAttrs(m.Flags)
	if err := setAttrs(tree, attrs, false, false); err != nil {
		return err
	}
	return r.place(m, tree, target)
}

func bindPath(source string, target int, attrs uint64) error {
	tree, err := cloneTree(unix.AT_FDCWD, source, false)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := setAttrs(tree, attrs, false, false); err != nil {
		return err
	}
	return attach(tree, target)
}
