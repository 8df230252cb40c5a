//world:one

package integration

import (
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Where the host's mounts are shared, as systemd has them, those of a container are peers or slaves of them, and
// all that come from one file system are so of one peer group.
func TestRestoredInSharedMounts(t *testing.T) {
	if !inSharedNamespace(t) {
		return
	}
	for _, name := range []string{
		"several mounts of one directory", "volumes", "user namespace, volumes", "root private", "root slave", "root shared",
		"root shared, recursively",
	} {
		tt := sameTests[name]
		t.Run(name, func(t *testing.T) { tt.run(t) })
	}
}

// A container whose mounts were slaves of the host's, or its peers, is restored where the host has no such, as on
// another machine.
func TestRestoredAmongPrivateMounts(t *testing.T) {
	for name, propagation := range map[string]int{"slaves": 0, "peers": unix.MS_PRIVATE} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			config := newConfig(t)
			top := filepath.Dir(config.Rootfs)
			hostMount(t, top, top, "", unix.MS_BIND)
			setPropagation(t, top, unix.MS_SHARED)
			config.RootPropagation = propagation
			addMount(config, bindOn(mkdir(t, top, "one"), "/mnt/one", 0))
			addMount(config, bindOn(mkdir(t, top, "two"), "/mnt/two", unix.MS_RDONLY))
			config.Cgroups.Name = "c-private"
			container := createIn(t, newCriuFactory(t), "test", config)
			p, said := startCounter(t, container, "")
			opts := newImages(t)
			checkpoint(t, container, opts)
			closeFiles(p)
			said.drain()
			setPropagation(t, top, unix.MS_PRIVATE)
			restore(t, container, opts, said)
			if err := container.Destroy(); err != nil {
				t.Error(err)
			}
		})
	}
}

func setPropagation(t *testing.T, point string, flags uintptr) {
	t.Helper()
	if err := unix.Mount("", point, "", flags, ""); err != nil {
		t.Fatalf("set the propagation of %s: %v", point, err)
	}
}

// A volume that is a peer of the host's is one again: what the container mounts there is seen on the host.
func TestRestoredVolumeIsAPeer(t *testing.T) {
	checkLeaks(t)
	config := newUnfilteredConfig(t)
	volume := mkdir(t, filepath.Dir(config.Rootfs), "volume")
	hostMount(t, volume, volume, "", unix.MS_BIND)
	setPropagation(t, volume, unix.MS_PRIVATE) // it may be a peer of what it lies on
	setPropagation(t, volume, unix.MS_SHARED)
	mkdir(t, volume, "point")
	config.RootPropagation = unix.MS_SHARED
	addMount(config, bindOn(volume, "/mnt/volume", 0))
	config.Capabilities = append(config.Capabilities, "CAP_SYS_ADMIN")
	container := createIn(t, newCriuFactory(t), "test", config)
	p, said := startCounter(t, container, "")
	mounted := func() (out int) {
		for _, line := range lines(t, "/proc/self/mountinfo") {
			if strings.Fields(line)[4] == filepath.Join(volume, "point") {
				out++
			}
		}
		return out
	}
	try := func() {
		t.Helper()
		execOutput(t, container, "mount", "-t", "tmpfs", "tmpfs", "/mnt/volume/point")
		if n := mounted(); n != 1 {
			t.Errorf("of a mount in the container %d are seen on the host", n)
		}
		execOutput(t, container, "umount", "/mnt/volume/point")
		if n := mounted(); n != 0 {
			t.Errorf("%d mounts are left", n)
		}
	}
	try()
	opts := newImages(t)
	checkpoint(t, container, opts)
	closeFiles(p)
	said.drain()
	restore(t, container, opts, said)
	try()
	if err := container.Destroy(); err != nil {
		t.Error(err)
	}
}
