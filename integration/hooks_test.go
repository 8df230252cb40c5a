//world:any

package integration

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// logHook appends a word, the inode of its mount namespace and the state that it
// gets to a file of the host.
func logHook(word, file string) configs.Hook {
	script := `echo "` + word + ` $(readlink /proc/self/ns/mnt) $(readlink /proc/self/ns/net) $(cat)" >>` + file
	return configs.NewCommandHook(configs.Command{Path: "/bin/sh", Args: []string{"sh", "-c", script}})
}

func TestHooksOrderAndNamespaces(t *testing.T) {
	config := newConfig(t)
	dir := publicTempDir(t)
	logFile := filepath.Join(dir, "log")
	// The same file, seen from inside.
	config.Mounts = append(config.Mounts, &configs.Mount{
		Source: dir, Destination: dir, Device: "bind", Flags: 0x1000, // MS_BIND
	})
	var functions []string
	function := func(word string) configs.Hook {
		return configs.NewFunctionHook(func(s configs.HookState) error {
			functions = append(functions, word+" "+s.Status)
			return nil
		})
	}
	config.Hooks = &configs.Hooks{
		Prestart:        []configs.Hook{logHook("prestart1", logFile), logHook("prestart2", logFile), function("prestart")},
		CreateRuntime:   []configs.Hook{logHook("createRuntime", logFile), function("createRuntime")},
		CreateContainer: []configs.Hook{logHook("createContainer", logFile)},
		StartContainer:  []configs.Hook{logHook("startContainer", logFile)},
		Poststart:       []configs.Hook{logHook("poststart", logFile), function("poststart")},
		Poststop:        []configs.Hook{logHook("poststop", logFile), function("poststop")},
	}
	container := newContainer(t, config)
	p, release := startBlocked(t, container)
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	inMnt, _ := os.Readlink("/proc/" + itoa(pid) + "/ns/mnt")
	inNet, _ := os.Readlink("/proc/" + itoa(pid) + "/ns/net")
	release()
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(logFile)
	if err != nil {
		t.Fatal(err)
	}
	outMnt, outNet := hostNamespace(t, "mnt"), hostNamespace(t, "net")
	want := []struct {
		word, mnt, net, status string
		pid                    int
	}{
		{"prestart1", outMnt, outNet, "creating", pid},
		{"prestart2", outMnt, outNet, "creating", pid},
		{"createRuntime", outMnt, outNet, "creating", pid},
		{"createContainer", inMnt, inNet, "creating", 1},
		{"startContainer", inMnt, inNet, "created", 1},
		{"poststart", outMnt, outNet, "running", pid},
		{"poststop", outMnt, outNet, "stopped", 0},
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	if len(lines) != len(want) {
		t.Fatalf("hooks ran: %q, want %d", lines, len(want))
	}
	for i, w := range want {
		f := strings.SplitN(lines[i], " ", 4)
		var s configs.HookState
		if err := json.Unmarshal([]byte(f[3]), &s); err != nil {
			t.Fatalf("%s: state %q: %v", w.word, f[3], err)
		}
		if f[0] != w.word || f[1] != w.mnt || f[2] != w.net {
			t.Errorf("hook %d: %q, want %+v", i, f[:3], w)
		}
		if s.ID != "test" || s.Pid != w.pid || s.Root != config.Rootfs || s.Status != w.status || s.OCIVersion == "" {
			t.Errorf("%s: state %+v", w.word, s)
		}
	}
	if got := strings.Join(functions, ","); got != "prestart creating,createRuntime creating,poststart running,poststop stopped" {
		t.Errorf("functions ran: %s", got)
	}
}

func TestFailingHooks(t *testing.T) {
	timeout := 10 * time.Millisecond
	fails := configs.NewCommandHook(configs.Command{Path: "/bin/sh", Args: []string{"sh", "-c", "echo no luck >&2; exit 3"}})
	slow := configs.NewCommandHook(configs.Command{Path: "/bin/sleep", Args: []string{"sleep", "100000"}, Timeout: &timeout})
	function := configs.NewFunctionHook(func(configs.HookState) error { return errors.New("no luck") })
	for name, tt := range map[string]struct {
		hooks configs.Hooks
		texts []string
	}{
		"prestart":          {configs.Hooks{Prestart: []configs.Hook{fails}}, []string{"prestart hook 0", "no luck", "exit status 3"}},
		"prestart function": {configs.Hooks{Prestart: []configs.Hook{function}}, []string{"prestart hook 0", "no luck"}},
		"prestart timeout":  {configs.Hooks{Prestart: []configs.Hook{slow}}, []string{"prestart hook 0", "10ms"}},
		"createRuntime":     {configs.Hooks{CreateRuntime: []configs.Hook{fails}}, []string{"createRuntime hook 0", "no luck"}},
		"createContainer":   {configs.Hooks{CreateContainer: []configs.Hook{fails}}, []string{"createContainer hook 0", "no luck"}},
		"container timeout": {configs.Hooks{CreateContainer: []configs.Hook{slow}}, []string{"createContainer hook 0", "10ms"}},
		"startContainer":    {configs.Hooks{StartContainer: []configs.Hook{fails}}, []string{"startContainer hook 0", "no luck"}},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.Hooks = &tt.hooks
			p, _ := shell("true")
			startFails(t, config, p, libcontainer.SystemError, tt.texts...)
		})
	}
	t.Run("function inside", func(t *testing.T) {
		config := newConfig(t)
		config.Hooks = &configs.Hooks{StartContainer: []configs.Hook{function}}
		createFails(t, config, "StartContainer[0]", "command")
	})
}

func TestLoggedHooks(t *testing.T) {
	checkLeaks(t)
	var log strings.Builder
	var warnings []error
	factory := newFactory(t,
		libcontainer.Logger(slog.New(slog.NewTextHandler(&log, nil))),
		libcontainer.OnWarning(func(err error) { warnings = append(warnings, err) }))
	config := newConfig(t)
	function := configs.NewFunctionHook(func(configs.HookState) error { return errors.New("no luck") })
	config.Hooks = &configs.Hooks{Poststart: []configs.Hook{function}, Poststop: []configs.Hook{function}}
	container, err := factory.Create("a", config)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := shell("exit 0")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
	if err := container.Destroy(); err != nil {
		t.Error(err)
	}
	for _, text := range []string{"poststart hook 0: no luck", "poststop hook 0: no luck", "level=WARN", "container=a"} {
		if !strings.Contains(log.String(), text) {
			t.Errorf("the log %q does not say %q", log.String(), text)
		}
	}
	if len(warnings) != 2 || warnings[0].Error() != `container "a": poststart hook 0: no luck` {
		t.Errorf("the warnings are %q", warnings)
	}
}

// The process that destroys a container need not be the one that made it.
func TestHooksOfALoadedContainer(t *testing.T) {
	checkLeaks(t)
	factory := newFactory(t)
	config := newConfig(t)
	logFile := filepath.Join(publicTempDir(t), "log")
	config.Hooks = &configs.Hooks{Poststop: []configs.Hook{logHook("poststop", logFile)}}
	container, err := factory.Create("a", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = container.Destroy() })
	startBlocked(t, container)
	loaded, err := factory.Load("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := loaded.Destroy(); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(logFile); err != nil || !strings.HasPrefix(string(data), "poststop ") {
		t.Errorf("log %q, error %v", data, err)
	}
}

// Whatever ends init while it is being set up, Start tells and nothing is left.
func TestInitDiesDuringStart(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"default": func(*configs.Config) {},
		"no pid":  func(c *configs.Config) { c.Namespaces.Remove(configs.NEWPID) },
		"user":    func(c *configs.Config) { withUserNS(t, c, 100000) },
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			edit(config)
			config.Hooks = &configs.Hooks{Prestart: []configs.Hook{configs.NewFunctionHook(func(s configs.HookState) error {
				return syscall.Kill(s.Pid, syscall.SIGKILL)
			})}}
			p, _ := command("true")
			startFails(t, config, p, libcontainer.SystemError, "init process died", "signal: killed", "set up the container")
		})
	}
}

// Hooks that are functions may look at the container that they are of.
func TestHooksLookAtTheContainer(t *testing.T) {
	config := newConfig(t)
	var container libcontainer.Container
	var exec error
	config.Hooks = &configs.Hooks{
		Prestart: []configs.Hook{configs.NewFunctionHook(func(s configs.HookState) error {
			state, err := container.State()
			if err == nil && state.InitProcessPid != s.Pid {
				err = fmt.Errorf("pid %d, want %d", state.InitProcessPid, s.Pid)
			}
			_, serr := container.Status()
			_, perr := container.Processes()
			_, terr := container.Stats()
			return errors.Join(err, serr, perr, terr)
		})},
		Poststart: []configs.Hook{configs.NewFunctionHook(func(configs.HookState) error {
			p, _ := command("true")
			if exec = container.Start(p); exec == nil {
				_, exec = p.Wait()
			}
			return nil
		})},
	}
	container = newContainer(t, config)
	_, release := startBlocked(t, container)
	release()
	if exec != nil {
		t.Errorf("exec in a poststart hook: %v", exec)
	}
}
