package validate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/libcontainer/libcontainer/configs"
)

// rootfs checks that the path means what it says: were it not clean or did it
// lead through a symbolic link, it could mean something else at the next look.
func rootfs(c *configs.Config) error {
	if c.Overlay != nil {
		if err := overlay(c); err != nil {
			return err
		}
	} else {
		if err := hostDirectory("Rootfs", c.Rootfs); err != nil {
			return err
		}
		if c.Rootfs == "/" {
			if err := needsMounts(c, `Rootfs "/"`); err != nil {
				return err
			}
		}
	}
	if err := rootIDs(c); err != nil {
		return err
	}
	if c.Readonlyfs {
		if err := needsMounts(c, "Readonlyfs"); err != nil {
			return err
		}
	}
	if c.RootPropagation == 0 {
		return nil
	}
	if err := needsMounts(c, "RootPropagation"); err != nil {
		return err
	}
	return propagation("RootPropagation", c.RootPropagation)
}

// hostDirectory checks the path of a directory of the host that is a root file system, or
// a layer of one.
func hostDirectory(field, value string) error {
	if err := filled(field, value); err != nil {
		return err
	}
	if !filepath.IsAbs(value) {
		return invalid(field, value, errNotAbsolute)
	}
	if clean := filepath.Clean(value); clean != value {
		return invalid(field, value, fmt.Errorf("is not clean, that would be %q", clean))
	}
	return existingDirectory(field, value)
}

func existingDirectory(field, value string) error {
	resolved, err := filepath.EvalSymlinks(value)
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("%s %q: %w (a directory above it is closed to this program's user)", field, value, err)
	}
	if err != nil {
		return fmt.Errorf("%s %q: %w", field, value, err)
	}
	if resolved != value {
		return invalid(field, value, fmt.Errorf("leads through a symbolic link to %q", resolved))
	}
	info, err := os.Lstat(value)
	if err != nil {
		return fmt.Errorf("%s %q: %w", field, value, err)
	}
	if !info.IsDir() {
		return invalid(field, value, errors.New("is not a directory"))
	}
	return nil
}
