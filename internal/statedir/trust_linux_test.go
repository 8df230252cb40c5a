package statedir

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestTrust(t *testing.T) {
	for _, test := range []struct {
		name string
		mode os.FileMode
		uid  int
		safe bool
	}{
		{"own", 0o700, -1, true},
		{"readable", 0o755, -1, true},
		{"group", 0o770, -1, false},
		{"world", 0o702, -1, false},
		{"sticky", 0o777 | os.ModeSticky, -1, false},
		{"of another", 0o700, 12345, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.uid >= 0 && os.Geteuid() != 0 {
				t.Skip("only root can give a directory away")
			}
			path := filepath.Join(t.TempDir(), "dir")
			d, err := Create(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Chmod(path, test.mode), os.Lchown(path, test.uid, -1)); err != nil {
				t.Fatal(err)
			}
			for _, err := range []error{CheckParent(path), d.CheckTrust()} {
				var unsafe *UnsafeError
				if errors.As(err, &unsafe) == test.safe || test.safe && err != nil || !test.safe && unsafe.Path != path {
					t.Errorf("error %v", err)
				}
			}
		})
	}
	// A link in place of the directory leads to one that may be of anybody.
	path := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(t.TempDir(), path); err != nil {
		t.Fatal(err)
	}
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.CheckTrust(); err == nil {
		t.Error("a link is trusted")
	}
	if err := d.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := d.CheckTrust(); err != nil {
		t.Errorf("one that is gone: %v", err)
	}
}
