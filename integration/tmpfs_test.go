//world:any

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// A tmpfs that says nothing of its mode has that of the directory which it covers.
func TestModeOfATmpfs(t *testing.T) {
	for name, tt := range map[string]struct {
		mode os.FileMode // of the directory; 0 if there is none
		data string
		want string
	}{
		"usual":           {0o755, "", "755"},
		"closed":          {0o700, "", "700"},
		"open":            {0o777 | os.ModeSticky, "", "1777"},
		"set-group-id":    {0o775 | os.ModeSetgid, "", "2775"},
		"other options":   {0o750, "size=1m", "750"},
		"made":            {0, "", "755"},
		"said":            {0o755, "mode=711", "711"},
		"said among more": {0o755, "size=1m,mode=1777,nr_inodes=10", "1777"},
	} {
		for _, userns := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", user namespace"}[userns], func(t *testing.T) {
				config := newConfig(t)
				dir := filepath.Join(config.Rootfs, "mnt/covered")
				if tt.mode != 0 {
					if err := os.Chmod(mkdir(t, dir), tt.mode); err != nil {
						t.Fatal(err)
					}
				}
				if userns {
					withUserNS(t, config, 100000)
					chownDirs(t, config.Rootfs, 100000)
					if tt.mode != 0 { // chown clears set-id bits
						if err := os.Chmod(dir, tt.mode); err != nil {
							t.Fatal(err)
						}
					}
				}
				m := tmpfsOn("/mnt/covered")
				m.Data = tt.data
				addMount(config, m)
				wantOutput(t, runShell(t, config, "stat -c %a /mnt/covered"), tt.want)
			})
		}
	}
}

// A read-only tmpfs with mounts below it, /dev above all, is read-only when all of it
// is made, and not before.
func TestReadonlyTmpfsWithMountsBelow(t *testing.T) {
	t.Run("dev", func(t *testing.T) {
		config := newConfig(t)
		for _, m := range config.Mounts {
			if m.Destination == "/dev" {
				m.Flags |= unix.MS_RDONLY
			}
		}
		got := runShell(t, config, `
			(: >/dev/new) 2>/dev/null || echo read-only
			echo x >/dev/null && echo x >/dev/shm/file && ls -d /dev/pts/ptmx /dev/stdin /dev/ptmx`)
		wantOutput(t, got, "read-only\n/dev/ptmx\n/dev/pts/ptmx\n/dev/stdin")
	})
	t.Run("another", func(t *testing.T) {
		config := newConfig(t)
		m := tmpfsOn("/mnt/t")
		m.Flags = unix.MS_RDONLY | unix.MS_NOSUID
		addMount(config, m)
		addMount(config, tmpfsOn("/mnt/t/a/b"))
		addMount(config, bindOn("/etc/hostname", "/mnt/t/file", 0))
		config.MaskPaths = append(config.MaskPaths, "/mnt/t/a/b")
		got := runShell(t, config, `
			(: >/mnt/t/new) 2>/dev/null || echo read-only
			cmp /mnt/t/file /mnt/t/file && ls /mnt/t; `+mountLine("/mnt/t"))
		line := got[strings.LastIndex(got, "\n")+1:]
		wantOutput(t, strings.TrimSuffix(got, line), "read-only\na\nfile\n")
		wantOptions(t, line, "ro", "nosuid")
	})
	t.Run("with a terminal", func(t *testing.T) {
		config := newConfig(t)
		for _, m := range config.Mounts {
			if m.Destination == "/dev" {
				m.Flags |= unix.MS_RDONLY
			}
		}
		container := newContainer(t, config)
		p, _ := shell("stty -echo; echo to console >/dev/console; (: >/dev/new) 2>/dev/null || echo read-only; read over")
		console, lines := startOnConsole(t, container, p, 0)
		wantLine(t, lines, "to console")
		wantLine(t, lines, "read-only")
		allRead(t, console)
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// What a tmpfs is filled with counts against the container's memory, not the host's.
func TestCopyUpCountsAgainstTheContainer(t *testing.T) {
	const size = 24 << 20
	config := newConfig(t)
	write(t, strings.Repeat("0123456789abcdef", size/16), config.Rootfs, "mnt/data/file")
	config.Cgroups.Memory = 512 << 20
	config.Mounts = append(config.Mounts, copyUp("/mnt/data", "size=64m"))
	container := newContainer(t, config)
	startBlocked(t, container)
	wantOutput(t, execShell(t, container, "wc -c </mnt/data/file"), itoa(size))
	stats, err := container.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if usage := stats.CgroupStats.MemoryStats.Usage.Usage; usage < size {
		t.Errorf("the container uses %d bytes of memory, and its tmpfs has %d", usage, size)
	}
}

// What does not fit into the container's memory is not taken from the host's.
func TestCopyUpStopsAtTheLimit(t *testing.T) {
	config := newConfig(t)
	write(t, strings.Repeat("0123456789abcdef", 96<<16), config.Rootfs, "mnt/data/file")
	config.Cgroups.Memory = 32 << 20
	config.Cgroups.MemorySwap = 32 << 20
	config.Mounts = append(config.Mounts, copyUp("/mnt/data", "size=128m"))
	container := newContainer(t, config)
	p, _ := command("true")
	if err := container.Start(p); err == nil {
		_, _ = p.Wait()
		t.Error("a container with a limit of 32 MiB holds 96 MiB")
	}
}
