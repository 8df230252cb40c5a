package integration

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
)

// The tests in this file are about what programs of 2016 rely on, and what its
// documentation does not say in so many words.

// reading is what a goroutine has read to the end of something.
type reading struct {
	data []byte
	err  error
}

// readFirst reads in a goroutine that waits for the first bytes when it returns, or
// has ended.
func readFirst(t *testing.T, r io.ReadWriter) chan reading {
	t.Helper()
	ended := make(chan reading, 1)
	go readAll(r, ended)
	for len(ended) == 0 && t.Context().Err() == nil && !isWaiting("integration.readAll") {
		runtime.Gosched()
	}
	return ended
}

// readAll reads a terminal to its end, and tells a script that says "end" that this has
// been read, see allRead.
func readAll(terminal io.ReadWriter, ended chan<- reading) {
	var data []byte
	buf := make([]byte, 4096)
	for said := false; ; {
		n, err := terminal.Read(buf)
		data = append(data, buf[:n]...)
		if !said && bytes.Contains(data, []byte("end")) {
			said = true
			_, _ = io.WriteString(terminal, "\n")
		}
		if err != nil {
			ended <- reading{data, err}
			return
		}
	}
}

// isWaiting tells whether the goroutine of a function waits in a system call, or for
// the poller.
func isWaiting(function string) bool {
	buf := make([]byte, 1<<20)
	for stack := range bytes.SplitSeq(buf[:runtime.Stack(buf, true)], []byte("\n\n")) {
		state, _, _ := bytes.Cut(stack, []byte("\n"))
		if bytes.Contains(stack, []byte(function)) && (bytes.Contains(state, []byte("IO wait")) || bytes.Contains(state, []byte("syscall"))) {
			return true
		}
	}
	return false
}

// The classic order: the copying begins before the start, and sees all output.
func TestConsoleIsReadBeforeTheStart(t *testing.T) {
	const script = "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; echo end; read over"
	for _, name := range []string{"first process", "further process"} {
		t.Run(name, func(t *testing.T) {
			container := newContainer(t, newConfig(t))
			if name == "further process" {
				startBlocked(t, container)
			}
			p := &libcontainer.Process{Args: []string{"/bin/sh", "-c", script}, Env: []string{defaultEnv}}
			console, err := p.NewConsole(0)
			if err != nil {
				t.Fatal(err)
			}
			ended := readFirst(t, console)
			if len(ended) != 0 {
				r := <-ended
				ended <- r
				t.Errorf("the terminal ended before the start: %q, %v", r.data, r.err)
			}
			if err := container.Start(p); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(); err != nil {
				t.Error(err)
			}
			r := <-ended
			if !errors.Is(r.err, unix.EIO) {
				t.Errorf("the end of the terminal is %v, want EIO", r.err)
			}
			lines := strings.Fields(string(r.data))
			if len(lines) != 401 || lines[0] != "line" || lines[400] != "end" {
				t.Errorf("%d words were read, want 401: %.80q", len(lines), r.data)
			}
			if err := console.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The words that programs look for, and what os/exec has for them since.
func TestProgramNotFound(t *testing.T) {
	missing := func() *libcontainer.Process { p, _ := command("nosuchprogram", "argument"); return p }
	wantNotFound := func(t *testing.T, err error) {
		t.Helper()
		if err == nil {
			t.Fatal("a program that does not exist was started")
		}
		checkError(t, err, libcontainer.ConfigInvalid, "executable file not found", "nosuchprogram")
		if !errors.Is(err, exec.ErrNotFound) {
			t.Errorf("error %q is not exec.ErrNotFound", err)
		}
	}
	t.Run("start", func(t *testing.T) {
		container := newContainer(t, newConfig(t))
		wantNotFound(t, container.Start(missing()))
		wantStatus(t, container, libcontainer.Created)
	})
	t.Run("further process", func(t *testing.T) {
		container := newContainer(t, newConfig(t))
		startBlocked(t, container)
		wantNotFound(t, container.Start(missing()))
		wantStatus(t, container, libcontainer.Running)
	})
	t.Run("prepare", func(t *testing.T) {
		c, _ := newContainerIn(t, newConfig(t))
		wantNotFound(t, c.Prepare(t.Context(), missing()))
		wantStatus(t, c, libcontainer.Created)
	})
}

// Prepare tells what is wrong with the program, as far as anybody can know then.
func TestPrepareLooksTheProgramUp(t *testing.T) {
	config := newConfig(t)
	write(t, "no program", config.Rootfs, "bin/plain")
	for name, path := range map[string]string{
		"missing": "/no/such/program", "not executable": "/bin/plain", "directory": "/bin", "below a file": "/bin/plain/x",
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := newContainerIn(t, config)
			p, _ := command(path)
			err := c.Prepare(t.Context(), p)
			if err == nil {
				t.Fatal("it was prepared")
			}
			checkError(t, err, libcontainer.ConfigInvalid, path)
			wantStatus(t, c, libcontainer.Created)
		})
	}
}

// What cannot be known before execve(2) is an error of Release, each time.
func TestReleaseTellsThatExecveFails(t *testing.T) {
	config := newConfig(t)
	script := write(t, "#!/no/such/interpreter\n", config.Rootfs, "bin/script")
	if err := os.Chmod(script, 0o755); err != nil {
		t.Fatal(err)
	}
	c, _ := newContainerIn(t, config)
	for i := range lives(t, 40) {
		p, _ := command("/bin/script")
		if err := c.Prepare(t.Context(), p); err != nil {
			t.Fatalf("prepare %d: %v", i, err)
		}
		err := c.Release(t.Context())
		if err == nil {
			t.Fatalf("release %d succeeded", i)
		}
		checkError(t, err, libcontainer.ConfigInvalid, "/bin/script")
		if !errors.Is(err, unix.ENOENT) {
			t.Errorf("release %d: %v, want ENOENT", i, err)
		}
		if state, _ := p.Wait(); state != nil && state.Success() {
			t.Errorf("the process that failed has ended well: %v", state)
		}
		wantStatus(t, c, libcontainer.Created)
	}
}

// A program goes away between the two phases.
func TestReleaseOfAProgramThatHasGone(t *testing.T) {
	config := newConfig(t)
	gone := filepath.Join(config.Rootfs, "bin/gone")
	c, _ := newContainerIn(t, config)
	for range lives(t, 20) {
		write(t, "#!/bin/sh\n", gone)
		if err := os.Chmod(gone, 0o755); err != nil {
			t.Fatal(err)
		}
		p, _ := command("gone")
		if err := c.Prepare(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		remove(t, gone)
		err := c.Release(t.Context())
		if err == nil {
			t.Fatal("release succeeded")
		}
		checkError(t, err, libcontainer.ConfigInvalid, "gone")
		_, _ = p.Wait()
	}
}

// What an init program of the embedder's writes before it gives up has reached the
// process's writers when Start returns.
func TestOutputOfAFailedStart(t *testing.T) {
	checkLeaks(t)
	collectCopies(t)
	for name, tt := range map[string]struct{ script, stdout, stderr string }{
		"standard output": {"echo no container today", "no container today\n", ""},
		"standard error":  {"echo no container today >&2; exit 3", "", "no container today\n"},
		"much":            {"i=0; while [ $i -lt 9000 ]; do echo 0123456789; i=$((i+1)); done", strings.Repeat("0123456789\n", 9000), ""},
	} {
		t.Run(name, func(t *testing.T) {
			// A shell is no init program. It prints something and ends, as a program
			// may whose own hook has found something wrong.
			init := write(t, tt.script+"\n", publicTempDir(t), "init")
			shellPath, err := exec.LookPath("sh")
			if err != nil {
				t.Fatal(err)
			}
			factory := newFactory(t, libcontainer.InitPath(shellPath, "sh", init))
			container, err := factory.Create("a", newConfig(t))
			if err != nil {
				t.Fatal(err)
			}
			defer container.Destroy()
			p, out := command("true")
			if err := container.Start(p); err == nil {
				t.Fatal("a shell became a container")
			}
			if out.stdout.String() != tt.stdout || out.stderr.String() != tt.stderr {
				t.Errorf("%d bytes of standard output and %d of standard error, want %d and %d: %.60q %.60q",
					out.stdout.Len(), out.stderr.Len(), len(tt.stdout), len(tt.stderr), out.stdout.String(), out.stderr.String())
			}
		})
	}
}

// An init program that is not there yet is looked for again.
func TestInitPathThatAppearsLater(t *testing.T) {
	checkLeaks(t)
	collectCopies(t)
	later := filepath.Join(publicTempDir(t), "init")
	factory := newFactory(t, libcontainer.InitPath(later, "init"))
	container, err := factory.Create("a", newConfig(t))
	if err != nil {
		t.Fatal(err)
	}
	defer container.Destroy()
	p, _ := command("true")
	if err := container.Start(p); err == nil || !strings.Contains(err.Error(), later) {
		t.Fatalf("without an init program: %v", err)
	}
	if err := os.Link(buildProgram(t, "imports"), later); err != nil {
		t.Fatal(err)
	}
	wantOutput(t, execShell(t, container, "echo works"), "works")
}

// collectCopies makes the check for leaks wait for the copies of other programs,
// which live as long as their factories.
func collectCopies(t *testing.T) {
	t.Helper()
	before := openFds(t)
	t.Cleanup(func() {
		for i := 0; i < 1000 && len(added(before, openFds(t))) > 0; i++ {
			runtime.GC()
		}
	})
}

// noDescriptors leaves this process without a free descriptor while f runs.
func noDescriptors(t *testing.T, f func()) {
	t.Helper()
	var limit unix.Rlimit
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, nil, &limit); err != nil {
		t.Fatal(err)
	}
	if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: limit.Max}, nil); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Prlimit(0, unix.RLIMIT_NOFILE, &limit, nil); err != nil {
			t.Fatal(err)
		}
	}()
	f()
}

// A moment without descriptors is over when they are free again.
func TestAMomentWithoutDescriptors(t *testing.T) {
	checkLeaks(t)
	collectCopies(t)
	for name, options := range map[string][]func(*libcontainer.LinuxFactory) error{
		"own program":     nil,
		"another program": {libcontainer.InitPath(buildProgram(t, "imports"), "init")},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			factory := newFactory(t, options...)
			container, err := factory.Create("a", config)
			if err != nil {
				t.Fatal(err)
			}
			defer container.Destroy()
			p, _ := command("true")
			noDescriptors(t, func() { err = container.Start(p) })
			if err == nil {
				t.Fatal("it started without a descriptor")
			}
			if !errors.Is(err, unix.EMFILE) {
				t.Errorf("error %q is not EMFILE", err)
			}
			wantOutput(t, execShell(t, container, "echo works"), "works")
		})
	}
}
