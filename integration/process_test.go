package integration

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer"
)

func TestProgramLookup(t *testing.T) {
	config := newConfig(t)
	if err := os.WriteFile(filepath.Join(config.Rootfs, "tmp/mine"), []byte("#!/bin/sh\necho mine\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	p, out := command("mine")
	p.Env = []string{"PATH=/nosuch:/tmp"}
	if got := runProcess(t, config, p, out); got != "mine" {
		t.Errorf("found by PATH: %q", got)
	}
	p, out = command("id", "-u")
	p.Env = nil // the default path
	if got := runProcess(t, config, p, out); got != "0" {
		t.Errorf("without PATH: %q", got)
	}
}

func TestBadPrograms(t *testing.T) {
	config := newConfig(t)
	for name, mode := range map[string]os.FileMode{"plain": 0o644, "script": 0o755} {
		if err := os.WriteFile(filepath.Join(config.Rootfs, "tmp", name), []byte("#!/nosuch\n"), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		process libcontainer.Process
		errno   syscall.Errno
		text    string
	}{
		"not in PATH":         {libcontainer.Process{Args: []string{"nosuch"}}, syscall.ENOENT, `"nosuch"`},
		"no such file":        {libcontainer.Process{Args: []string{"/bin/nosuch"}}, syscall.ENOENT, "/bin/nosuch"},
		"not executable":      {libcontainer.Process{Args: []string{"/tmp/plain"}}, syscall.EACCES, "/tmp/plain"},
		"a directory":         {libcontainer.Process{Args: []string{"/tmp"}}, syscall.EACCES, "/tmp"},
		"no interpreter":      {libcontainer.Process{Args: []string{"/tmp/script"}}, syscall.ENOENT, "/tmp/script"},
		"found, not runnable": {libcontainer.Process{Args: []string{"plain"}, Env: []string{"PATH=/tmp"}}, syscall.EACCES, `"plain"`},
		"no such directory":   {libcontainer.Process{Args: []string{"true"}, Cwd: "/nosuch"}, syscall.ENOENT, "/nosuch"},
		"cwd is a file":       {libcontainer.Process{Args: []string{"true"}, Cwd: "/etc/passwd"}, syscall.ENOTDIR, "/etc/passwd"},
	} {
		t.Run(name, func(t *testing.T) {
			container := newContainer(t, config)
			err := container.Start(&tt.process)
			if err == nil {
				t.Fatal("start succeeded")
			}
			checkError(t, err, libcontainer.ConfigInvalid, tt.text)
			if !errors.Is(err, tt.errno) {
				t.Errorf("error %q is not %v", err, tt.errno)
			}
		})
	}
	for name, p := range map[string]*libcontainer.Process{
		"nil":         nil,
		"no args":     {},
		"empty name":  {Args: []string{""}},
		"cwd":         {Args: []string{"true"}, Cwd: "tmp"},
		"NUL":         {Args: []string{"true", "a\x00b"}},
		"environment": {Args: []string{"true"}, Env: []string{"NOVALUE"}},
		"nil file":    {Args: []string{"true"}, ExtraFiles: []*os.File{nil}},
	} {
		t.Run("process "+name, func(t *testing.T) {
			container := newContainer(t, config)
			if err := container.Start(p); !errors.Is(err, libcontainer.ConfigInvalid) {
				t.Errorf("error %v, want ConfigInvalid", err)
			}
		})
	}
}

func TestEnvironment(t *testing.T) {
	config := newConfig(t)
	p, out := command("/usr/bin/env")
	p.Env = []string{"A=1", "B=", "A=2", "C=x=y"}
	if got, want := runProcess(t, config, p, out), "B=\nA=2\nC=x=y\nHOME=/root"; got != want {
		t.Errorf("environment %q, want %q", got, want)
	}
	p, out = command("/usr/bin/env")
	p.Env, p.User = []string{"HOME=/mine"}, "daemon"
	if got := runProcess(t, config, p, out); got != "HOME=/mine" {
		t.Errorf("given HOME: %q", got)
	}
	p, out = command("/usr/bin/env")
	p.Env, p.User = nil, "daemon"
	if got := runProcess(t, config, p, out); got != "HOME=/usr/sbin" {
		t.Errorf("HOME of daemon: %q", got)
	}
}

func TestBigEnvironmentAndArguments(t *testing.T) {
	config := newConfig(t)
	p, out := shell("echo ${#V7} $#")
	for i := range 16 { // 2 MiB of the kernel's limit of a quarter of the stack
		p.Env = append(p.Env, "V"+itoa(i)+"="+strings.Repeat("x", 100000))
	}
	p.Args = append(p.Args, "sh", strings.Repeat("y", 100000))
	if got := runProcess(t, config, p, out); got != "100000 1" {
		t.Errorf("inside %q", got)
	}
	p, _ = shell("true")
	p.Args = append(p.Args, "sh", strings.Repeat("y", 200000))
	container := newContainer(t, config)
	if err := container.Start(p); !errors.Is(err, syscall.E2BIG) {
		t.Errorf("an argument over the kernel's limit: error %v, want E2BIG", err)
	}
}

func TestCwd(t *testing.T) {
	p, out := command("pwd")
	p.Cwd = "/usr/bin"
	if got := runProcess(t, newConfig(t), p, out); got != "/usr/bin" {
		t.Errorf("inside %q", got)
	}
}

func TestStdio(t *testing.T) {
	config := newConfig(t)
	big := bytes.Repeat([]byte("0123456789"), 1<<20)
	t.Run("through pipes", func(t *testing.T) {
		p, out := command("cat")
		p.Stdin = bytes.NewReader(big)
		if got := runProcess(t, config, p, out); got != string(big) {
			t.Errorf("%d bytes came back of %d", len(got), len(big))
		}
	})
	t.Run("input not read", func(t *testing.T) {
		p, out := command("true")
		p.Stdin = bytes.NewReader(big)
		runProcess(t, config, p, out)
	})
	t.Run("nothing", func(t *testing.T) {
		p := &libcontainer.Process{Args: []string{"sh", "-c", "read x && exit 1; echo lost; echo lost >&2"}, Env: []string{defaultEnv}}
		runProcess(t, config, p, new(output))
	})
	t.Run("one writer", func(t *testing.T) {
		p, out := shell("for i in 1 2 3; do echo out$i; echo err$i >&2; done")
		p.Stderr = p.Stdout
		if got := runProcess(t, config, p, out); got != "out1\nerr1\nout2\nerr2\nout3\nerr3" {
			t.Errorf("both in one: %q", got)
		}
	})
	t.Run("files", func(t *testing.T) {
		f, err := os.CreateTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p, _ := shell("echo to the file")
		p.Stdout = f
		runProcess(t, config, p, new(output))
		if data, _ := os.ReadFile(f.Name()); string(data) != "to the file\n" {
			t.Errorf("the file holds %q", data)
		}
	})
	t.Run("opened again", func(t *testing.T) {
		p, out := shell("echo a >/dev/stdout; echo b >/proc/self/fd/1; cat </dev/stdin")
		p.User, p.Stdin = "daemon", strings.NewReader("c\n")
		if got := runProcess(t, config, p, out); got != "a\nb\nc" {
			t.Errorf("as another user: %q", got)
		}
	})
	t.Run("failing writer", func(t *testing.T) {
		p, _ := shell("echo x")
		p.Stdout = writerFunc(func([]byte) (int, error) { return 0, errors.New("disk full") })
		container := newContainer(t, config)
		if err := container.Start(p); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Wait(); err == nil || !strings.Contains(err.Error(), "disk full") {
			t.Errorf("wait: error %v", err)
		}
	})
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestInitializeIO(t *testing.T) {
	config := newConfig(t)
	withUserNS(t, config, 100000)
	container := newContainer(t, config)
	p, _ := shell("read x; echo out $x >/dev/stdout; echo err $x >/dev/stderr")
	pipes, err := p.InitializeIO(100000)
	if err != nil {
		t.Fatal(err)
	}
	defer pipes.Stdout.Close()
	defer pipes.Stderr.Close()
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(pipes.Stdin, "hello\n"); err != nil {
		t.Fatal(err)
	}
	pipes.Stdin.Close()
	out, err1 := io.ReadAll(pipes.Stdout)
	errOut, err2 := io.ReadAll(pipes.Stderr)
	if string(out) != "out hello\n" || string(errOut) != "err hello\n" || err1 != nil || err2 != nil {
		t.Errorf("stdout %q %v, stderr %q %v", out, err1, errOut, err2)
	}
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
}

func TestExtraFiles(t *testing.T) {
	config := newConfig(t)
	p, out := shell("cat <&3; cat <&4; ls /proc/self/fd | tr '\\n' ' '")
	for _, text := range []string{"three\n", "four\n"} {
		name := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p.ExtraFiles = append(p.ExtraFiles, f)
	}
	// 5 is the listing's own.
	if got := runProcess(t, config, p, out); got != "three\nfour\n0 1 2 3 4 5 " {
		t.Errorf("inside %q", got)
	}
}

func TestProcessNotStarted(t *testing.T) {
	p := libcontainer.Process{Args: []string{"true"}}
	if _, err := p.Wait(); !errors.Is(err, libcontainer.ProcessNotExecuted) {
		t.Errorf("wait: %v", err)
	}
	if pid, err := p.Pid(); pid != math.MinInt32 || !errors.Is(err, libcontainer.ProcessNotExecuted) {
		t.Errorf("pid: %d %v", pid, err)
	}
	if err := p.Signal(syscall.SIGTERM); !errors.Is(err, libcontainer.ProcessNotExecuted) {
		t.Errorf("signal: %v", err)
	}
}

func TestProcessStartedOnce(t *testing.T) {
	container := newContainer(t, newConfig(t))
	p, _ := shell("exit 3")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if state, err := p.Wait(); err == nil || state.ExitCode() != 3 {
				t.Errorf("wait: state %v, error %v", state, err)
			}
		})
	}
	wg.Wait()
	if err := container.Start(p); !errors.Is(err, libcontainer.ConfigInvalid) {
		t.Errorf("start again: %v", err)
	}
}
