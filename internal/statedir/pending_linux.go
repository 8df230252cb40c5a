package statedir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// pendingPrefix begins the names of directories that are being made. Nothing else in
// their parent may have such a name.
const pendingPrefix = "~"

// CreateWith is Create of a directory in which a file is from its first moment on:
// whoever finds the directory finds the file, and nobody else's. If there is one of that
// path, the error is os.ErrExist.
//
// The directory is made under another name, which RemovePending knows, and renamed. Who
// makes it has the lock on it until then. So one whose maker has died is not locked.
func CreateWith(path, name string, data []byte) (*Dir, error) {
	d, unlock, err := createPending(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	defer unlock()
	err = d.WriteFile(name, data)
	if err == nil {
		err = unix.Renameat2(unix.AT_FDCWD, d.path, unix.AT_FDCWD, path, unix.RENAME_NOREPLACE)
	}
	if err != nil {
		err = &os.PathError{Op: "make directory", Path: path, Err: err}
		return nil, errors.Join(err, d.Remove())
	}
	d.path = path
	return d, nil
}

// createPending makes a directory and locks it. One who removes what is abandoned may take
// it for that before it is locked.
func createPending(parent string) (d *Dir, unlock func(), err error) {
	for {
		if d, err = Create(filepath.Join(parent, pendingPrefix+rand.Text())); err != nil {
			return nil, nil, err
		}
		unlock, err = d.Lock(context.Background(), true)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, errors.Join(err, d.Remove())
		}
		exists, err := d.Exists()
		if err == nil && exists {
			return d, unlock, nil
		}
		unlock()
		if err != nil {
			return nil, nil, errors.Join(err, d.Remove())
		}
	}
}

// RemovePending removes those directories of these names below parent whose makers have
// died before they were finished. Other names are left alone.
func RemovePending(parent string, names []string) (err error) {
	for _, name := range names {
		if strings.HasPrefix(name, pendingPrefix) {
			err = errors.Join(err, removeAbandoned(filepath.Join(parent, name)))
		}
	}
	return err
}

func removeAbandoned(path string) error {
	f, err := openFlock(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.release()
	if busy, err := f.try(unix.LOCK_EX); busy || err != nil {
		return err
	}
	// What was renamed meanwhile has not that path any more.
	if err := os.RemoveAll(path); err != nil {
		return fmt.Errorf("remove a directory that was never finished: %w", err)
	}
	return nil
}

// WriteFile replaces a file of the directory as a whole, or makes it, as Save does.
func (d *Dir) WriteFile(name string, data []byte) error {
	_, err := d.replace(name, data)
	return err
}

// ReadFile reads a file of the directory. If there is none, the error is os.ErrNotExist.
func (d *Dir) ReadFile(name string) ([]byte, error) { return os.ReadFile(d.File(name)) }
