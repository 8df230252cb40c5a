//world:one

package integration

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// newWindow makes a terminal of the host's: one side is the person's, the other one the window.
func newWindow(t *testing.T) (person libcontainer.Console, window *os.File) {
	t.Helper()
	person, err := libcontainer.NewConsole(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close() })
	window, err = os.OpenFile(person.Path(), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { window.Close() })
	return person, window
}

func modes(t *testing.T, f *os.File) unix.Termios {
	t.Helper()
	mode, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *mode
}

// The window shows what the program writes, to the last byte, whatever the program leaves behind, and
// is itself again after that.
func TestRunOnTerminal(t *testing.T) {
	for _, kind := range []string{"first process", "further process"} {
		t.Run(kind, func(t *testing.T) {
			checkLeaks(t)
			c := newInstance(t, newConfig(t))
			if kind == "further process" {
				startBlocked(t, c)
			}
			person, window := newWindow(t)
			if err := person.(*libcontainer.Terminal).Resize(configs.ConsoleSize{Height: 31, Width: 61}); err != nil {
				t.Fatal(err)
			}
			before := modes(t, window)
			p := &libcontainer.Process{Env: []string{defaultEnv}, Args: []string{"/bin/sh", "-c",
				`stty -echo; tty; stty size; read x; echo "got $x"; i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done; echo last; exit 7`}}
			said := make(chan string, 1000)
			go func() {
				defer close(said)
				for lines := bufio.NewScanner(person); lines.Scan(); {
					said <- lines.Text()
					if lines.Text() == "31 61" {
						_, _ = io.WriteString(person, "hello\r")
					}
				}
			}()
			result, err := c.RunOnTerminal(t.Context(), p, window)
			if err != nil {
				t.Fatal(err)
			}
			if result.ExitCode != 7 {
				t.Errorf("result %+v", result)
			}
			if after := modes(t, window); after != before {
				t.Errorf("the window is %+v, and was %+v", after, before)
			}
			window.Close()
			var all []string
			for line := range said {
				all = append(all, line)
			}
			if n := len(all); n != 504 || all[0] != "/dev/pts/0" || all[2] != "got hello" || all[n-1] != "last" {
				t.Errorf("%d lines: %q", len(all), all)
			}
		})
	}
}

func TestRunOnTerminalIsKilled(t *testing.T) {
	checkLeaks(t)
	c := newInstance(t, newConfig(t))
	person, window := newWindow(t)
	before := modes(t, window)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		_, _ = person.Read(make([]byte, 1))
		// What nobody reads is on its way when the program is killed.
		_, _ = person.Write(make([]byte, 64<<10))
	}()
	go func() {
		_, _ = person.Read(make([]byte, 1))
		cancel()
	}()
	p := &libcontainer.Process{Args: []string{"/bin/sh", "-c", "stty raw -echo; echo ready; while :; do sleep 100000; done"}, Env: []string{defaultEnv}}
	result, err := c.RunOnTerminal(ctx, p, window)
	if err != nil || !errors.Is(result.Killed, context.Canceled) {
		t.Fatalf("result %+v, error %v", result, err)
	}
	if after := modes(t, window); after != before {
		t.Errorf("the window is %+v, and was %+v", after, before)
	}
	person.Close()
}

func TestRunOnTerminalFails(t *testing.T) {
	checkLeaks(t)
	c := newInstance(t, newConfig(t))
	person, window := newWindow(t)
	before := modes(t, window)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	_, err = c.RunOnTerminal(t.Context(), &libcontainer.Process{Args: []string{"true"}}, null)
	checkError(t, err, libcontainer.ConfigInvalid, "/dev/null is not a terminal")
	_, err = c.RunOnTerminal(t.Context(), nil, window)
	checkError(t, err, libcontainer.ConfigInvalid, "process")
	p := &libcontainer.Process{Args: []string{"/bin/nosuch"}}
	_, err = c.RunOnTerminal(t.Context(), p, window)
	checkError(t, err, libcontainer.ConfigInvalid, "/bin/nosuch")
	_, err = c.RunOnTerminal(t.Context(), p, window)
	checkError(t, err, libcontainer.ConsoleExists, "console")
	if after := modes(t, window); after != before {
		t.Errorf("the window is %+v, and was %+v", after, before)
	}
	if err := person.(*libcontainer.Terminal).File().Close(); err != nil {
		t.Error(err)
	}
}
