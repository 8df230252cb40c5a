// The host's side: idmapped mounts, see MOUNT_ATTR_IDMAP in mount_setattr(2).
//
// Init copies the mount itself, as for any bind mount: so its source is looked up
// with init's credentials and in init's mount namespace, and what the kernel has
// locked there against a user namespace stays locked. But only somebody with
// privileges over the file system may map its ids. Therefore init passes the
// copy, which is attached nowhere yet, here, and it is mapped in place.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/image"
	"github.com/libcontainer/libcontainer/internal/launch"
)

// mapMount maps the ids of a mount that init has copied.
func (st *starting) mapMount(m *configs.Mount, tree *os.File) error {
	if err := st.mapTree(int(tree.Fd()), m); err != nil {
		return fmt.Errorf("map ids of mount %s on %s: %w", m.Source, m.Destination, err)
	}
	return nil
}

func (st *starting) mapTree(tree int, m *configs.Mount) error {
	userns, err := st.mountUserns(m)
	if err != nil {
		return err
	}
	defer userns.Close()
	flags := uint(unix.AT_EMPTY_PATH)
	if m.IDMapping == configs.IDMapRecursive {
		flags |= unix.AT_RECURSIVE
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_IDMAP, Userns_fd: uint64(userns.Fd())}
	err = unix.MountSetattr(tree, "", flags, &attr)
	switch {
	case errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%s does not support idmapped mounts: mount_setattr: %w", fileSystems(m), err)
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%s is idmapped already, or was mounted in a user namespace over which "+
			"this process has no CAP_SYS_ADMIN: mount_setattr: %w", fileSystems(m), err)
	case err != nil:
		return fmt.Errorf("mount_setattr: %w", err)
	}
	return nil
}

func fileSystems(m *configs.Mount) string {
	if m.IDMapping == configs.IDMapRecursive {
		return "the source's file system, or one mounted below it,"
	}
	return "the source's file system"
}

// mountUserns opens a user namespace with the mappings of a mount.
func (st *starting) mountUserns(m *configs.Mount) (*os.File, error) {
	own := st.config.Namespaces.Creates(configs.NEWUSER) &&
		slices.Equal(m.UidMappings, st.config.UidMappings) && slices.Equal(m.GidMappings, st.config.GidMappings)
	if len(m.UidMappings) > 0 && !own {
		return st.c.factory.makeUserns(m.UidMappings, m.GidMappings)
	}
	userns, err := os.Open(procFile(st.ref.Pid(), "ns/user"))
	if err != nil {
		return nil, fmt.Errorf("open user namespace of the container: %w", err)
	}
	return userns, nil
}

// makeUserns makes a user namespace that lives as long as the file. It takes a
// process to make one: it is the init image, which waits for a list until it is killed.
func (l *LinuxFactory) makeUserns(uids, gids []configs.IDMap) (*os.File, error) {
	pipe, child, err := launch.NewPipe()
	if err != nil {
		return nil, fmt.Errorf("make user namespace: %w", err)
	}
	defer pipe.Close()
	defer child.Close()
	exe, err := image.New(stdioCount)
	if err != nil {
		return nil, err
	}
	defer exe.Close()
	p, err := launch.Spawn(exe, l.initArgv(), nil, []*os.File{nil, nil, nil, child}, &syscall.SysProcAttr{
		Cloneflags:                 unix.CLONE_NEWUSER,
		UidMappings:                sysIDMaps(uids),
		GidMappings:                sysIDMaps(gids),
		GidMappingsEnableSetgroups: true,
	})
	if err != nil {
		return nil, fmt.Errorf("make user namespace with the uid mappings %v and gid mappings %v: %w", uids, gids, err)
	}
	userns, err := os.Open(procFile(p.Pid, "ns/user"))
	_ = p.Kill()
	_, _ = p.Wait() // something else in this program may have reaped it
	if err != nil {
		return nil, fmt.Errorf("open new user namespace: %w", err)
	}
	return userns, nil
}

func sysIDMaps(maps []configs.IDMap) []syscall.SysProcIDMap {
	out := make([]syscall.SysProcIDMap, len(maps))
	for i, m := range maps {
		out[i] = syscall.SysProcIDMap{ContainerID: m.ContainerID, HostID: m.HostID, Size: m.Size}
	}
	return out
}
