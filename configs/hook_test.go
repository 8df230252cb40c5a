package configs

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

var testState = HookState{
	Version: "1", OCIVersion: "1.3.0", ID: "test", Pid: 42,
	Status: "creating", Bundle: "/", Root: "/rootfs",
	Annotations: map[string]string{"com.example.key": "value"},
}

func shell(script string) Command {
	return Command{Path: "/bin/sh", Args: []string{"sh", "-c", script}}
}

func TestFunctionHook(t *testing.T) {
	failed := errors.New("failed")
	var got HookState
	var hook Hook = NewFunctionHook(func(s HookState) error {
		got = s
		return failed
	})
	if err := hook.Run(testState); !errors.Is(err, failed) {
		t.Errorf("Run() = %v, want the function's error", err)
	}
	if !reflect.DeepEqual(got, testState) {
		t.Errorf("the function got %+v, want %+v", got, testState)
	}
	if err := (FuncHook{}).Run(testState); err == nil {
		t.Error("a hook without a function succeeded")
	}
}

func TestCommandGetsStateOnStdin(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state")
	var hook Hook = NewCommandHook(shell("cat >" + file))
	if err := hook.Run(testState); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("stdin %q: %v", data, err)
	}
	want := map[string]any{
		"version": "1", "id": "test", "pid": 42.0, "root": "/rootfs",
		"ociVersion": "1.3.0", "status": "creating", "bundle": "/",
		"annotations": map[string]any{"com.example.key": "value"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("stdin holds %v, want %v", got, want)
	}
}

func TestCommandArgsEnvDir(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	command := Command{
		Path: "/bin/sh",
		Args: []string{"my-name", "-c", `echo "$0|$1|$KEY|$HOME|$(pwd)" >out`, "zero", "one"},
		Env:  []string{"KEY=value", "PATH=/bin:/usr/bin"},
		Dir:  dir,
	}
	if err := command.Run(testState); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "zero|one|value||" + dir + "\n"; string(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCommandSucceeds(t *testing.T) {
	minute := time.Minute
	tests := map[string]Command{
		"without arguments":      {Path: "/bin/true"},
		"stdin not read":         shell("exec 0<&-"),
		"stderr alone":           shell("echo warning >&2"),
		"timeout that is enough": {Path: "/bin/true", Timeout: &minute},
	}
	for name, command := range tests {
		t.Run(name, func(t *testing.T) {
			if err := command.Run(testState); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestCommandFails(t *testing.T) {
	tests := []struct {
		name    string
		command Command
		want    []string
	}{
		{"exit status and stderr", shell("echo what went wrong >&2; exit 3"), []string{"/bin/sh", "exit status 3", "what went wrong"}},
		{"signal", shell("kill -9 $$"), []string{"/bin/sh", "signal: killed"}},
		{"missing program", Command{Path: "/no/such/program"}, []string{"/no/such/program", "no such file"}},
		{"bare name not looked up", Command{Path: "true", Dir: t.TempDir()}, []string{"true", "no such file"}},
		{"no path", Command{}, []string{"no command"}},
		{"end of long stderr", shell("yes noise | head -c 100000 >&2; echo the end >&2; exit 1"), []string{"the end"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.command.Run(testState)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not hold %q", err, want)
				}
			}
			if len(err.Error()) > 2*stderrLimit {
				t.Errorf("error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestCommandTimeout(t *testing.T) {
	timeout := 20 * time.Millisecond
	command := shell("exec sleep 600")
	command.Timeout = &timeout
	err := command.Run(testState)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Run() = %v, want DeadlineExceeded", err)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	var all []byte
	var got tail
	for i := range 300 {
		chunk := []byte(strings.Repeat(string(rune('a'+i%26)), 1+i*7%200))
		all = append(all, chunk...)
		if n, err := got.Write(chunk); n != len(chunk) || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
		if want := all[max(0, len(all)-stderrLimit):]; string(got.buf) != string(want) {
			t.Fatalf("after %d bytes the tail is wrong", len(all))
		}
	}
}
