//world:any

package integration

import (
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// A mask gives nothing: it is read-only, and no device or set-user-id bit works there.
func TestFlagsOfMasks(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"default":        func(*configs.Config) {},
		"user namespace": func(c *configs.Config) { withUserNS(t, c, 100000) },
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			edit(config)
			write(t, "secret", config.Rootfs, "mnt/file")
			write(t, "secret", config.Rootfs, "mnt/dir/file")
			config.MaskPaths = []string{"/mnt/file", "/mnt/dir"}
			wantOptions(t, runShell(t, config, mountLine("/mnt/file")), "ro", "nosuid", "noexec")
			wantOptions(t, runShell(t, config, mountLine("/mnt/dir")), "ro", "nosuid", "nodev", "noexec", "tmpfs")
			got := runShell(t, config, `stat -c "%F %t:%T" /mnt/file; wc -c </mnt/file; chmod 777 /mnt/file 2>/dev/null || echo no`)
			wantOutput(t, got, "character special file 1:3\n0\nno")
		})
	}
}

// A path that is named twice, in one spelling or in two, is masked once.
func TestPathsThatAreMaskedTwice(t *testing.T) {
	config := newConfig(t)
	write(t, "secret", config.Rootfs, "mnt/file")
	write(t, "secret", config.Rootfs, "mnt/dir/file")
	config.MaskPaths = []string{"/mnt/file", "/mnt/dir", "/mnt/dir/", "/mnt//file", "/mnt/./dir", "/mnt/file"}
	config.ReadonlyPaths = []string{"/etc", "/etc/", "/etc"}
	got := runShell(t, config, `for p in /mnt/file /mnt/dir /etc; do awk -v p=$p '$5==p {n++} END {print p, n}' /proc/self/mountinfo; done`)
	wantOutput(t, got, "/mnt/file 1\n/mnt/dir 1\n/etc 1")
}

// The null device of the host, which masks files, is no other device and no file.
func TestNullDeviceOfTheHostIsChecked(t *testing.T) {
	if !runAgain(t, "unshare", "--mount", "--propagation", "private") {
		return
	}
	for _, tt := range []struct {
		name, source string
		userns       bool // devices are the host's there; else masks alone are
	}{
		{"another device", "/dev/zero", false},
		{"a file", "file", false},
		{"a directory", "directory", false},
		{"another device, user namespace", "/dev/zero", true},
		{"a file, user namespace", "file", true},
		{"a directory, user namespace", "directory", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			source := tt.source
			dir := publicTempDir(t)
			config := newConfig(t)
			if tt.userns {
				withUserNS(t, config, 100000)
			}
			write(t, "secret", config.Rootfs, "mnt/file")
			config.MaskPaths = append(config.MaskPaths, "/mnt/file")
			container := newContainer(t, config)
			p, out := shell(`stat -c "%F %t:%T" /mnt/file; stat -c "%F %t:%T" /dev/null`)
			r, w := pipe(t)
			go func() { w.Close() }()
			p.Stdin = r
			switch source {
			case "file":
				source = write(t, "wrong", dir, "null")
			case "directory":
				// A directory cannot be mounted over a device: the device goes, too.
				hostMount(t, "tmpfs", "/dev", "tmpfs", 0)
				mkdir(t, "/dev/null")
				source = ""
			}
			if source != "" {
				hostMount(t, source, "/dev/null", "", unix.MS_BIND)
			}
			err := container.Start(p)
			if err != nil {
				if !strings.Contains(err.Error(), "/dev/null") {
					t.Errorf("error %q does not name /dev/null", err)
				}
				return
			}
			_, _ = p.Wait()
			wantOutput(t, out.stdout.String(), "character special file 1:3\ncharacter special file 1:3\n")
		})
	}
}

// Where a container shares the host's network, its sysfs is the host's: nothing in it
// can be written, the cgroups below it no more than the rest.
func TestSysfsOfTheHostIsReadonly(t *testing.T) {
	config := newConfig(t)
	withUserNS(t, config, 100000)
	config.Namespaces.Remove(configs.NEWNET)
	config.Networks = nil
	got := runShell(t, config, `awk '$5 ~ "^/sys(/|$)" {print $5, $6}' /proc/self/mountinfo
		echo written
		find /sys/fs/cgroup -name cgroup.procs 2>/dev/null | while read f; do (echo $$ >$f) 2>/dev/null && echo $f; done
		find /sys/kernel /sys/module -maxdepth 3 -type f 2>/dev/null | while read f; do test -w $f && (: >>$f) 2>/dev/null && echo $f; done; true`)
	mounts, written, _ := strings.Cut(got, "\nwritten")
	for line := range strings.Lines(mounts) {
		point, options, _ := strings.Cut(strings.TrimSpace(line), " ")
		wantOptions(t, options, "ro", "nosuid", "nodev", "noexec")
		if t.Failed() {
			t.Errorf("%s is mounted with %s", point, options)
		}
	}
	if mounts == "" || written != "" {
		t.Errorf("mounts %q; these files can be written: %q", mounts, written)
	}
}

// Flags that no mount can have any more are not dropped silently.
func TestFlagsThatNoMountHas(t *testing.T) {
	for name, flag := range map[string]int{"iversion": unix.MS_I_VERSION, "mand": unix.MS_MANDLOCK} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			m := tmpfsOn("/mnt")
			m.Flags = flag
			addMount(config, m)
			checkLeaks(t)
			container, err := newFactory(t).Create("test", config)
			if err != nil {
				checkError(t, err, libcontainer.ConfigInvalid, "Mounts[", "Flags")
				return
			}
			defer func() {
				if err := container.Destroy(); err != nil {
					t.Error(err)
				}
			}()
			p, out := shell(mountLine("/mnt"))
			if err := container.Start(p); err != nil {
				checkError(t, err, libcontainer.ConfigInvalid, "/mnt")
				return
			}
			if _, err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			wantOptions(t, out.stdout.String(), name)
		})
	}
}

// The smallest value of a limit is a limit.
func TestSmallestLimits(t *testing.T) {
	config := newConfig(t)
	config.Cgroups.PidsLimit = 1
	container := newContainer(t, config)
	p, out := shell("/bin/true; echo $?")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if state, _ := p.Wait(); state == nil || state.Success() || out.stdout.Len() > 0 {
		t.Errorf("state %v; a container of one process has made another one: %q %q", state, out.stdout.String(), out.stderr.String())
	}
	config = newConfig(t)
	config.Cgroups.PidsLimit, config.Cgroups.CpuShares, config.Cgroups.CpuQuota, config.Cgroups.CpuPeriod = 2, 2, 1000, 1000
	container = newContainer(t, config)
	startBlocked(t, container)
	for _, f := range []struct{ subsystem, file, v2, want, want2 string }{
		{"pids", "pids.max", "pids.max", "2", "2"},
		{"cpu", "cpu.shares", "cpu.weight", "2", "1"},
		{"cpu", "cpu.cfs_quota_us", "cpu.max", "1000", "1000 1000"},
	} {
		want := f.want
		if unifiedOnly(t) {
			want = f.want2
		}
		if got := cgroupValue(t, container, f.subsystem, f.file, f.v2); got != want {
			t.Errorf("%s is %q, want %q", f.file, got, want)
		}
	}
}

// Nobody but their owner reads what is written about containers, whatever the umask of
// the host's program is.
func TestModesOfTheStateDirectory(t *testing.T) {
	if !runAgain(t, "sh", "-c", `umask 0; exec "$@"`, "sh") {
		return
	}
	c, root := newContainerIn(t, newConfig(t))
	look := func(phase string) {
		t.Helper()
		for _, line := range listTree(t, root) {
			mode, _, _ := strings.Cut(line[strings.Index(line, "mode ")+5:], " ")
			// 140000 are sockets, which are as open as their directory.
			if !strings.HasSuffix(mode, "00") && !strings.HasPrefix(mode, "140") {
				t.Errorf("%s: %s", phase, line)
			}
		}
		if info, err := os.Stat(root + "/test"); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: the container's directory: %v, %v", phase, info, err)
		}
	}
	look("created")
	p, _ := command("true")
	if err := c.Prepare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	look("prepared")
	if err := c.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Wait()
	look("ended")
}
