//world:any

package integration

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// A working directory that the image lacks is made if that is asked for.
func TestMakeCwd(t *testing.T) {
	umask := uint32(0o077)
	for name, tt := range map[string]struct {
		cwd, user string
		edit      func(t *testing.T, c *configs.Config)
		want      string
	}{
		"deep":           {"/srv/app/data", "", nil, "/srv/app/data 755 0:0"},
		"as a user":      {"/srv/app", "1000:1000", nil, "/srv/app 755 0:0"},
		"with an umask":  {"/srv/app", "1000:1000", func(_ *testing.T, c *configs.Config) { c.Umask = &umask }, "/srv/app 755 0:0"},
		"through a link": {"/var/run/app", "", nil, "/run/app 755 0:0"},
		"through a dangling link": {"/link/app", "", func(t *testing.T, c *configs.Config) {
			if err := os.Symlink("srv/none", c.Rootfs+"/link"); err != nil {
				t.Fatal(err)
			}
		}, "/srv/none/app 755 0:0"},
		"it is there": {"/tmp", "", nil, "/tmp 1777 0:0"},
		"on a tmpfs": {"/scratch/app", "", func(_ *testing.T, c *configs.Config) {
			addMount(c, configs.Mount{Device: "tmpfs", Source: "tmpfs", Destination: "/scratch", Data: "mode=755"})
		}, "/scratch/app 755 0:0"},
		"read-only mount": {"/scratch/app", "", func(_ *testing.T, c *configs.Config) {
			addMount(c, configs.Mount{Device: "tmpfs", Source: "tmpfs", Destination: "/scratch", Data: "mode=755", Flags: unix.MS_RDONLY})
			addMount(c, configs.Mount{Device: "tmpfs", Source: "tmpfs", Destination: "/scratch/app", Data: "mode=755"})
		}, "/scratch/app 755 0:0"},
		"user namespace": {"/srv/app", "1000:1000", func(t *testing.T, c *configs.Config) {
			withUserNS(t, c, 100000)
			if err := os.Chown(c.Rootfs, 100000, 100000); err != nil {
				t.Fatal(err)
			}
		}, "/srv/app 755 0:0"},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			if tt.edit != nil {
				tt.edit(t, config)
			}
			bothKinds(t, config, func() (*libcontainer.Process, *output) {
				p, out := shell("echo $(pwd -P) $(stat -c '%a %u:%g' .)")
				p.Cwd, p.MakeCwd, p.User = tt.cwd, true, tt.user
				return p, out
			}, func(t *testing.T, out string) {
				wantOutput(t, out, tt.want)
				if tt.cwd == "/srv/app" { // the next kind of process begins anew
					if err := os.RemoveAll(config.Rootfs + "/srv"); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

// Before the root becomes read-only it can be made; later the error says why not.
func TestMakeCwdOnAReadonlyRoot(t *testing.T) {
	config := newConfig(t)
	config.Readonlyfs = true
	container := newContainer(t, config)
	p, out := shell("pwd; exec cat")
	p.Cwd, p.MakeCwd = "/srv/app", true
	r, w := pipe(t)
	p.Stdin = r
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	further, _ := command("true")
	further.Cwd, further.MakeCwd = "/srv/other", true
	checkError(t, container.Start(further), libcontainer.ConfigInvalid, `make working directory "/srv/other"`, "read-only file system")
	w.Close()
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
	wantOutput(t, out.stdout.String(), "/srv/app\n")
}

func TestMakeCwdFails(t *testing.T) {
	for name, tt := range map[string]struct {
		cwd   string
		texts []string
	}{
		"below a file": {"/etc/passwd/x", []string{"not a directory"}},
		"in proc":      {"/proc/none", []string{"no such file or directory"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, make := range []bool{false, true} {
				p, _ := command("true")
				p.Cwd, p.MakeCwd = tt.cwd, make
				texts := append([]string{"working directory", tt.cwd}, tt.texts...)
				startFails(t, newConfig(t), p, libcontainer.ConfigInvalid, texts...)
			}
		})
	}
	p, out := command("pwd")
	p.MakeCwd = true // of "/"
	wantOutput(t, runProcess(t, newConfig(t), p, out), "/")
}
