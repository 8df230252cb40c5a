//world:one

package integration

import (
	"bufio"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// Each kind of terminal is there again, with its size and settings, and is the controlling one. The
// new master is served by whoever the restored process says.
func TestTerminalIsRestored(t *testing.T) {
	for name, attach := range map[string]func(t *testing.T, p *libcontainer.Process) (master func() *os.File){
		"NewTerminal":      newTerminal,
		"NewConsoleSocket": newConsoleSocket,
		"NewConsole":       newConsole,
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			factory := newCriuFactory(t)
			config := newConfig(t)
			withNewParent(config)
			first := createIn(t, factory, "first", config)
			p := &libcontainer.Process{Env: []string{defaultEnv}, Args: []string{"sh", "-c",
				`stty -echo; trap "stty size" WINCH; while read line; do echo "$line $(stty size)"; echo tty >/dev/tty; echo console >/dev/console; echo ready; done`}}
			p.ConsoleSize = &configs.ConsoleSize{Height: 33, Width: 101}
			master := attach(t, p)
			if err := first.Start(p); err != nil {
				t.Fatal(err)
			}
			talk := func(master *os.File) {
				t.Helper()
				if _, err := master.WriteString("hello\n"); err != nil {
					t.Fatal(err)
				}
				in := bufio.NewScanner(master)
				// When it is ready its descriptors are as before the redirections.
				for _, want := range []string{"hello 33 101", "tty", "console", "ready"} {
					for in.Scan() && strings.TrimSpace(in.Text()) == "hello" {
						continue // the echo of what was written before stty
					}
					if got := strings.TrimSpace(in.Text()); got != want {
						t.Fatalf("the terminal says %q, want %q, error %v", got, want, in.Err())
					}
				}
			}
			old := master()
			talk(old)
			opts := newImages(t)
			pid, _ := p.Pid()
			before := factsOf(t, first, pid)
			checkpoint(t, first, opts)
			old.Close()
			second := createIn(t, factory, "second", elsewhere(config))
			if err := second.Restore(new(libcontainer.Process), opts); err == nil {
				t.Error("restored with nobody to serve the terminal")
			}
			q := new(libcontainer.Process)
			master = attach(t, q)
			if err := second.Restore(q, opts); err != nil {
				t.Fatalf("%v\n%s", err, logOf(opts, "restore.log"))
			}
			fresh := master()
			defer fresh.Close()
			if name == "NewConsole" { // it is another terminal, and has the size that its owner gives it
				if err := unix.IoctlSetWinsize(int(fresh.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 101}); err != nil {
					t.Fatal(err)
				}
			}
			known := knownDifferences
			if name == "NewConsole" {
				known = append([]difference{{"descriptor [012]|inside: devices|mount /dev/console 0 root", "it is another terminal of the host's"}}, known...)
			}
			pid, _ = q.Pid()
			compareFacts(t, before, factsOf(t, second, pid), known)
			talk(fresh)
			if err := second.Destroy(); err != nil {
				t.Error(err)
			}
		})
	}
}

func newTerminal(t *testing.T, p *libcontainer.Process) func() *os.File {
	t.Helper()
	var master *os.File
	if err := p.NewTerminal(func(c libcontainer.Console) error {
		master = masterOf(t, c)
		return c.Close()
	}); err != nil {
		t.Fatal(err)
	}
	return func() *os.File { return master }
}

// masterOf is a copy of a console's descriptor.
func masterOf(t *testing.T, c libcontainer.Console) *os.File {
	t.Helper()
	fd, err := unix.FcntlInt(c.(interface{ Fd() uintptr }).Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "master")
	t.Cleanup(func() { f.Close() })
	return f
}

func newConsoleSocket(t *testing.T, p *libcontainer.Process) func() *os.File {
	t.Helper()
	server := serveTerminal(t)
	if err := p.NewConsoleSocket(0, server.path); err != nil {
		t.Fatal(err)
	}
	return func() *os.File { return server.master(t) }
}

func newConsole(t *testing.T, p *libcontainer.Process) func() *os.File {
	t.Helper()
	c, err := p.NewConsole(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	master := masterOf(t, c)
	return func() *os.File { return master }
}

// What init has as standard descriptors may be anything of the host's: a file, which must have the
// same size, a pipe, a socket.
func TestStdioIsRestored(t *testing.T) {
	t.Run("file", func(t *testing.T) {
		checkLeaks(t)
		factory := newCriuFactory(t)
		config := newConfig(t)
		name := write(t, "", publicTempDir(t), "out")
		f, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		first := createIn(t, factory, "first", config)
		p := &libcontainer.Process{Env: []string{defaultEnv}, Args: []string{"sh", "-c", counter}, Stdout: f, Stderr: f}
		if err := first.Start(p); err != nil {
			t.Fatal(err)
		}
		waitForLines(t, name, 3)
		opts := newImages(t)
		checkpoint(t, first, opts)
		had := waitForLines(t, name, 3)
		second := createIn(t, factory, "second", elsewhere(config))
		g, err := os.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer g.Close()
		if err := second.Restore(&libcontainer.Process{Stdout: g, Stderr: g}, opts); err != nil {
			t.Fatalf("%v\n%s", err, logOf(opts, "restore.log"))
		}
		list := waitForLines(t, name, had+3)
		for i, line := range lines(t, name)[:list] {
			if line != itoa(i+1) {
				t.Fatalf("line %d is %q", i+1, line)
			}
		}
	})
	t.Run("nothing", func(t *testing.T) {
		checkLeaks(t)
		factory := newCriuFactory(t)
		config := newConfig(t)
		name := write(t, "", config.Rootfs, "out")
		first := createIn(t, factory, "first", config)
		if err := first.Start(&libcontainer.Process{Env: []string{defaultEnv}, Args: []string{"sh", "-c", "(" + counter + ") >>/out"}}); err != nil {
			t.Fatal(err)
		}
		waitForLines(t, name, 3)
		opts := newImages(t)
		checkpoint(t, first, opts)
		had := waitForLines(t, name, 3)
		second := createIn(t, factory, "second", elsewhere(config))
		if err := second.Restore(new(libcontainer.Process), opts); err != nil {
			t.Fatalf("%v\n%s", err, logOf(opts, "restore.log"))
		}
		waitForLines(t, name, had+3)
	})
	// A socket of the host's is connected with somebody there, who has ended for all that criu knows.
	t.Run("socket", func(t *testing.T) {
		checkLeaks(t)
		container := createIn(t, newCriuFactory(t), "test", newConfig(t))
		pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
		defer theirs.Close()
		conn, err := net.FileConn(ours)
		ours.Close()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := container.Start(&libcontainer.Process{Env: []string{defaultEnv}, Args: []string{"cat"}, Stdin: theirs, Stdout: theirs}); err != nil {
			t.Fatal(err)
		}
		echo := bufio.NewReader(conn)
		say := func() {
			t.Helper()
			if _, err := conn.Write([]byte("hello\n")); err != nil {
				t.Fatal(err)
			}
			if got, err := echo.ReadString('\n'); got != "hello\n" {
				t.Fatalf("the echo is %q, error %v", got, err)
			}
		}
		say()
		checkError(t, container.Checkpoint(newImages(t)), libcontainer.SystemError, "Unix socket")
		say()
	})
}

// waitForLines reads a file until it has so many lines, and returns how many it has.
func waitForLines(t *testing.T, name string, n int) int {
	t.Helper()
	w, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(w)
	if _, err := unix.InotifyAddWatch(w, name, unix.IN_MODIFY); err != nil {
		t.Fatal(err)
	}
	for {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(data), "\n"); got >= n {
			return got
		}
		var fds = []unix.PollFd{{Fd: int32(w), Events: unix.POLLIN}}
		k, err := unix.Poll(fds, 20000)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || k == 0 {
			t.Fatalf("%s has %q, want %d lines (poll: %v)", filepath.Base(name), data, n, err)
		}
		if _, err := unix.Read(w, make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
	}
}
