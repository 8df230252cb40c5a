// The container's side: who the user's program runs as.

package initproc

import (
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// lookUpUser resolves the user, its groups and its home directory against the
// container's passwd and group files. It runs after the root has changed, so
// that a symbolic link in the container's /etc leads to nothing of the host.
func lookUpUser(c *Config) (*user.ExecUser, error) {
	passwd, err := openDatabase("/etc/passwd")
	if err != nil {
		return nil, err
	}
	defer closeDatabase(passwd)
	group, err := openDatabase("/etc/group")
	if err != nil {
		return nil, err
	}
	defer closeDatabase(group)

	u, err := user.GetExecUser(c.User, &user.ExecUser{Home: "/"}, passwd, group)
	if err != nil {
		return nil, invalidError{fmt.Errorf("look up user %q: %w", c.User, err)}
	}
	if len(c.AdditionalGroups) == 0 {
		return u, nil
	}
	if group, err = rewind(group); err != nil {
		return nil, err
	}
	gids, err := user.GetAdditionalGroups(c.AdditionalGroups, group)
	if err != nil {
		return nil, invalidError{fmt.Errorf("look up additional groups %q: %w", c.AdditionalGroups, err)}
	}
	for _, gid := range gids {
		if !slices.Contains(u.Sgids, gid) {
			u.Sgids = append(u.Sgids, gid)
		}
	}
	return u, nil
}

// openDatabase opens a file of the container that need not be there: nil is what
// package user takes for a missing one. Anything but a regular file is refused,
// and before it is opened: a fifo would hold us for ever, and to open a device can
// do things (think of watchdogs) while the cgroup does not restrict us yet.
func openDatabase(path string) (io.Reader, error) {
	var st unix.Stat_t
	err := unix.Stat(path, &st)
	if missing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("stat %s of the container: %w", path, err)
	}
	if st.Mode&unix.S_IFMT == unix.S_IFCHR && uint64(st.Rdev) == nullDev {
		return nil, nil // masked
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fmt.Errorf("%s of the container is not a regular file: %w", path, unix.EINVAL)
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s of the container: %w", path, err)
	}
	// It may have been replaced meanwhile.
	if err := unix.Fstat(fd, &st); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("stat %s of the container: %w", path, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		unix.Close(fd)
		return nil, fmt.Errorf("%s of the container is not a regular file: %w", path, unix.EINVAL)
	}
	return os.NewFile(uintptr(fd), path), nil
}

func rewind(r io.Reader) (io.Reader, error) {
	f, ok := r.(*os.File)
	if !ok {
		return nil, nil
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("rewind %s of the container: %w", f.Name(), err)
	}
	return f, nil
}

func closeDatabase(r io.Reader) {
	if f, ok := r.(*os.File); ok {
		f.Close()
	}
}

// setUser makes the calling thread that user's. The calls are raw: Go's own and
// libc's would change all threads, which cost more and end at execve anyway.
func setUser(c *Config, u *user.ExecUser) error {
	if !c.SetgroupsDenied {
		if err := setgroups(u.Sgids); err != nil {
			return fmt.Errorf("set supplementary groups %v: %w", u.Sgids, err)
		}
	} else if len(u.Sgids) > 0 {
		return invalidError{fmt.Errorf("set supplementary groups %v: the user namespace denies setgroups: %w",
			u.Sgids, unix.EPERM)}
	}
	gid, uid := uintptr(u.Gid), uintptr(u.Uid)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, gid, gid, gid); errno != 0 {
		return fmt.Errorf("set gid %d: %w", u.Gid, errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid); errno != 0 {
		return fmt.Errorf("set uid %d: %w", u.Uid, errno)
	}
	return nil
}
