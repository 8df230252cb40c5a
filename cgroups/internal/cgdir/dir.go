//go:build linux

// Package cgdir reads and writes the files of one cgroup through its
// directory's file descriptor.
//
// The naive way, os.WriteFile(filepath.Join(dir, name)), lets a name that
// came from a configuration ("hugetlb.../../x") choose another file, follows
// links, and writes to whatever happens to be mounted on the path. Here a
// directory is opened once, is checked to be of a cgroup file system, and all
// files are resolved below it by openat2(2), without links or mount points.
package cgdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// Kind says what a directory must be.
type Kind int

const (
	// Cgroup is a directory of a cgroup or cgroup2 file system.
	Cgroup Kind = iota
	// Any is any directory, such as a test's imitation of a cgroup. Its
	// files are truncated before they are written, as the kernel's files
	// behave.
	Any
)

// Dir is an open cgroup directory. Its methods may be used concurrently, but
// not with Close.
type Dir struct {
	fd   int
	path string
	kind Kind
}

// resolve keeps a file name inside of its cgroup.
const resolve = unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV

// Open opens the directory path, which must be absolute and clean.
func Open(path string, kind Kind) (*Dir, error) {
	if err := CheckPath(path); err != nil {
		return nil, err
	}
	fd, err := descriptor.Retry(func() (int, error) {
		return unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	d := &Dir{fd: fd, path: path, kind: kind}
	if err := d.check(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// check verifies the file system's type.
func (d *Dir) check() error {
	if d.kind == Any {
		return nil
	}
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(d.fd, &st) }); err != nil {
		return &os.PathError{Op: "fstatfs", Path: d.path, Err: err}
	}
	if st.Type != unix.CGROUP_SUPER_MAGIC && st.Type != unix.CGROUP2_SUPER_MAGIC {
		return fmt.Errorf("%s is not on a cgroup file system (type %#x)", d.path, st.Type)
	}
	return nil
}

// Close closes the directory.
func (d *Dir) Close() {
	unix.Close(d.fd)
}

// Kind returns what the directory was opened as.
func (d *Dir) Kind() Kind { return d.kind }

// Path returns the path of the file name in the directory, for messages, or
// that of the directory itself if name is empty.
func (d *Dir) Path(name string) string {
	if name == "" {
		return d.path
	}
	if d.path == "/" {
		return d.path + name
	}
	return d.path + "/" + name
}

// Sub opens a directory below d. The path rel has one or more elements.
func (d *Dir) Sub(rel string) (*Dir, error) {
	if err := CheckRelative(rel); err != nil {
		return nil, err
	}
	fd, err := d.openat(rel, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	return &Dir{fd: fd, path: d.Path(rel), kind: d.kind}, nil
}

// Mkdir makes the directory name with mode 0755, less the umask.
func (d *Dir) Mkdir(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	err := retry(func() error { return unix.Mkdirat(d.fd, name, 0o755) })
	if err != nil {
		return &os.PathError{Op: "mkdir", Path: d.Path(name), Err: err}
	}
	return nil
}

// Exists reports whether there is a file called name.
func (d *Dir) Exists(name string) bool {
	if CheckName(name) != nil {
		return false
	}
	return retry(func() error { return unix.Faccessat(d.fd, name, unix.F_OK, unix.AT_SYMLINK_NOFOLLOW) }) == nil
}

// Lacks tells whether an error says that a file of this cgroup does not exist, and not that the
// cgroup has gone.
func (d *Dir) Lacks(err error) bool {
	return errors.Is(err, fs.ErrNotExist) && d.Exists("cgroup.procs")
}

// ReadDir opens the directory for reading and returns its entries.
func (d *Dir) ReadDir() ([]os.DirEntry, error) {
	fd, err := descriptor.Retry(func() (int, error) {
		return unix.Openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: d.path, Err: err}
	}
	f := os.NewFile(uintptr(fd), d.path)
	defer f.Close()
	return f.ReadDir(-1)
}

// Detach returns the directory as a file, close-on-exec and opened for path
// operations only. The Dir must not be used or closed after that.
func (d *Dir) Detach() *os.File {
	return os.NewFile(uintptr(d.fd), d.path)
}

// Reopen returns the directory as a file of its own, close-on-exec and opened for
// path operations only.
func (d *Dir) Reopen() (*os.File, error) {
	fd, err := descriptor.Retry(func() (int, error) { return unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 0) })
	if err != nil {
		return nil, &os.PathError{Op: "dup", Path: d.path, Err: err}
	}
	return os.NewFile(uintptr(fd), d.path), nil
}

// openat opens the file or directory rel, which the caller has checked.
func (d *Dir) openat(rel string, flags uint64) (int, error) {
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC, Resolve: resolve}
	fd, err := descriptor.Retry(func() (int, error) { return unix.Openat2(d.fd, rel, &how) })
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: d.Path(rel), Err: err}
	}
	return fd, nil
}

// CheckName returns an error unless name is a single path element.
func CheckName(name string) error {
	switch {
	case name == "", name == ".", name == "..":
		return fmt.Errorf("%q is not a file name", name)
	case strings.ContainsAny(name, "/\n\x00"):
		return fmt.Errorf("file name %q contains a slash, newline or NUL", name)
	case len(name) > unix.NAME_MAX:
		return fmt.Errorf("file name %.20q... is longer than %d bytes", name, unix.NAME_MAX)
	}
	return nil
}

// CheckRelative returns an error unless each element of rel passes CheckName.
func CheckRelative(rel string) error {
	for name := range strings.SplitSeq(rel, "/") {
		if err := CheckName(name); err != nil {
			return fmt.Errorf("path %q: %w", rel, err)
		}
	}
	return nil
}

// CheckPath returns an error unless path is absolute and clean.
func CheckPath(path string) error {
	if path == "/" {
		return nil
	}
	rel, absolute := strings.CutPrefix(path, "/")
	if !absolute {
		return fmt.Errorf("path %q is not absolute", path)
	}
	return CheckRelative(rel)
}

// IsGone reports whether err says that a cgroup, or a file of it, does not
// exist (any more): ENOENT, or ENODEV from a file whose cgroup was removed
// while the file was open.
func IsGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV)
}

// retry is descriptor.Retry of what has no result.
func retry(call func() error) error {
	_, err := descriptor.Retry(func() (struct{}, error) { return struct{}{}, call() })
	return err
}
