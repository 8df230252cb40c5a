// The container's side: paths of the root file system, which is hostile.
//
// The naive way, filepath.Join(rootfs, path) and a call by name, follows a
// symbolic link that the image holds, or that a process of another container on
// the same volume puts there between a check and its use, to the host's files.
// Here the kernel resolves a path once, with the root file system as "/"
// (openat2(2), RESOLVE_IN_ROOT), and from then on only the descriptor is used.

package initproc

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many dangling symbolic links mkdirAll follows, as the kernel's
// limit for one path.
const maxLinks = 40

// openIn opens a path with the directory root as "/". The kernel gives EAGAIN
// when a rename elsewhere made it impossible to tell whether ".." left the root.
func openIn(root int, name string, flags, resolve uint64) (int, error) {
	how := unix.OpenHow{
		Flags:   flags | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS | resolve,
	}
	for {
		fd, err := unix.Openat2(root, name, &how)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		return fd, err
	}
}

// openPath opens a path as a reference to a place (O_PATH).
func openPath(root int, name string) (int, error) { return openIn(root, name, unix.O_PATH, 0) }

// openAt opens the entry name of an open directory and follows no link.
func openAt(dir int, name string, flags int) (int, error) {
	return unix.Openat(dir, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
}

// mkdirAll makes a directory and its missing parents in the root and returns a
// reference to it. Links are followed within the root; one that leads to nothing
// is completed.
func mkdirAll(root int, name string) (int, error) {
	links := maxLinks
	return mkdirLinks(root, path.Clean("/"+name), &links)
}

// mkdirLinks takes a name that holds the targets of links: it may have "..", which
// must not be cleaned away, for what is before it may be a link too. links is how
// many more may be followed in all.
func mkdirLinks(root int, name string, links *int) (int, error) {
	name = "/" + strings.Trim(name, "/")
	fd, err := openIn(root, name, unix.O_PATH|unix.O_DIRECTORY, 0)
	if !errors.Is(err, unix.ENOENT) || name == "/" {
		return fd, err
	}
	dir, base := path.Split(name)
	parent, err := mkdirLinks(root, dir, links)
	if err != nil {
		return -1, err
	}
	defer unix.Close(parent)
	if base == "." || base == ".." { // never relative to parent, which can be the root
		return openIn(root, name, unix.O_PATH|unix.O_DIRECTORY, 0)
	}
	switch err := unix.Mkdirat(parent, base, 0o755); {
	case err == nil, errors.Is(err, unix.EEXIST):
	default:
		return -1, err
	}
	fd, err = openAt(parent, base, unix.O_PATH|unix.O_DIRECTORY)
	if err == nil {
		return fd, nil
	}
	// Neither missing nor a directory: a link that leads to nothing yet.
	target, linkErr := readlinkAt(parent, base)
	if linkErr != nil {
		return -1, err
	}
	if *links == 0 {
		return -1, unix.ELOOP
	}
	*links--
	if !path.IsAbs(target) {
		target = dir + target
	}
	return mkdirLinks(root, target, links)
}

func readlinkAt(dir int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(dir, name, buf)
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

// makeFile makes an empty file, as the place for a bind mount, unless there is
// something already, and returns a reference to it.
func makeFile(root int, name string) (int, error) {
	fd, err := openPath(root, name)
	if err == nil {
		return notDir(fd)
	}
	if !errors.Is(err, unix.ENOENT) {
		return -1, err
	}
	dir, base := path.Split(path.Clean("/" + name))
	parent, err := mkdirAll(root, dir)
	if err != nil {
		return -1, err
	}
	defer unix.Close(parent)
	file, err := unix.Openat(parent, base, unix.O_CREAT|unix.O_EXCL|unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if errors.Is(err, unix.EEXIST) {
		return -1, fmt.Errorf("a symbolic link to nothing is in the way: %w", err)
	}
	if err != nil {
		return -1, err
	}
	return file, nil
}

// notDir closes a descriptor of a directory, onto which no file can be mounted.
func notDir(fd int) (int, error) {
	dir, err := isDir(fd)
	if err == nil && dir {
		err = unix.EISDIR
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func fsType(fd int) (int64, error) {
	var st unix.Statfs_t
	err := unix.Fstatfs(fd, &st)
	return int64(st.Type), err
}

func isDir(fd int) (bool, error) {
	var st unix.Stat_t
	err := unix.Fstat(fd, &st)
	return st.Mode&unix.S_IFMT == unix.S_IFDIR, err
}
