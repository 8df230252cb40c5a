//world:any

package integration

import (
	"bufio"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// A terminal of the container's own that this program serves.
func TestNewTerminal(t *testing.T) {
	config := newConfig(t)
	container := newContainer(t, config)
	for _, kind := range []string{"first", "further"} {
		for _, user := range []string{"", "daemon"} {
			t.Run(kind+", "+user, func(t *testing.T) {
				container := container
				if kind == "further" {
					container = newContainer(t, config)
					startBlocked(t, container)
				}
				p, _ := command("/bin/sh", "-c", `stty -echo; tty; stty size; read line; echo "got $line"; echo end >/dev/tty`)
				p.Stdout, p.Stderr, p.User = nil, nil, user
				p.ConsoleSize = &configs.ConsoleSize{Height: 33, Width: 101}
				var console libcontainer.Console
				if err := p.NewTerminal(func(c libcontainer.Console) error {
					console = c
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				if err := container.Start(p); err != nil {
					t.Fatal(err)
				}
				defer console.Close()
				if console.Path() != "/dev/pts/0" {
					t.Errorf("the path of its slave is %s", console.Path())
				}
				lines := bufio.NewScanner(console)
				for _, want := range []string{"/dev/pts/0", "33 101"} {
					if !lines.Scan() || strings.TrimRight(lines.Text(), "\r") != want {
						t.Errorf("the terminal said %q, want %q", lines.Text(), want)
					}
				}
				if _, err := console.Write([]byte("hello\n")); err != nil {
					t.Error(err)
				}
				var rest []string
				for lines.Scan() {
					rest = append(rest, strings.TrimRight(lines.Text(), "\r"))
				}
				if got := strings.Join(rest, " "); got != "got hello end" {
					t.Errorf("the terminal said %q", got)
				}
				if _, err := p.Wait(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestNewTerminalFails(t *testing.T) {
	container := newContainer(t, newConfig(t))
	p := &libcontainer.Process{Args: []string{"true"}, Env: []string{defaultEnv}}
	checkError(t, p.NewTerminal(nil), libcontainer.ConfigInvalid, "new terminal")
	refused := errors.New("I do not want it")
	if err := p.NewTerminal(func(c libcontainer.Console) error {
		return errors.Join(refused, c.Close())
	}); err != nil {
		t.Fatal(err)
	}
	checkError(t, p.NewTerminal(func(libcontainer.Console) error { return nil }), libcontainer.ConsoleExists)
	checkError(t, p.NewConsoleSocket(0, "/nowhere"), libcontainer.ConsoleExists)
	err := container.Start(p)
	checkError(t, err, libcontainer.SystemError, "hand over console", "I do not want it")
	if !errors.Is(err, refused) {
		t.Errorf("error %v is not what was returned", err)
	}
	wantStatus(t, container, libcontainer.Created)

	p = &libcontainer.Process{Args: []string{"true"}, ConsoleSize: &configs.ConsoleSize{Height: 1, Width: 1}}
	checkError(t, container.Start(p), libcontainer.ConfigInvalid, "ConsoleSize", "no console")
}

// The size is there before the program can look, whoever serves the terminal.
func TestConsoleSize(t *testing.T) {
	size := &configs.ConsoleSize{Height: 24, Width: 1000}
	t.Run("of the host's devpts", func(t *testing.T) {
		container := newContainer(t, newConfig(t))
		p := &libcontainer.Process{Args: []string{"stty", "size"}, Env: []string{defaultEnv}, ConsoleSize: size}
		console, err := p.NewConsole(os.Getuid())
		if err != nil {
			t.Fatal(err)
		}
		defer console.Close()
		if err := container.Start(p); err != nil {
			t.Fatal(err)
		}
		line, _ := bufio.NewReader(console).ReadString('\n')
		wantOutput(t, line, "24 1000\r\n")
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
	})
	t.Run("of a socket", func(t *testing.T) {
		server := serveTerminal(t)
		container := newContainer(t, newConfig(t))
		p := &libcontainer.Process{Args: []string{"stty", "size"}, Env: []string{defaultEnv}, ConsoleSize: size}
		if err := p.NewConsoleSocket(0, server.path); err != nil {
			t.Fatal(err)
		}
		if err := container.Start(p); err != nil {
			t.Fatal(err)
		}
		master := server.master(t)
		defer master.Close()
		if got, err := unix.IoctlGetWinsize(int(master.Fd()), unix.TIOCGWINSZ); err != nil || got.Row != 24 || got.Col != 1000 {
			t.Errorf("the size is %+v, error %v", got, err)
		}
		line, _ := bufio.NewReader(master).ReadString('\n')
		wantOutput(t, line, "24 1000\r\n")
		if _, err := p.Wait(); err != nil {
			t.Error(err)
		}
	})
}
