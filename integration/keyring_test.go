//world:any

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	hostKeyring = "lctest-host"
	hostKey     = "lctest-key"
)

// inKeyring runs the test again with a session keyring of its own, with a key in it.
func inKeyring(t *testing.T) (inside bool) {
	t.Helper()
	if _, err := unix.KeyctlInt(unix.KEYCTL_GET_KEYRING_ID, unix.KEY_SPEC_SESSION_KEYRING, 0, 0, 0); err == unix.ENOSYS {
		t.Skip("this kernel has no keyrings (CONFIG_KEYS)")
	}
	return runAgain(t, buildProgram(t, "keyring"), "run", hostKeyring, hostKey, "secret")
}

func withKeyring(t *testing.T) *configs.Config {
	t.Helper()
	config := newUnfilteredConfig(t)
	if err := os.Link(buildProgram(t, "keyring"), filepath.Join(config.Rootfs, "bin/keyring")); err != nil {
		t.Fatal(err)
	}
	return config
}

// The keys of the host's session are none of a container's business: each process, the
// hooks too, has a new keyring with nothing in it.
func TestKeyringOfTheHost(t *testing.T) {
	if !inKeyring(t) {
		return
	}
	for name, edit := range map[string]func(*configs.Config){
		"default":        func(*configs.Config) {},
		"user namespace": func(c *configs.Config) { withUserNS(t, c, 100000) },
		"another user":   func(*configs.Config) {},
	} {
		t.Run(name, func(t *testing.T) {
			config := withKeyring(t)
			edit(config)
			bothKinds(t, config, func() (*libcontainer.Process, *output) {
				p, out := command("/bin/keyring", "look", hostKey)
				if name == "another user" {
					p.User = "5000:6000"
				}
				return p, out
			}, func(t *testing.T, out string) {
				if strings.Contains(out, hostKeyring) || strings.Contains(out, "found secret") {
					t.Errorf("the container has the host's keyring: %q", out)
				}
				if !strings.Contains(out, "keys 0\n") || !strings.Contains(out, "add works") {
					t.Errorf("the keyring is not new and empty: %q", out)
				}
			})
		})
	}
}

// What one process of a container adds, another one does not see.
func TestKeyringsOfProcesses(t *testing.T) {
	if !inKeyring(t) {
		return
	}
	container := newContainer(t, withKeyring(t))
	startBlocked(t, container)
	for range 2 {
		out := execShell(t, container, "keyring look of-the-container")
		if !strings.Contains(out, "keys 0\nnot found\nadd works") {
			t.Errorf("a further process sees %q", out)
		}
	}
}

func TestHooksHaveNoKeyringOfTheHost(t *testing.T) {
	if !inKeyring(t) {
		return
	}
	dir := publicTempDir(t)
	program := buildProgram(t, "keyring")
	hook := func(path, name string) []configs.Hook {
		script := path + " look " + hostKey + " >" + filepath.Join(dir, name)
		return []configs.Hook{configs.NewCommandHook(configs.Command{Path: "/bin/sh", Args: []string{"sh", "-c", script}})}
	}
	config := withKeyring(t)
	addMount(config, bindOn(dir, dir, 0))
	config.Hooks = &configs.Hooks{
		CreateContainer: hook(program, "createContainer"), StartContainer: hook("/bin/keyring", "startContainer"),
	}
	runShell(t, config, "true")
	for _, name := range []string{"createContainer", "startContainer"} {
		out := string(mustRead(t, filepath.Join(dir, name)))
		if out == "" || strings.Contains(out, hostKeyring) || strings.Contains(out, "found secret") {
			t.Errorf("the hook %s sees %q", name, out)
		}
	}
}

func TestKeepKeyring(t *testing.T) {
	if !inKeyring(t) {
		return
	}
	config := withKeyring(t)
	config.KeepKeyring = true
	bothKinds(t, config, func() (*libcontainer.Process, *output) { return command("/bin/keyring", "look", hostKey) },
		func(t *testing.T, out string) {
			if !strings.Contains(out, "name "+hostKeyring+"\n") || !strings.Contains(out, "found secret") {
				t.Errorf("the host's keyring was not kept: %q", out)
			}
		})
}
