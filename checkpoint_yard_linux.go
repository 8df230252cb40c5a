// The host's side: the hierarchies of cgroups that criu works in.

package libcontainer

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/criurpc"
	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/internal/thread"
)

// startCriu forks criu in a mount namespace of its own, in which it finds the hierarchies of cgroups.
func (d *dump) startCriu(criu *criurpc.Criu, files ...*os.File) (process *criurpc.Process, err error) {
	err = thread.Do(func() error {
		if err := ownMounts(); err != nil {
			return err
		}
		// Only this thread, and criu, see what is mounted on the directory of the state.
		if err := mountTmpfs(d.c.root); err != nil {
			return err
		}
		if d.yard, err = mountYard(d.c.root); err != nil {
			return err
		}
		process, err = criu.Start(files...)
		return err
	})
	return process, err
}

// ownMounts gives the calling thread a mount namespace of its own. It is not private: criu restores
// what the container has of the host's propagation.
func ownMounts() error {
	if err := unix.Unshare(unix.CLONE_NEWNS | unix.CLONE_FS); err != nil {
		return fmt.Errorf("new mount namespace: unshare: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_SLAVE|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("new mount namespace: make mounts slaves: %w", err)
	}
	return nil
}

// mountYard binds each hierarchy of cgroups below dir, where criu looks for it (cgroup_yard): criu would mount
// them anew, and the kernel gives the whole machine's cgroup2 the options of its last mount in the
// initial cgroup namespace. It would lose nsdelegate and memory_recursiveprot (cgroups(7)).
//
// The yard is "" where it cannot be had: a hierarchy that this program is in is not mounted, or only
// a part of it. Then criu mounts them.
//
// It is called on a thread with a mount namespace of its own.
func mountYard(dir string) (yard string, err error) {
	hierarchies, err := wholeHierarchies()
	if err != nil {
		return "", nil //nolint:nilerr // see above
	}
	yard = filepath.Join(dir, "yard")
	if err := os.Mkdir(yard, 0o700); err != nil {
		return "", err
	}
	for name, source := range hierarchies {
		at := filepath.Join(yard, name)
		if err := os.Mkdir(at, 0o700); err != nil {
			return "", err
		}
		if err := unix.Mount(source, at, "", unix.MS_BIND, ""); err != nil {
			return "", fmt.Errorf("bind %s on %s: %w", source, at, err)
		}
	}
	return yard, nil
}

// wholeHierarchies are the mounts of the hierarchies of cgroups that this program is in, by the names of their
// directories in a yard.
func wholeHierarchies() (map[string]string, error) {
	data, err := pidfd.ReadFile("/proc/thread-self/cgroup")
	if err != nil {
		return nil, err
	}
	out := make(map[string]string)
	for line := range bytes.Lines(data) {
		fields := strings.SplitN(strings.TrimSpace(string(line)), ":", 3)
		if len(fields) != 3 {
			return nil, fmt.Errorf("/proc/thread-self/cgroup: line %q: %w", line, unix.EBADMSG)
		}
		subsystem, _, _ := strings.Cut(fields[1], ",")
		source, root, err := cgroups.FindCgroupMountpointAndRoot(subsystem)
		if err != nil {
			return nil, fmt.Errorf("hierarchy %q: %w", fields[1], err)
		}
		if root != "/" {
			return nil, fmt.Errorf("hierarchy %q: the mount %s is not of its root: %w", fields[1], source, errors.ErrUnsupported)
		}
		name := strings.TrimPrefix(fields[1], "name=")
		if name == "" {
			name = "unified"
		}
		out[name] = source
	}
	return out, nil
}
