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
	const field = "Rootfs"
	if err := filled(field, c.Rootfs); err != nil {
		return err
	}
	if !filepath.IsAbs(c.Rootfs) {
		return invalid(field, c.Rootfs, errNotAbsolute)
	}
	if clean := filepath.Clean(c.Rootfs); clean != c.Rootfs {
		return invalid(field, c.Rootfs, fmt.Errorf("is not clean, that would be %q", clean))
	}
	if c.Rootfs == "/" {
		if err := needsMounts(c, `Rootfs "/"`); err != nil {
			return err
		}
	}
	if err := rootfsDirectory(field, c.Rootfs); err != nil {
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

func rootfsDirectory(field, value string) error {
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
