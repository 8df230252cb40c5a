//world:one

package integration

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// An engine that takes a container to another machine gives it a new copy of its image, and writes its
// configuration anew: no place for mounts is there, and they come in another order.
func TestRestoreIntoAnotherRoot(t *testing.T) {
	checkLeaks(t)
	factory := newCriuFactory(t)
	config := newConfig(t)
	shared := publicTempDir(t)
	file := filepath.Join(shared, "file")
	if err := os.WriteFile(file, []byte("content\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	bind := func(source, dest string, propagation int) *configs.Mount {
		return &configs.Mount{Source: source, Destination: dest, Device: "bind", Flags: unix.MS_BIND, PropagationFlags: []int{propagation}}
	}
	config.Mounts = append(config.Mounts,
		bind(shared, "/new/dir", unix.MS_PRIVATE|unix.MS_REC),
		bind(file, "/new/dir2/file", unix.MS_PRIVATE|unix.MS_REC),
		&configs.Mount{Source: "tmpfs", Destination: "/own/tmpfs", Device: "tmpfs"},
		bind(file, "/own/tmpfs/file", unix.MS_PRIVATE|unix.MS_REC))
	first := createIn(t, factory, "first", config)
	p, said := counterProcess(t, "")
	if err := first.Start(p); err != nil {
		t.Fatal(err)
	}
	said.next()
	opts := newImages(t)
	checkpoint(t, first, opts)
	closeFiles(p)
	said.drain()

	other := elsewhere(config)
	other.Rootfs = newRootfs(t)
	n := len(other.Mounts)
	other.Mounts = slices.Concat(other.Mounts[:n-4], []*configs.Mount{
		other.Mounts[n-2],
		bind(file, "/own/tmpfs/file", unix.MS_PRIVATE),
		bind(file, "/new/dir2/file", unix.MS_PRIVATE),
		bind(shared, "/new/dir", unix.MS_PRIVATE),
	})
	second := createIn(t, factory, "second", other)
	q := new(libcontainer.Process)
	if err := said.again(q); err != nil {
		t.Fatal(err)
	}
	if err := linux(second).RestoreContext(context.Background(), q, opts); err != nil {
		t.Fatalf("%v\n%s", err, logOf(opts, "restore.log"))
	}
	closeFiles(q)
	said.next()
	if out := execOutput(t, second, "cat", "/new/dir/file", "/new/dir2/file", "/own/tmpfs/file"); strings.Count(out, "content") != 3 {
		t.Errorf("the mounts have %q", out)
	}
}

// A link of the image's is not followed where a place is to be made: not even the file is made there.
func TestRestorePlaceIsALink(t *testing.T) {
	checkLeaks(t)
	factory := newCriuFactory(t)
	config := newConfig(t)
	shared, outside := publicTempDir(t), publicTempDir(t)
	config.Mounts = append(config.Mounts, &configs.Mount{Source: shared, Destination: "/new/dir", Device: "bind", Flags: unix.MS_BIND})
	first := createIn(t, factory, "first", config)
	p, said := counterProcess(t, "")
	if err := first.Start(p); err != nil {
		t.Fatal(err)
	}
	said.next()
	opts := newImages(t)
	checkpoint(t, first, opts)
	closeFiles(p)
	said.drain()

	other := elsewhere(config)
	other.Rootfs = newRootfs(t)
	if err := os.Symlink(outside, filepath.Join(other.Rootfs, "new")); err != nil {
		t.Fatal(err)
	}
	second := createIn(t, factory, "second", other)
	q := new(libcontainer.Process)
	if err := said.again(q); err != nil {
		t.Fatal(err)
	}
	err := linux(second).RestoreContext(context.Background(), q, opts)
	checkError(t, err, libcontainer.SystemError, "/new/dir")
	closeFiles(q)
	said.drain()
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("outside of the root file system there is %v, %v", entries, err)
	}
}
