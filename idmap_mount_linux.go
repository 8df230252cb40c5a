// The host's side: idmapped mounts, see MOUNT_ATTR_IDMAP in mount_setattr(2).
//
// Init copies the mount itself, as for any bind mount: so its source is looked up
// with init's credentials and in init's mount namespace, and what the kernel has
// locked there against a user namespace stays locked. But only somebody with
// privileges over the file system may map its ids. Therefore init passes the
// copy, which is attached nowhere yet, here, and it is mapped in place.

package libcontainer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/initproc"
	"github.com/libcontainer/libcontainer/internal/unixsock"
)

// mapMount serves init's request to map the ids of a mount, whose index is the
// payload and whose descriptor comes next.
func (l *launch) mapMount(payload []byte) error {
	tree, err := l.receiveFile()
	if err != nil {
		return err
	}
	defer tree.Close()
	if len(payload) != 4 {
		return fmt.Errorf("init's request to map a mount has %d bytes, want 4", len(payload))
	}
	i := int(binary.NativeEndian.Uint32(payload))
	if i >= len(l.config.Mounts) || l.config.Mounts[i].IDMapping == configs.IDMapNone {
		return fmt.Errorf("init asks to map the ids of mount %d, for which there is no id mapping", i)
	}
	m := l.config.Mounts[i]
	if err := l.mapTree(int(tree.Fd()), m); err != nil {
		return fmt.Errorf("map ids of mount %s on %s: %w", m.Source, m.Destination, err)
	}
	return l.write(initproc.KindGo, nil)
}

func (l *launch) mapTree(tree int, m *configs.Mount) error {
	userns, err := l.mountUserns(m)
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
func (l *launch) mountUserns(m *configs.Mount) (*os.File, error) {
	own := l.config.Namespaces.Creates(configs.NEWUSER) &&
		slices.Equal(m.UidMappings, l.config.UidMappings) && slices.Equal(m.GidMappings, l.config.GidMappings)
	if len(m.UidMappings) > 0 && !own {
		return l.c.factory.makeUserns(m.UidMappings, m.GidMappings)
	}
	userns, err := os.Open(procFile(l.ref.Pid(), "ns/user"))
	if err != nil {
		return nil, fmt.Errorf("open user namespace of the container: %w", err)
	}
	return userns, nil
}

// makeUserns makes a user namespace that lives as long as the file. It takes a
// process to make one: it is the init program, whose preamble gets no message on
// its pipe and waits for it until it is killed.
func (l *LinuxFactory) makeUserns(uids, gids []configs.IDMap) (*os.File, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make user namespace: make pipe: %w", err)
	}
	child := os.NewFile(uintptr(pair[1]), "init pipe")
	defer child.Close()
	defer unix.Close(pair[0])
	files := []*os.File{nil, nil, nil, child}
	exe, err := l.initExecutable(max(pair[1], len(files)) + len(files) + 2)
	if err != nil {
		return nil, err
	}
	defer unix.Close(exe)
	p, err := os.StartProcess("/proc/self/fd/"+strconv.Itoa(exe), l.initArgv(), &os.ProcAttr{
		Dir:   "/",
		Env:   initEnv(stdioCount),
		Files: files,
		Sys: &syscall.SysProcAttr{
			Cloneflags:                 unix.CLONE_NEWUSER,
			UidMappings:                sysIDMaps(uids),
			GidMappings:                sysIDMaps(gids),
			GidMappingsEnableSetgroups: true,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make user namespace with the uid mappings %v and gid mappings %v: %w", uids, gids, err)
	}
	userns, err := os.Open(procFile(p.Pid, "ns/user"))
	_ = p.Kill()
	if _, waitErr := p.Wait(); err == nil && waitErr != nil {
		userns.Close()
		return nil, fmt.Errorf("reap the process that made a user namespace: %w", waitErr)
	}
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

// receiveFile receives a descriptor from init, which comes with one byte.
func (l *launch) receiveFile() (*os.File, error) {
	_, files, err := unixsock.Recv(l.ctx, l.pipe, make([]byte, 1), 1)
	switch {
	case errors.Is(err, io.EOF):
		return nil, errDied
	case err != nil:
		return nil, fmt.Errorf("receive descriptor from init: %w", err)
	case len(files) != 1:
		return nil, errors.New("receive descriptor from init: none has come")
	}
	return files[0], nil
}
