//world:any

package integration

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// inPidNamespaceOf gives the configuration of a container that joins the pid namespace
// of another one, and those of its namespaces that own that.
func inPidNamespaceOf(t *testing.T, first libcontainer.Container) *configs.Config {
	t.Helper()
	state, err := first.State()
	if err != nil {
		t.Fatal(err)
	}
	config := newConfig(t)
	config.Cgroups.Name += "-second"
	config.Namespaces.Add(configs.NEWPID, state.NamespacePaths[configs.NEWPID])
	if state.Config.Namespaces.Contains(configs.NEWUSER) {
		config.Networks = nil
		for _, typ := range []configs.NamespaceType{configs.NEWUSER, configs.NEWNET, configs.NEWIPC, configs.NEWUTS} {
			config.Namespaces.Add(typ, state.NamespacePaths[typ])
		}
	}
	return config
}

// All that a container can have, it can have in the pid namespace of another one.
func TestContainerInAPidNamespace(t *testing.T) {
	for name, userns := range map[string]bool{"root": false, "user namespace": true} {
		t.Run(name, func(t *testing.T) {
			firstConfig := newConfig(t)
			if userns {
				withUserNS(t, firstConfig, 100000)
			}
			first := newContainer(t, firstConfig)
			startBlocked(t, first)
			dir := publicTempDir(t)
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			config := inPidNamespaceOf(t, first)
			addMount(config, bindOn(dir, dir, 0))
			if !userns {
				config.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"}
			}
			config.Seccomp = allowBut(rule("getppid", configs.Errno))
			config.Hooks = eachHook("cat >" + dir + "/NAME; readlink /proc/self/ns/pid >" + dir + "/NAME.ns")
			second, root := newContainerIn(t, config)
			p, out := shell(`cat /proc/$$/comm; [ -d /proc/1 ] && echo one; readlink /proc/self/ns/pid
				cat /proc/sys/net/ipv4/ip_forward; id -u; [ "$(cut -d' ' -f6 /proc/self/stat)" = $$ ] && echo session; true`)
			if err := second.Prepare(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			wantStatus(t, second, libcontainer.Created)
			wantStatus(t, loadAgain(t, second, root), libcontainer.Created)
			pid, err := p.Pid()
			if err != nil {
				t.Fatal(err)
			}
			state, err := second.State()
			if err != nil || state.InitProcessPid != pid {
				t.Errorf("init is %d, error %v; want %d", state.InitProcessPid, err, pid)
			}
			if err := second.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(); err != nil {
				t.Errorf("wait: %v; %s", err, out.stdout.String())
			}
			ns, err := os.Readlink(stateOf(t, first).NamespacePaths[configs.NEWPID])
			if err != nil {
				t.Fatal(err)
			}
			forward := "0"
			if !userns {
				forward = "1"
			}
			wantOutput(t, strings.TrimSpace(out.stdout.String()), strings.Join([]string{"sh", "one", ns, forward, "0", "session"}, "\n"))
			if !procfsTakesPidNamespace(t) || tested.Classic() {
				return // all is done inside
			}
			for _, hook := range []string{"prestart", "createRuntime", "createContainer"} {
				want := hostNamespace(t, "pid")
				if hook == "createContainer" && userns {
					want = ns
				}
				got := strings.TrimSpace(string(mustRead(t, filepath.Join(dir, hook+".ns"))))
				if got != want {
					t.Errorf("hook %s ran in %s, want %s", hook, got, want)
				}
			}
			if got := strings.TrimSpace(string(mustRead(t, filepath.Join(dir, "startContainer.ns")))); got != ns {
				t.Errorf("hook startContainer ran in %s, want %s", got, ns)
			}
		})
	}
}

func stateOf(t *testing.T, c libcontainer.Container) *libcontainer.State {
	t.Helper()
	state, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// Whatever fails in such a start, nothing of it stays.
func TestFailuresInAPidNamespace(t *testing.T) {
	first := newContainer(t, newConfig(t))
	startBlocked(t, first)
	for name, tt := range map[string]struct {
		edit func(*configs.Config, *libcontainer.Process)
		want string
	}{
		"mount": {func(c *configs.Config, _ *libcontainer.Process) { addMount(c, bindOn("/no/such/source", "/mnt", 0)) }, "/no/such/source"},
		"hook": {func(c *configs.Config, _ *libcontainer.Process) {
			c.Hooks = &configs.Hooks{CreateContainer: shellHook("exit 3")}
		}, "exit status 3"},
		"program": {func(_ *configs.Config, p *libcontainer.Process) { p.Args = []string{"/no/such/program"} }, "/no/such/program"},
		"user":    {func(_ *configs.Config, p *libcontainer.Process) { p.User = "nobody-of-these" }, "nobody-of-these"},
	} {
		t.Run(name, func(t *testing.T) {
			config := inPidNamespaceOf(t, first)
			p, _ := command("/bin/true")
			tt.edit(config, p)
			second, _ := newContainerIn(t, config)
			err := second.Start(p)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			wantStatus(t, second, libcontainer.Created)
			good, _ := command("/bin/true")
			if tt.want == "/no/such/program" || tt.want == "nobody-of-these" {
				if err := second.Start(good); err != nil {
					t.Errorf("a start after that: %v", err)
				} else if _, err := good.Wait(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if got := execShell(t, first, "ls -d /proc/[0-9]* | wc -l"); got != "4" && got != "3" {
		t.Errorf("%s processes are in the pid namespace", got)
	}
}
