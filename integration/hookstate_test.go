//world:any

package integration

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

func shellHook(script string) []configs.Hook {
	return []configs.Hook{configs.NewCommandHook(configs.Command{Path: "/bin/sh", Args: []string{"sh", "-c", script}})}
}

// eachHook gives hooks of all kinds that run a script, in which NAME is the kind's name.
func eachHook(script string) *configs.Hooks {
	hook := func(name string) []configs.Hook { return shellHook(strings.ReplaceAll(script, "NAME", name)) }
	return &configs.Hooks{
		Prestart: hook("prestart"), CreateRuntime: hook("createRuntime"), CreateContainer: hook("createContainer"),
		StartContainer: hook("startContainer"), Poststart: hook("poststart"), Poststop: hook("poststop"),
	}
}

// What hooks are told: the state of the OCI's runtime specification.
func TestStateOfHooks(t *testing.T) {
	type told struct {
		status string
		pid    func(outside int) int
	}
	outside := func(pid int) int { return pid }
	inside := func(int) int { return 1 }
	want := map[string]told{
		"prestart":        {"creating", outside},
		"createRuntime":   {"creating", outside},
		"createContainer": {"creating", inside},
		"startContainer":  {"created", inside},
		"poststart":       {"running", outside},
		"poststop":        {"stopped", func(int) int { return 0 }},
	}
	for _, name := range []string{"pid namespace", "shared pid namespace", "prepared"} {
		t.Run(name, func(t *testing.T) {
			dir := publicTempDir(t)
			config := newConfig(t)
			config.Bundle = filepath.Join(dir, "no such bundle")
			config.Annotations = map[string]string{"com.example.key": "value", "empty": ""}
			if name == "shared pid namespace" {
				config.Namespaces.Remove(configs.NEWPID)
			}
			addMount(config, bindOn(dir, dir, 0))
			config.Hooks = eachHook("cat >" + dir + "/NAME")
			var function configs.HookState
			config.Hooks.Prestart = append(config.Hooks.Prestart, configs.NewFunctionHook(func(s configs.HookState) error {
				function = s
				return nil
			}))
			c, _ := newContainerIn(t, config)
			p, _ := command("true")
			start(t, c, p, name == "prepared")
			pid, err := p.Pid()
			if err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(); err != nil {
				t.Error(err)
			}
			if err := c.Destroy(); err != nil {
				t.Fatal(err)
			}
			for kind, w := range want {
				var s configs.HookState
				if err := json.Unmarshal(mustRead(t, filepath.Join(dir, kind)), &s); err != nil {
					t.Errorf("%s: %v", kind, err)
					continue
				}
				wantPid := w.pid(pid)
				if wantPid == 1 && name == "shared pid namespace" {
					wantPid = pid
				}
				if s.Status != w.status || s.Pid != wantPid {
					t.Errorf("%s: status %q and pid %d, want %q and %d", kind, s.Status, s.Pid, w.status, wantPid)
				}
				if s.Bundle != config.Bundle || !maps.Equal(s.Annotations, config.Annotations) || s.ID != "test" || s.OCIVersion == "" {
					t.Errorf("%s: state %+v", kind, s)
				}
			}
			if function.Bundle != config.Bundle || !maps.Equal(function.Annotations, config.Annotations) {
				t.Errorf("function: state %+v", function)
			}
		})
	}
}

// start starts a process, in one step or in two.
func start(t *testing.T, c libcontainer.LinuxContainer, p *libcontainer.Process, prepared bool) {
	t.Helper()
	if !prepared {
		if err := c.Start(p); err != nil {
			t.Fatalf("start: %v", err)
		}
		return
	}
	if err := c.Prepare(t.Context(), p); err != nil {
		t.Fatalf("prepare: %v", err)
	}
	if err := c.Release(t.Context()); err != nil {
		t.Fatalf("release: %v", err)
	}
}

// Hooks that run a program of the image are confined as the container's own program is.
func TestStartContainerHooksAreConfined(t *testing.T) {
	for _, prepared := range []bool{false, true} {
		for name, user := range map[string]string{"root": "", "another user": "5000:6000"} {
			t.Run(name+map[bool]string{true: ", prepared"}[prepared], func(t *testing.T) {
				config := withCalls(t, allowBut(rule("getppid", configs.Errno)))
				if err := os.Chmod(mkdir(t, config.Rootfs, "out"), 0o777); err != nil {
					t.Fatal(err)
				}
				config.Hooks = &configs.Hooks{StartContainer: shellHook(
					"/bin/calls call " + ppid + " >/out/call; cat /proc/self/status >/out/status")}
				c, _ := newContainerIn(t, config)
				p, out := command("cat", "/out/call", "/proc/self/status", "/out/status")
				p.User = user
				start(t, c, p, prepared)
				if _, err := p.Wait(); err != nil {
					t.Fatal(err)
				}
				call, rest, _ := strings.Cut(out.stdout.String(), "\n")
				wantOutput(t, call, "-1 1")
				own, hooks, _ := strings.Cut(rest, "\nName:\t")
				for _, field := range []string{"Seccomp", "NoNewPrivs", "CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb", "Uid", "Gid", "Groups"} {
					if got, want := status(hooks)[field], status(own)[field]; got != want || want == "" && field != "Groups" {
						t.Errorf("%s of the hook is %q, of the program %q", field, got, want)
					}
				}
			})
		}
	}
}

func TestStartContainerHooksHaveTheProfile(t *testing.T) {
	if !appArmorEnabled() {
		t.Skip("AppArmor is not enabled on this machine")
	}
	const profile = "lctest-hook"
	loadProfile(t, profile)
	config := newConfig(t)
	config.AppArmorProfile = profile
	config.Hooks = &configs.Hooks{StartContainer: shellHook("cat /proc/self/attr/current >/tmp/label")}
	if got := runShell(t, config, "cat /tmp/label"); !strings.Contains(got, profile) {
		t.Errorf("the hook runs as %q", got)
	}
}

// Hooks without an environment get that of the host program where they are the host's,
// and the process's in the container. It is nowhere written down.
func TestEnvironmentOfHooks(t *testing.T) {
	t.Setenv("LCTEST_SECRET", "of the host program")
	dir := publicTempDir(t)
	config := newConfig(t)
	addMount(config, bindOn(dir, dir, 0))
	config.Hooks = eachHook("env >" + dir + "/NAME")
	c, root := newContainerIn(t, config)
	p, _ := command("cat")
	r, w := pipe(t)
	p.Stdin, p.Env = r, append(p.Env, "OF=the process")
	if err := c.Start(p); err != nil {
		t.Fatal(err)
	}
	if data := mustRead(t, filepath.Join(root, "test", "state.json")); strings.Contains(string(data), "LCTEST_SECRET") {
		t.Error("the host program's environment is in the state file")
	}
	// Destroyed by a handle of another time, which knows the environment of its own.
	loaded := loadAgain(t, c, root)
	t.Setenv("LCTEST_LATER", "of the other handle")
	w.Close()
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
	if err := loaded.Destroy(); err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]struct{ secret, process, later bool }{
		"prestart": {secret: true}, "createRuntime": {secret: true}, "createContainer": {process: true},
		"startContainer": {process: true}, "poststart": {secret: true}, "poststop": {secret: true, later: true},
	} {
		text := string(mustRead(t, filepath.Join(dir, kind)))
		for variable, wanted := range map[string]bool{
			"LCTEST_SECRET=of the host program": want.secret, "OF=the process": want.process, "LCTEST_LATER=of the other handle": want.later,
		} {
			if strings.Contains(text, variable+"\n") != wanted {
				t.Errorf("the hook %s has %s: %v, want %v", kind, variable, !wanted, wanted)
			}
		}
	}
}
