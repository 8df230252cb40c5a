package statedir

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// UnsafeError says that another user could have put the state there, or could change it. Who
// believes such state runs, as itself, what that user wants: the hooks that it names.
type UnsafeError struct {
	Path   string
	reason string
}

func (e *UnsafeError) Error() string {
	return fmt.Sprintf("%s is not safe to keep state in: %s", e.Path, e.reason)
}

// CheckParent makes sure that nobody but this user and root can make directories in a
// directory that is there.
func CheckParent(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return checkTrust(path, info)
}

// CheckTrust makes sure that nobody but this user and root can write in the directory, and
// that it is one. That it is gone is no error.
func (d *Dir) CheckTrust() error {
	info, err := os.Lstat(d.path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return checkTrust(d.path, info)
}

func checkTrust(path string, info fs.FileInfo) error {
	if !info.IsDir() {
		return &UnsafeError{path, "it is not a directory"}
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() {
		return &UnsafeError{path, fmt.Sprintf("it belongs to user %d, and this program runs as user %d; use a directory of its own",
			stat.Uid, os.Geteuid())}
	}
	if mode := info.Mode(); mode.Perm()&0o022 != 0 {
		return &UnsafeError{path, fmt.Sprintf("others than its owner may write there (%s); chmod it to 0700, or use another directory", mode)}
	}
	return nil
}
