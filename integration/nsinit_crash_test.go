//world:any

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// blockedInHook begins to create a container, and returns when it stands in a hook. release lets it go on.
func blockedInHook(t *testing.T, n *nsinit, id string) (cmd *exec.Cmd, bundle string, release func()) {
	t.Helper()
	bundle = bundleOf(t, "exit 3", func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{
			Path: "/bin/sh", Args: []string{"sh", "-c", "echo here >$0/says; read line <$0/hears; exit 0", hookFile},
		}}}
	})
	fifos := filepath.Join(bundle, "state") // which is put in the place of hookFile
	if err := os.Mkdir(fifos, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"says", "hears"} {
		if err := unix.Mkfifo(filepath.Join(fifos, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n.deleteLater(t, id)
	cmd = n.command("create", "--bundle", bundle, id)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(fifos, "says")); err != nil || string(text) != "here\n" {
		t.Fatalf("the hook says %q, error %v", text, err)
	}
	return cmd, bundle, func() {
		t.Helper()
		if err := os.WriteFile(filepath.Join(fifos, "hears"), []byte("go on\n"), 0o600); err != nil {
			t.Error(err)
		}
	}
}

// While it is created a container can be asked for, as programs that are hooks do.
func TestNsinitStateInAHook(t *testing.T) {
	n := newNsinit(t)
	cmd, bundle, release := blockedInHook(t, n, "x")
	s := n.state(t, "x")
	if s.Status != "creating" || s.Bundle != bundle {
		t.Errorf("state %+v", s)
	}
	if out := n.must(t, "list", "--quiet"); out != "x\n" {
		t.Errorf("list: %q", out)
	}
	n.fails(t, 1, []string{"creating"}, "start", "x")
	n.fails(t, 255, []string{"creating"}, "exec", "x", "true")
	release()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if s := n.state(t, "x"); s.Status != "created" {
		t.Errorf("state %+v", s)
	}
}

// A command that is told to end leaves nothing.
func TestNsinitCreateIsInterrupted(t *testing.T) {
	n := newNsinit(t)
	cmd, _, _ := blockedInHook(t, n, "x")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("error %v, want exit status 1", err)
	}
	n.fails(t, 1, []string{"does not exist"}, "state", "x")
}

// What a command leaves that was killed can be deleted.
func TestNsinitCreateIsKilled(t *testing.T) {
	n := newNsinit(t)
	cmd, bundle, release := blockedInHook(t, n, "x")
	defer release() // the hook, which nobody ends
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	n.fails(t, 1, []string{"already exists"}, "create", "--bundle", bundle, "x")
	n.must(t, "delete", "x")
	n.fails(t, 1, []string{"does not exist"}, "state", "x")
}

// However soon the program ends, its exit status is its parent's.
func TestNsinitStatusOfShortLives(t *testing.T) {
	n := newNsinit(t)
	engine := buildProgram(t, "engine")
	bundle := bundleOf(t, "exit 7", nil)
	sleeps := bundleOf(t, "exec sleep 100000", func(s *specs.Spec) { s.Linux.CgroupsPath = nsinitCgroup(t, "-sleeps") })
	n.deleteLater(t, "sleeps")
	n.must(t, "run", "--detach", "--bundle", sleeps, "sleeps")
	pidFile := filepath.Join(bundle, "pid")
	run := func(want string, args ...string) {
		t.Helper()
		cmd := n.command(args...)
		cmd.Args, cmd.Path = append([]string{engine, pidFile}, cmd.Args...), engine
		if stdout, stderr, code := runCommand(t, cmd); code != 0 || !strings.HasSuffix(stdout, want) || stderr != "" {
			t.Fatalf("%q: status %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
	for range 20 {
		run("engine: status 7\n", "run", "--detach", "--bundle", bundle, "--pid-file", pidFile, "short")
		n.must(t, "delete", "short")
		run("engine: status 0\n", "exec", "--detach", "--pid-file", pidFile, "sleeps", "true")
	}
}

// A container that was created and never started ends with its signal.
func TestNsinitKillCreated(t *testing.T) {
	n := newNsinit(t)
	engine := buildProgram(t, "engine")
	bundle := bundleOf(t, "true", nil)
	pidFile := filepath.Join(bundle, "pid")
	n.deleteLater(t, "x")
	cmd := n.command("create", "--bundle", bundle, "--pid-file", pidFile, "x")
	cmd.Args, cmd.Path = append([]string{engine, pidFile}, cmd.Args...), engine
	said := startSaying(t, cmd)
	said("engine: the command has ended")
	n.must(t, "kill", "x", "KILL")
	said("engine: signal 9")
	n.waitFor(t, "x", "stopped")
	n.fails(t, 1, []string{"stopped"}, "start", "x")
	n.must(t, "delete", "x")
}
