//world:any

package integration

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// whileExchanging calls f again and again while two paths change places, and puts them
// back.
func whileExchanging(t *testing.T, a, b string, rounds int, f func()) {
	t.Helper()
	before, err := os.Lstat(a)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := exchange(ctx, a, b); err != nil {
			t.Error(err)
		}
	})
	for range rounds {
		f()
	}
	stop()
	wg.Wait()
	if after, err := os.Lstat(a); err != nil || !os.SameFile(before, after) {
		if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
			t.Error(err)
		}
	}
}

// The image's null device, which changes into a link while containers start, never
// becomes what masks a file: that is the null device, or the start fails.
func TestNullDeviceThatFlips(t *testing.T) {
	for name, target := range map[string]string{
		"procfs": "/proc/sys/kernel/core_pattern", "a file": "/etc/passwd", "sysrq": "/proc/sysrq-trigger",
	} {
		t.Run(name, func(t *testing.T) {
			config := newUnfilteredConfig(t)
			dropDevMounts(config)
			config.Devices = nil
			config.MaskPaths = append(config.MaskPaths, "/mnt/file")
			write(t, "secret", config.Rootfs, "mnt/file")
			null := mknod(t, unix.S_IFCHR|0o666, unix.Mkdev(1, 3), config.Rootfs, "dev/null")
			other := link(t, target, config.Rootfs, "dev/other")
			container := newContainer(t, config)
			started := 0
			whileExchanging(t, null, other, lives(t, 40), func() {
				p, out := shell(`stat -c "%F %t:%T" /mnt/file; cat /mnt/file`)
				if err := container.Start(p); err != nil {
					return
				}
				started++
				_, _ = p.Wait()
				wantOutput(t, out.stdout.String(), "character special file 1:3\n")
			})
			t.Logf("%d containers started", started)
		})
	}
}

// A masked path that is a file at one moment and a link at the next: what is masked is
// in the container, and what is masked stays so.
func TestMaskThatFlips(t *testing.T) {
	for name, target := range map[string]string{"inside": "/etc/hosts", "out": "victim", "procfs": "/proc/self/attr"} {
		t.Run(name, func(t *testing.T) {
			config := newUnfilteredConfig(t)
			victim := newVictim(t)
			if target == "victim" {
				target = filepath.Join(victim, "marker")
			}
			secret := write(t, "secret", config.Rootfs, "shared/secret")
			other := link(t, target, config.Rootfs, "shared/other")
			config.MaskPaths = append(config.MaskPaths, "/shared/secret")
			config.ReadonlyPaths = append(config.ReadonlyPaths, "/shared/secret")
			container := newContainer(t, config)
			started := 0
			whileExchanging(t, secret, other, lives(t, 40), func() {
				p, out := shell(`awk '$5 !~ "^/(proc|sys|dev|shared|etc|$)" {print "mounted on", $5}' /proc/self/mountinfo; cat /proc/self/attr/current >/dev/null 2>&1; true`)
				if err := container.Start(p); err != nil {
					if !strings.Contains(err.Error(), "/shared/secret") {
						t.Errorf("error %q does not name the path", err)
					}
					return
				}
				started++
				if _, err := p.Wait(); err != nil {
					t.Error(err)
				}
				wantOutput(t, strings.ReplaceAll(out.stdout.String(), "mounted on "+victim+"/marker\n", ""), "")
			})
			t.Logf("%d containers started", started)
			if data := mustRead(t, secret); string(data) != "secret" {
				t.Errorf("the file is %q now", data)
			}
		})
	}
}

// Somebody renames directories of the root file system without pause: a start ends,
// with or without success, and names what it has given up.
func TestStartDuringRenames(t *testing.T) {
	config := newUnfilteredConfig(t)
	link(t, "../shared/a/../a/dir", config.Rootfs, "mnt/up")
	mkdir(t, config.Rootfs, "shared/a/dir")
	mkdir(t, config.Rootfs, "shared/b/dir")
	for _, destination := range []string{"/mnt/up/one", "/mnt/up/two/three", "/shared/a/dir/four"} {
		addMount(config, tmpfsOn(destination))
	}
	container := newContainer(t, config)
	whileExchanging(t, config.Rootfs+"/shared/a", config.Rootfs+"/shared/b", lives(t, 40), func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		p, _ := command("true")
		if err := linux(container).StartContext(ctx, p); err != nil {
			if !strings.Contains(err.Error(), "/mnt/up/") && !strings.Contains(err.Error(), "/shared/") || ctx.Err() != nil {
				t.Errorf("start: %v", err)
			}
			return
		}
		_, _ = p.Wait()
	})
}

// superblocks gives the options of the host's cgroup file systems.
func superblocks(t *testing.T) (list []string) {
	t.Helper()
	for _, line := range lines(t, "/proc/self/mountinfo") {
		if _, right, _ := strings.Cut(line, " - "); strings.HasPrefix(right, "cgroup") {
			list = append(list, strings.Fields(line)[4]+" "+right)
		}
	}
	return list
}

// Options of a cgroup mount belong to a file system that all of the machine share: those
// that a container gives do not get there.
func TestCgroupMountLeavesTheHostsOptions(t *testing.T) {
	before := superblocks(t)
	for _, device := range []string{"cgroup", "cgroup2"} {
		for _, data := range []string{"", "nsdelegate", "favordynmods", "memory_localevents", "clone_children", "xattr"} {
			for _, ns := range []bool{true, false} {
				config := newUnfilteredConfig(t)
				if !ns {
					config.Namespaces.Remove(configs.NEWCGROUP)
				}
				addMount(config, configs.Mount{Source: "cgroup", Destination: "/sys/fs/cgroup", Device: device, Data: data})
				checkLeaks(t)
				container, err := newFactory(t).Create("test", config)
				if err != nil {
					continue // refused: then nothing can happen
				}
				p, _ := command("true")
				if err := container.Start(p); err == nil {
					_, _ = p.Wait()
				} else if data == "" && device == "cgroup" {
					t.Errorf("start: %v", err)
				}
				if err := container.Destroy(); err != nil {
					t.Error(err)
				}
				if after := superblocks(t); strings.Join(after, "\n") != strings.Join(before, "\n") {
					t.Fatalf("%s with %q has changed the host's options: more %q, less %q", device, data, added(before, after), added(after, before))
				}
			}
		}
	}
}
