// The host's side: the places for mounts in the root file system of a container that is restored.
// Init makes those that are missing at a start; one that is restored may have another root file system
// than at the checkpoint, with what the container has written and no more.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// makePlaces makes what is missing for the mounts that lie on the root itself. Criu makes what is in
// the container's other file systems.
func (r *restore) makePlaces(root int) error {
	external := make(map[int]bool) // whether it is a directory
	for _, m := range r.host.mounts {
		external[m.index] = m.id.dir
	}
	for i, m := range r.record.Mounts {
		dir, ok := external[i]
		if !ok {
			dir, ok = true, m.Root == "/" // of what is bound from elsewhere in the container nobody can say
		}
		if !ok || m.Point == "/" || r.covered(m.Point) {
			continue
		}
		if err := makePlace(root, m.Point, dir); err != nil {
			return fmt.Errorf("mount %s: make its place in the root file system: %w", m.Point, err)
		}
	}
	return nil
}

// covered tells whether a path lies on another mount than the root.
func (r *restore) covered(point string) bool {
	for _, m := range r.record.Mounts {
		if _, ok := below(point, m.Point); ok && m.Point != "/" {
			return true
		}
	}
	return false
}

// makePlace makes a directory or an empty file, and its missing parents. The path is as the kernel
// had it, without links: where there is one now criu is not led to what it points to, and fails.
func makePlace(root int, name string, dir bool) error {
	parent, err := unix.Openat(root, ".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: "/", Err: err}
	}
	defer func() { unix.Close(parent) }()
	names := strings.Split(strings.Trim(path.Clean(name), "/"), "/")
	for i, base := range names {
		if i == len(names)-1 && !dir {
			return makeEmpty(parent, base)
		}
		if err := unix.Mkdirat(parent, base, 0o755); err != nil && !errors.Is(err, unix.EEXIST) {
			return &os.PathError{Op: "mkdir", Path: path.Join(names[:i+1]...), Err: err}
		}
		next, err := unix.Openat(parent, base, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: path.Join(names[:i+1]...), Err: err}
		}
		unix.Close(parent)
		parent = next
	}
	return nil
}

func makeEmpty(parent int, base string) error {
	const flags = unix.O_CREAT | unix.O_EXCL | unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Openat(parent, base, flags, 0o644)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	if err != nil {
		return &os.PathError{Op: "create", Path: base, Err: err}
	}
	return unix.Close(fd)
}
