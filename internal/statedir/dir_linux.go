// Package statedir is a directory in which programs that know nothing of each other
// keep the state of one thing: which directory it is, a lock on it that ends with a
// context, and a file in it that is replaced as a whole.
package statedir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// fileName is the name of the state file.
const fileName = "state.json"

// Dir is a handle on a directory. Its methods are safe for concurrent use.
//
// The order of locks: lock, then flock(2) of the directory, of which those who share
// lock have one together; mu is held for moments only.
type Dir struct {
	path string
	id   identity
	lock lock
	held *flock // by who has the lock exclusively

	mu     sync.Mutex
	shared *share // nil if nobody shares the lock
}

// Create makes a directory, for its owner alone. If there is one of that path, the
// error is os.ErrExist.
func Create(path string) (*Dir, error) {
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, err
	}
	d, err := Open(path)
	if err != nil {
		return nil, errors.Join(err, os.Remove(path))
	}
	return d, nil
}

// Open returns a handle on the directory that has that path now. If there is none,
// Exists tells.
func Open(path string) (*Dir, error) {
	id, err := identify(path)
	if err != nil {
		return nil, err
	}
	return &Dir{path: path, id: id}, nil
}

// Path returns the path of the directory.
func (d *Dir) Path() string { return d.path }

// File returns the path of a file in the directory.
func (d *Dir) File(name string) string { return filepath.Join(d.path, name) }

// Exists tells whether the directory is still there: another one of the same path is
// not it.
func (d *Dir) Exists() (bool, error) {
	id, err := identify(d.path)
	return err == nil && id == d.id && id != identity{}, err
}

// Is tells whether two handles are on one directory.
func (d *Dir) Is(other *Dir) bool { return d.id == other.id }

// Remove removes the directory and what is in it.
func (d *Dir) Remove() error { return os.RemoveAll(d.path) }

// Version tells one content of the state file from all others. The zero value is that
// of a file which does not exist.
type Version struct{ id identity }

// Version returns the version of the state file.
func (d *Dir) Version() (Version, error) {
	id, err := identify(d.File(fileName))
	return Version{id}, err
}

// Load reads the state file. If there is none, the error is os.ErrNotExist.
func (d *Dir) Load() ([]byte, Version, error) {
	// The version first: if the file is replaced meanwhile, the version is an old one,
	// and who compares it later loads again.
	version, err := d.Version()
	if err != nil {
		return nil, Version{}, fmt.Errorf("read state: %w", err)
	}
	data, err := os.ReadFile(d.File(fileName))
	if err != nil {
		return nil, Version{}, fmt.Errorf("read state: %w", err)
	}
	return data, version, nil
}

// Save replaces the state file atomically: a reader, or a crash, sees the old or the
// new one whole. Who saves has the lock.
func (d *Dir) Save(data []byte) (Version, error) {
	v, err := d.replace(fileName, data)
	if err != nil {
		return v, fmt.Errorf("write state: %w", err)
	}
	return v, nil
}

func (d *Dir) replace(name string, data []byte) (Version, error) {
	name = d.File(name)
	tmp := name + ".new"
	if err := writeFile(tmp, data); err != nil {
		return Version{}, err
	}
	id, err := identify(tmp)
	if err != nil {
		return Version{}, err
	}
	if err := os.Rename(tmp, name); err != nil {
		return Version{}, err
	}
	return Version{id}, nil
}

// writeFile is os.WriteFile for a file of the owner's alone. It saves the system calls by
// which package os tries whether a file can be waited for.
func writeFile(name string, data []byte) error {
	fail := func(op string, err error) error { return &os.PathError{Op: op, Path: name, Err: err} }
	fd, err := descriptor.Retry(func() (int, error) {
		return unix.Open(name, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0o600)
	})
	if err != nil {
		return fail("open", err)
	}
	for len(data) > 0 {
		n, err := descriptor.Retry(func() (int, error) { return unix.Write(fd, data) })
		if err != nil {
			unix.Close(fd)
			return fail("write", err)
		}
		data = data[n:]
	}
	if err := unix.Close(fd); err != nil {
		return fail("close", err)
	}
	return nil
}

// Created returns when the directory was made, in UTC. Where the file system has no time
// of birth (statx(2)) it is when something in it was made or removed last; the zero time if
// it is gone.
func (d *Dir) Created() time.Time {
	if born := d.id.born; born != (unix.StatxTimestamp{}) {
		return time.Unix(born.Sec, int64(born.Nsec)).UTC()
	}
	info, err := os.Lstat(d.path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime().UTC()
}

// StateFile returns the path of the state file.
func (d *Dir) StateFile() string { return d.File(fileName) }

// Forget removes the state file; that there is none is no error.
func (d *Dir) Forget() error {
	if err := os.Remove(d.File(fileName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove state: %w", err)
	}
	return nil
}

// identity tells a file or directory from another one that has, or gets, its path.
// One that is made right after another one has been removed may get the number of its
// inode, and the same time of birth, which the kernel's clock gives in steps of some
// milliseconds. The handle has a generation, too, where the file system uses inodes
// again.
type identity struct {
	major, minor uint32
	inode        uint64
	born         unix.StatxTimestamp // zero where the file system has no time of birth
	size         uint64
	handle       string // empty where the file system has no handles
}

// identify returns the identity of what has that path, zero if nothing has. A
// directory is the same whatever is in it.
func identify(path string) (identity, error) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_INO|unix.STATX_BTIME|unix.STATX_SIZE, &st)
	if errors.Is(err, unix.ENOENT) {
		return identity{}, nil
	}
	if err != nil {
		return identity{}, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	id := identity{major: st.Dev_major, minor: st.Dev_minor, inode: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		id.born = st.Btime
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		id.size = st.Size
	}
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
	switch {
	case errors.Is(err, unix.ENOENT):
		return identity{}, nil
	case errors.Is(err, errors.ErrUnsupported), errors.Is(err, unix.EPERM): // EPERM: a seccomp filter
		return id, nil
	case err != nil:
		return identity{}, &os.PathError{Op: "name_to_handle_at", Path: path, Err: err}
	}
	id.handle = string(handle.Bytes())
	return id, nil
}
