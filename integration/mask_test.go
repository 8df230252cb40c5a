//world:any

package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

func TestMaskPaths(t *testing.T) {
	for _, userns := range []bool{false, true} {
		t.Run(fmt.Sprintf("user namespace %v", userns), func(t *testing.T) {
			config := newConfig(t)
			if userns {
				withUserNS(t, config, 100000)
			}
			write(t, "secret", config.Rootfs, "mnt/file")
			for _, dir := range []string{"a", "b", "c"} {
				write(t, "secret", config.Rootfs, "mnt", dir, "file")
			}
			link(t, "/mnt/real", config.Rootfs, "mnt/link")
			write(t, "secret", config.Rootfs, "mnt/real/file")
			config.MaskPaths = append(config.MaskPaths, "/mnt/file", "/mnt/a", "/mnt/b/", "/mnt/c", "/mnt/link",
				"/mnt/missing/path", "/mnt/file/below", "/etc/group")
			got := runShell(t, config, `
				cd /mnt; cat file a/* b/* c/* link/file real/file /etc/group 2>/dev/null
				ls a b c real | grep -v -E '^$|:$'
				echo x >file; cat file
				for d in a b c real; do (echo x >$d/new) 2>&1; (mkdir $d/new) 2>/dev/null || echo no; done
				umount a 2>/dev/null || echo stays`)
			want := ""
			for _, d := range []string{"a", "b", "c", "real"} {
				want += "/bin/sh: can't create " + d + "/new: Read-only file system\nno\n"
			}
			wantOutput(t, got, want+"stays")
			for _, name := range []string{"file", "a/file", "real/file"} {
				if data, err := os.ReadFile(config.Rootfs + "/mnt/" + name); err != nil || string(data) != "secret" {
					t.Errorf("%s is %q now, %v", name, data, err)
				}
			}
		})
	}
}

func TestDefaultMasks(t *testing.T) {
	config := newConfig(t)
	got := runShell(t, config, `
		for p in `+strings.Join(config.MaskPaths, " ")+`; do
			if test -d $p; then ls -A $p; elif test -e $p; then cat $p; fi
		done
		for p in `+strings.Join(config.ReadonlyPaths, " ")+`; do
			test -e $p && awk -v p=$p '$5==p && $6 !~ /^ro,/ {print p, $6}' /proc/self/mountinfo
		done
		(echo 1 >/proc/sys/kernel/printk) 2>&1
		(echo 1 >/proc/irq/default_smp_affinity) 2>&1; true`)
	wantOutput(t, got, "/bin/sh: can't create /proc/sys/kernel/printk: Read-only file system\n"+
		"/bin/sh: can't create /proc/irq/default_smp_affinity: Read-only file system")
}

// The host's files are not masked with the container's.
func TestMaskStaysInside(t *testing.T) {
	container := newContainer(t, newConfig(t))
	before := lines(t, "/proc/self/mountinfo")
	_, release := startBlocked(t, container)
	defer release()
	if after := lines(t, "/proc/self/mountinfo"); len(added(before, after)) > 0 {
		t.Errorf("mounts on the host: %q", added(before, after))
	}
	if data, err := os.ReadFile("/proc/timer_list"); err == nil && len(data) == 0 {
		t.Error("the host's /proc/timer_list is masked")
	}
}

func TestReadonlyPaths(t *testing.T) {
	for _, userns := range []bool{false, true} {
		t.Run(fmt.Sprintf("user namespace %v", userns), func(t *testing.T) {
			config := newConfig(t)
			if userns {
				withUserNS(t, config, 100000)
			}
			host := publicTempDir(t)
			if err := os.Chmod(host, 0o777); err != nil {
				t.Fatal(err)
			}
			write(t, "text", config.Rootfs, "mnt/dir/file")
			write(t, "text", config.Rootfs, "mnt/file")
			write(t, " bound", host, "file")
			link(t, "../mnt/dir", config.Rootfs, "tmp/link")
			mkdir(t, config.Rootfs, "mnt/dir/sub")
			mkdir(t, config.Rootfs, "mnt/dir/bound")
			mkdir(t, config.Rootfs, "tmp/rw")
			addMount(config, tmpfsOn("/mnt/dir/sub"))
			addMount(config, bindOn(host, "/mnt/dir/bound", 0))
			m := tmpfsOn("/tmp/rw")
			m.Flags = unix.MS_NOEXEC
			addMount(config, m)
			config.ReadonlyPaths = append(config.ReadonlyPaths, "/tmp/link", "/mnt/file", "/tmp/rw", "/missing/path", "/etc/passwd/below")
			got := runShell(t, config, `
				cat /mnt/dir/file /mnt/file /mnt/dir/bound/file; echo
				for f in /mnt/dir/file /mnt/dir/new /mnt/file /mnt/dir/sub/new /mnt/dir/bound/new /tmp/rw/new; do
					(echo x >$f) 2>&1 | sed 's/.*: //'
				done
				(rm -r /mnt/dir/file) 2>&1 | sed 's/.*: //'
				touch /tmp/new && ls /tmp;`+mountLine("/tmp/rw")+` | tail -1`)
			line := got[strings.LastIndex(got, "\n")+1:]
			wantOutput(t, strings.TrimSuffix(got, line), "texttext bound\n"+strings.Repeat("Read-only file system\n", 7)+"link\nnew\nrw\n")
			wantOptions(t, line, "ro", "noexec")
			write(t, "", host, "new") // not for the host
		})
	}
}

// A path that is both is hidden and read-only below.
func TestMaskedAndReadonly(t *testing.T) {
	config := newConfig(t)
	write(t, "secret", config.Rootfs, "mnt/dir/file")
	write(t, "text", config.Rootfs, "mnt/file")
	config.MaskPaths = []string{"/mnt/dir", "/mnt/dir"}
	config.ReadonlyPaths = []string{"/mnt", "/mnt"}
	got := runShell(t, config, `ls /mnt/dir; cat /mnt/file; (echo x >/mnt/file) 2>&1 | sed 's/.*: //'`)
	wantOutput(t, got, "textRead-only file system")
}

func TestBadHiddenPaths(t *testing.T) {
	for field, edit := range map[string]func(*configs.Config, string){
		"MaskPaths":     func(c *configs.Config, p string) { c.MaskPaths = []string{p} },
		"ReadonlyPaths": func(c *configs.Config, p string) { c.ReadonlyPaths = []string{p} },
	} {
		for _, path := range []string{"", "relative", "/", "/a/..", "/a\x00"} {
			t.Run(fmt.Sprintf("%s %q", field, path), func(t *testing.T) {
				config := newConfig(t)
				edit(config, path)
				createFails(t, config, field)
			})
		}
	}
}
