//world:any

package integration

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

func appArmorEnabled() bool {
	text, err := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return err == nil && bytes.HasPrefix(text, []byte("Y"))
}

func selinuxEnabled() bool {
	_, err := os.Stat("/sys/fs/selinux/enforce")
	return err == nil
}

// Labels that the kernel would not enforce are refused, never dropped.
func TestLabelsWithoutTheirModule(t *testing.T) {
	for name, tt := range map[string]struct {
		enabled bool
		edit    func(*configs.Config)
		texts   []string
	}{
		"AppArmor":    {appArmorEnabled(), func(c *configs.Config) { c.AppArmorProfile = "p" }, []string{"AppArmorProfile", `"p"`, "AppArmor is not enabled"}},
		"SELinux":     {selinuxEnabled(), func(c *configs.Config) { c.ProcessLabel = "l" }, []string{"process label", `"l"`, "SELinux is not enabled"}},
		"mount label": {selinuxEnabled(), func(c *configs.Config) { c.MountLabel = "l" }, []string{"MountLabel", `"l"`, "SELinux is not enabled"}},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.enabled {
				t.Skip("this machine has the module")
			}
			config := newConfig(t)
			tt.edit(config)
			createFails(t, config, tt.texts...)
		})
	}
	container := newContainer(t, newConfig(t))
	p, _ := command("true")
	if !appArmorEnabled() {
		p.AppArmorProfile = "p"
		checkError(t, container.Start(p), libcontainer.ConfigInvalid, "AppArmor is not enabled")
	}
	p.AppArmorProfile = "unconfined" // which it is
	if !selinuxEnabled() {
		p.Label = "l"
		checkError(t, container.Start(p), libcontainer.ConfigInvalid, "SELinux is not enabled")
		p.Label = ""
	}
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
}

func TestRelabelNeedsALabel(t *testing.T) {
	config := newConfig(t)
	m := bindOn(publicTempDir(t), "/mnt", 0)
	m.Relabel = "z"
	addMount(config, m)
	createFails(t, config, "Relabel", "no MountLabel")
}

// profile lets a program do all but write below /tmp/denied.
const profile = `profile %s flags=(attach_disconnected) {
  file, capability, network, mount, umount, pivot_root, signal, ptrace, unix,
  deny /tmp/denied/** w,
}
`

func loadProfile(t *testing.T, name string) {
	t.Helper()
	run := func(flag string) error {
		cmd := exec.Command("apparmor_parser", flag)
		cmd.Stdin = strings.NewReader(strings.Replace(profile, "%s", name, 1))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Logf("apparmor_parser: %s", out)
		}
		return err
	}
	if err := run("-Kr"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := run("-R"); err != nil {
			t.Error(err)
		}
	})
}

func TestAppArmor(t *testing.T) {
	if !appArmorEnabled() {
		t.Skip("AppArmor is not enabled")
	}
	loadProfile(t, "lctest-init")
	loadProfile(t, "lctest-exec")
	const script = "cat /proc/self/attr/current; mkdir -p /tmp/denied; touch /tmp/denied/file 2>/dev/null || echo refused; touch /tmp/allowed && echo allowed"
	for name, edit := range map[string]func(*configs.Config){
		"default":           func(*configs.Config) {},
		"user":              func(c *configs.Config) { withUserNS(t, c, 100000) },
		"no_new_privileges": func(c *configs.Config) { c.NoNewPrivileges = true },
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			edit(config)
			if err := os.Chmod(config.Rootfs+"/tmp", 0o1777); err != nil {
				t.Fatal(err)
			}
			config.AppArmorProfile = "lctest-init"
			container := newContainer(t, config)
			startBlocked(t, container)
			if got, want := execShell(t, container, script), "lctest-init (enforce)\nrefused\nallowed"; got != want {
				t.Errorf("with the container's profile: %q, want %q", got, want)
			}
			p, out := shell("cat /proc/self/attr/current")
			p.AppArmorProfile = "lctest-exec"
			if err := container.Start(p); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(); err != nil || out.stdout.String() != "lctest-exec (enforce)\n" {
				t.Errorf("with its own profile: %q, error %v", out.stdout.String(), err)
			}
			q, _ := command("true")
			q.AppArmorProfile = "lctest-missing"
			checkError(t, container.Start(q), libcontainer.ConfigInvalid, "lctest-missing")
		})
	}
}
