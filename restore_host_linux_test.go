package libcontainer

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// What lies within a container's own files is found without its links, and not outside.
func TestOpenBeneath(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a/b", "outside"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(dir, "outside"), filepath.Join(dir, "a/link")); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"a/b": nil, "a": nil, "a/link": unix.ELOOP, "a/link/x": unix.ELOOP, "outside": unix.EXDEV, "a/none": unix.ENOENT,
	} {
		fd, err := openBeneath(filepath.Join(dir, "a"), filepath.Join(dir, name))
		if err == nil {
			unix.Close(fd)
		}
		if !errors.Is(err, want) {
			t.Errorf("%s: error %v, want %v", name, err, want)
		}
	}
	// A record that says more than a path below.
	s := &sources{config: &configs.Config{Rootfs: filepath.Join(dir, "a")}}
	if source, _, err := s.of(checkpointMount{Point: "/../../../proc", Type: "proc"}); err == nil {
		t.Errorf("the source of a mount is %s", source)
	}
}
