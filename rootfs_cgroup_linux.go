// Mounts of type cgroup and cgroup2: the container's own cgroups, as operations of
// init.

package libcontainer

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

// cgroupMount is a cgroup hierarchy of the host.
type cgroupMount struct {
	mountpoint string   // where the host has it
	subsystems []string // its controllers, or "name=..."; "" is cgroup v2
}

// mountCgroups lays the hierarchies out as the host has them: on v1 a tmpfs with
// a directory for each. In each one the container's own cgroup is the root: a bind
// mount, which within a cgroup namespace looks just as a mount of the hierarchy.
func (r *rootfs) mountCgroups(m *configs.Mount) error {
	v1 := slices.ContainsFunc(r.plan.cgroupMounts, func(h cgroupMount) bool { return !slices.Contains(h.subsystems, "") })
	if !v1 {
		return r.mountUnified(m)
	}
	target := r.target(m, true)
	tmpfs := r.newMount("tmpfs", "tmpfs", []string{"mode=755"}, m.Flags&^unix.MS_RDONLY)
	plain := *m // the whole tree's attributes come when it is complete
	plain.RecAttrSet, plain.RecAttrClear = 0, 0
	r.place(&plain, tmpfs, target)
	attrs, _ := mountAttrs(m.Flags)
	for _, h := range r.plan.cgroupMounts {
		out := r.In("hierarchy " + h.mountpoint)
		r.bindHierarchy(h, tmpfs, attrs)
		out()
	}
	r.setRecAttrs(m, tmpfs)
	r.addAttrs(tmpfs, attrs&unix.MOUNT_ATTR_RDONLY, false, false)
	r.Close(tmpfs)
	r.Close(target)
	return nil
}

func (r *rootfs) bindHierarchy(h cgroupMount, tmpfs program.Reg, attrs uint64) {
	name := path.Base(h.mountpoint)
	r.Do("mkdir "+name, unix.SYS_MKDIRAT, tmpfs.Arg(), r.String(name), num(0o755))
	cgroup := r.cgroupOf(h)
	if cgroup == "" {
		return // the container has no cgroup there; another mount may come to the empty directory
	}
	absent := r.Label()
	tree := r.cloneTree(num(unix.AT_FDCWD), cgroup, false)
	r.Or(absent, unix.ENOENT) // it was optional, and the host could not move us there
	r.addAttrs(tree, attrs, false, false)
	dir := r.Reg()
	r.openAt(dir, tmpfs, name, unix.O_PATH|unix.O_DIRECTORY)
	r.attach(tree, dir)
	r.Close(dir)
	r.Close(tree)
	for _, s := range h.subsystems {
		if s == name || s == "" || strings.HasPrefix(s, "name=") {
			continue
		}
		r.Do("symlink "+s, unix.SYS_SYMLINKAT, r.String(name), tmpfs.Arg(), r.String(s))
		r.Ignore(unix.EEXIST)
	}
	r.Bind(absent)
}

func (r *rootfs) cgroupOf(h cgroupMount) string {
	for _, s := range h.subsystems {
		if p := r.plan.cgroupPaths[s]; p != "" {
			return p
		}
	}
	return ""
}

func (r *rootfs) mountUnified(m *configs.Mount) error {
	cgroup := r.plan.cgroupPaths[""]
	if cgroup == "" {
		return fmt.Errorf("the container has no cgroup in a cgroup v2 hierarchy: %w", unix.ENOENT)
	}
	target := r.target(m, true)
	tree := r.cloneTree(num(unix.AT_FDCWD), cgroup, false)
	attrs, _ := mountAttrs(m.Flags)
	r.addAttrs(tree, attrs, false, false)
	r.place(m, tree, target)
	r.Close(tree)
	r.Close(target)
	return nil
}
