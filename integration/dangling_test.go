//world:any

package integration

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// Images link /etc/resolv.conf, /etc/localtime and others to files that only a running
// system has. A file that is bound over such a link is bound where it leads, which is
// made: in the container, wherever the link says it is.
func TestFileOverADanglingLink(t *testing.T) {
	for name, tt := range map[string]struct {
		links map[string]string // by the path in the container
		at    string            // where the file is then
	}{
		"relative":          {map[string]string{"etc/resolv.conf": "../run/systemd/resolve/stub.conf"}, "run/systemd/resolve/stub.conf"},
		"absolute":          {map[string]string{"etc/resolv.conf": "/run/resolv.conf"}, "run/resolv.conf"},
		"to another link":   {map[string]string{"etc/resolv.conf": "other", "etc/other": "/var/lib/x/resolv.conf"}, "var/lib/x/resolv.conf"},
		"through a link":    {map[string]string{"etc/resolv.conf": "/var/run/x/resolv.conf"}, "run/x/resolv.conf"},
		"up and out":        {map[string]string{"etc/resolv.conf": "../../../../../../../run/resolv.conf"}, "run/resolv.conf"},
		"the directory too": {map[string]string{"etc/dir": "../run/dir", "run/dir/resolv.conf": "/tmp/made"}, "tmp/made"},
	} {
		for _, userns := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", user namespace"}[userns], func(t *testing.T) {
				config := newConfig(t)
				for at, target := range tt.links {
					link(t, target, config.Rootfs, at)
				}
				if userns {
					withUserNS(t, config, 100000)
					chownDirs(t, config.Rootfs, 100000)
				}
				destination := "/etc/resolv.conf"
				if name == "the directory too" {
					destination = "/etc/dir/resolv.conf"
				}
				file := write(t, "nameserver 192.0.2.1\n", publicTempDir(t), "resolv.conf")
				addMount(config, bindOn(file, destination, 0))
				got := runShell(t, config, "cat "+destination+"; cat /"+tt.at)
				wantOutput(t, got, "nameserver 192.0.2.1\nnameserver 192.0.2.1")
			})
		}
	}
}

// The host has, at the path that the link names, a file that stays as it is.
func TestFileOverALinkOutOfTheRoot(t *testing.T) {
	for name, target := range map[string]string{"a file of the host": "marker", "none": "missing", "below one that is not there": "new/file"} {
		for kind, how := range map[string]func(string, ...string) func(*testing.T, *configs.Config, string){"absolute": linkTo, "climbs": climbTo} {
			t.Run(name+", "+kind, func(t *testing.T) {
				config := newConfig(t)
				victim := newVictim(t)
				how(target, "etc/resolv.conf")(t, config, victim)
				addMount(config, bindOn(write(t, "inside\n", publicTempDir(t), "file"), "/etc/resolv.conf", 0))
				p, out := shell("cat /etc/resolv.conf $V/" + target)
				p.Env = append(p.Env, "V="+victim)
				wantOutput(t, runProcess(t, config, p, out), "inside\ninside")
			})
		}
	}
}

// A link that leads into procfs, or round and round, is no place for a file.
func TestFileOverABadLink(t *testing.T) {
	for name, target := range map[string]string{
		"procfs": "/proc/sysrq-trigger", "magic": "/proc/self/cwd/etc/passwd", "missing in procfs": "/proc/missing", "loop": "resolv.conf",
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			link(t, target, config.Rootfs, "etc/resolv.conf")
			addMount(config, bindOn("/etc/hostname", "/etc/resolv.conf", 0))
			container := newContainer(t, config)
			p, _ := command("true")
			err := container.Start(p)
			if err == nil {
				_, _ = p.Wait()
				t.Fatal("start succeeded")
			}
			if !strings.Contains(err.Error(), "/etc/resolv.conf") {
				t.Errorf("error %q does not name the destination", err)
			}
			if info, err := os.Lstat(config.Rootfs + "/etc/resolv.conf"); err != nil || info.Mode()&os.ModeSymlink == 0 {
				t.Errorf("the link is %v, %v now", info, err)
			}
		})
	}
}

// chownDirs gives the directories of a root file system, which no other test has, to
// another user.
func chownDirs(t *testing.T, rootfs string, id int) {
	t.Helper()
	err := filepath.WalkDir(rootfs, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Lchown(name, id, id)
	})
	if err != nil {
		t.Fatal(err)
	}
}
