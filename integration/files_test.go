//world:any

package integration

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// mkdir makes a directory of a root file system, and its parents.
func mkdir(t *testing.T, elem ...string) string {
	t.Helper()
	dir := filepath.Join(elem...)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// write puts a new file in the place of what is there. It never writes into an
// old one, for that may be a hard link to the file system that all tests share.
func write(t *testing.T, content string, elem ...string) string {
	t.Helper()
	name := filepath.Join(elem...)
	remove(t, name)
	mkdir(t, filepath.Dir(name))
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

// link puts a symbolic link in the place of what is there.
func link(t *testing.T, target string, elem ...string) string {
	t.Helper()
	name := filepath.Join(elem...)
	remove(t, name)
	mkdir(t, filepath.Dir(name))
	if err := os.Symlink(target, name); err != nil {
		t.Fatal(err)
	}
	return name
}

func mknod(t *testing.T, mode uint32, dev uint64, elem ...string) string {
	t.Helper()
	name := filepath.Join(elem...)
	remove(t, name)
	mkdir(t, filepath.Dir(name))
	if err := unix.Mknod(name, mode, int(dev)); err != nil {
		t.Fatal(err)
	}
	return name
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.RemoveAll(name); err != nil {
		t.Fatal(err)
	}
}

// newVictim makes a directory of the host that no container is to touch, and
// checks at the end of the test that none did.
func newVictim(t *testing.T) string {
	t.Helper()
	victim := mkdir(t, publicTempDir(t), "victim")
	write(t, "untouched", victim, "marker")
	mkdir(t, victim, "sub")
	before := listTree(t, victim)
	t.Cleanup(func() {
		if after := listTree(t, victim); !slices.Equal(before, after) {
			t.Errorf("the host's directory was changed:\n got %v\nwant %v", after, before)
		}
	})
	return victim
}

// listTree describes all that is below a directory.
func listTree(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(name, &st); err != nil {
			return err
		}
		content := ""
		if d.Type().IsRegular() {
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			content = string(data)
		}
		list = append(list, fmt.Sprintf("%s mode %o owner %d:%d changed %v content %q",
			strings.TrimPrefix(name, dir), st.Mode, st.Uid, st.Gid, st.Ctim, content))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// dropMount takes the mount on a destination out of the configuration.
func dropMount(config *configs.Config, destination string) {
	config.Mounts = slices.DeleteFunc(config.Mounts, func(m *configs.Mount) bool {
		return m.Destination == destination
	})
}

// dropDevMounts leaves the container with the /dev of its root file system.
func dropDevMounts(config *configs.Config) {
	config.Mounts = slices.DeleteFunc(config.Mounts, func(m *configs.Mount) bool {
		return strings.HasPrefix(m.Destination, "/dev")
	})
}

func addMount(config *configs.Config, m configs.Mount) {
	config.Mounts = append(config.Mounts, &m)
}

func tmpfsOn(destination string) configs.Mount {
	return configs.Mount{Source: "tmpfs", Destination: destination, Device: "tmpfs"}
}

func bindOn(source, destination string, flags int) configs.Mount {
	return configs.Mount{Source: source, Destination: destination, Device: "bind", Flags: unix.MS_BIND | flags}
}

// wantOutput compares what a script wrote.
func wantOutput(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("output\n got %q\nwant %q", got, want)
	}
}
