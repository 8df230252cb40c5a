//go:build linux

package cgdir

import (
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// File is an open file of a cgroup. Unlike os.File it never registers with
// the runtime's poller, which the kernel's cgroup files would accept at the
// cost of system calls.
type File struct {
	fd   int
	path string
}

// OpenFile opens the file name with flags, such as unix.O_WRONLY.
func (d *Dir) OpenFile(name string, flags uint64) (*File, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if d.kind == Any && flags&unix.O_ACCMODE == unix.O_WRONLY {
		flags |= unix.O_TRUNC
	}
	fd, err := d.openat(name, flags)
	if err != nil {
		return nil, err
	}
	return &File{fd: fd, path: d.Path(name)}, nil
}

// OpenFileIn opens the file name of the directory path, as Open and OpenFile do one after
// the other, with fewer system calls.
func OpenFileIn(path, name string, flags uint64, kind Kind) (*File, error) {
	if err := CheckPath(path); err != nil {
		return nil, err
	}
	if kind == Any {
		d, err := Open(path, kind)
		if err != nil {
			return nil, err
		}
		defer d.Close()
		return d.OpenFile(name, flags)
	}
	if err := CheckName(name); err != nil {
		return nil, err
	}
	full := (&Dir{path: path}).Path(name)
	how := unix.OpenHow{Flags: flags | unix.O_CLOEXEC | unix.O_NOFOLLOW, Resolve: unix.RESOLVE_NO_MAGICLINKS}
	fd, err := descriptor.Retry(func() (int, error) { return unix.Openat2(unix.AT_FDCWD, full, &how) })
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: full, Err: err}
	}
	if err := (&Dir{fd: fd, path: full, kind: kind}).check(); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return &File{fd: fd, path: full}, nil
}

// Close closes the file.
func (f *File) Close() {
	unix.Close(f.fd)
}

// Path returns the file's path.
func (f *File) Path() string {
	return f.path
}

// Detach returns the file as an os.File. The File must not be used or closed
// after that.
func (f *File) Detach() *os.File {
	return os.NewFile(uintptr(f.fd), f.path)
}

// Write writes value with one system call, which is what the kernel takes as
// one value.
func (f *File) Write(value string) error {
	n, err := descriptor.Retry(func() (int, error) { return unix.Write(f.fd, []byte(value)) })
	if err == nil && n != len(value) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return &os.PathError{Op: "write " + quoteShort(value) + " to", Path: f.path, Err: err}
	}
	return nil
}

// Read returns the file's whole content, from its start.
func (f *File) Read() (string, error) { return f.ReadMax(math.MaxInt) }

// ReadMax is Read of a file that has no more than most bytes. The error for a longer one is
// EFBIG.
func (f *File) ReadMax(most int) (string, error) {
	var content []byte
	buf := make([]byte, 4096)
	for {
		n, err := descriptor.Retry(func() (int, error) { return unix.Pread(f.fd, buf, int64(len(content))) })
		if err != nil {
			return "", &os.PathError{Op: "read", Path: f.path, Err: err}
		}
		if n == 0 {
			return string(content), nil
		}
		if n > most-len(content) {
			return "", &os.PathError{Op: "read", Path: f.path, Err: unix.EFBIG}
		}
		content = append(content, buf[:n]...)
	}
}

// AwaitChange waits until the kernel announces a change of the file's content since
// it was last read, for at most timeout. Only some files announce changes.
func (f *File) AwaitChange(timeout time.Duration) error {
	ts := unix.NsecToTimespec(timeout.Nanoseconds())
	fds := []unix.PollFd{{Fd: int32(f.fd), Events: unix.POLLPRI}}
	if _, err := unix.Ppoll(fds, &ts, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return &os.PathError{Op: "poll", Path: f.path, Err: err}
	}
	return nil
}

// ReadFile returns the content of the file name.
func (d *Dir) ReadFile(name string) (string, error) {
	f, err := d.OpenFile(name, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return f.Read()
}

// ReadFileMax is ReadFile of a file that has no more than most bytes.
func (d *Dir) ReadFileMax(name string, most int) (string, error) {
	f, err := d.OpenFile(name, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return f.ReadMax(most)
}

// WriteFile writes value to the existing file name.
func (d *Dir) WriteFile(name, value string) error {
	f, err := d.OpenFile(name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Write(value)
}

// SwapFile writes value to the existing file name and returns what the file
// held before. A file that cannot be read is written nonetheless, with
// readable false.
func (d *Dir) SwapFile(name, value string) (old string, readable bool, err error) {
	f, err := d.OpenFile(name, unix.O_RDWR)
	if errors.Is(err, fs.ErrPermission) {
		return "", false, d.WriteFile(name, value)
	}
	if err != nil {
		return "", false, err
	}
	defer f.Close()
	if old, err = f.Read(); err == nil {
		readable = true
	}
	if d.kind == Any {
		return old, readable, d.WriteFile(name, value)
	}
	return old, readable, f.Write(value)
}

// quoteShort shortens a long value for a message.
func quoteShort(value string) string {
	const most = 40
	if len(value) > most {
		value = value[:most] + "..."
	}
	return "'" + value + "'"
}
