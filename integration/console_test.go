//world:any

package integration

import (
	"bufio"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// When the leader of a session ends, the kernel hangs up its terminal, and drops what has
// been written and has not come to the reader's side yet (tty_vhangup_session). So a script
// whose last words matter waits, by "read over", until they have been read: allRead says so.
func allRead(t *testing.T, terminal io.Writer) {
	t.Helper()
	if _, err := io.WriteString(terminal, "\n"); err != nil {
		t.Error(err)
	}
}

// startOnConsole starts a script on a new terminal and returns a reader of what
// it writes.
func startOnConsole(t *testing.T, container libcontainer.Container, p *libcontainer.Process, rootuid int) (libcontainer.Console, *bufio.Scanner) {
	t.Helper()
	p.Stdin, p.Stdout, p.Stderr = nil, nil, nil
	console, err := p.NewConsole(rootuid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { console.Close() })
	size := &unix.Winsize{Row: 33, Col: 77}
	if err := unix.IoctlSetWinsize(int(console.Fd()), unix.TIOCSWINSZ, size); err != nil {
		t.Fatal(err)
	}
	if err := container.Start(p); err != nil {
		t.Fatalf("start: %v", err)
	}
	return console, bufio.NewScanner(console)
}

func wantLine(t *testing.T, s *bufio.Scanner, want string) {
	t.Helper()
	if !s.Scan() {
		t.Fatalf("the terminal ended (%v), want %q", s.Err(), want)
	}
	if got := strings.TrimRight(s.Text(), "\r"); got != want {
		t.Fatalf("line %q, want %q", got, want)
	}
}

func TestConsole(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config) int{
		"root":           func(*configs.Config) int { return 0 },
		"user namespace": func(c *configs.Config) int { withUserNS(t, c, 100000); return 100000 },
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			rootuid := edit(config)
			container := newContainer(t, config)
			p, _ := shell(`stty -echo; test -t 0 && test -t 1 && test -t 2 && echo tty; stty size
echo to console >/dev/console; echo to tty >/dev/tty
read x; echo "got $x"; trap "echo INT; read over; exit 5" INT; echo ready; while :; do read x; done`)
			console, lines := startOnConsole(t, container, p, rootuid)
			for _, want := range []string{"tty", "33 77", "to console", "to tty"} {
				wantLine(t, lines, want)
			}
			if _, err := console.Write([]byte("hello\n")); err != nil {
				t.Fatal(err)
			}
			wantLine(t, lines, "got hello")
			wantLine(t, lines, "ready")
			if _, err := console.Write([]byte{3}); err != nil { // Ctrl-C
				t.Fatal(err)
			}
			wantLine(t, lines, "INT")
			allRead(t, console)
			if state, _ := p.Wait(); state.ExitCode() != 5 {
				t.Errorf("state %v, want exit 5", state)
			}
			if lines.Scan() || !errors.Is(lines.Err(), syscall.EIO) {
				t.Errorf("after the end: line %q, error %v; want EIO", lines.Text(), lines.Err())
			}
		})
	}
}

func TestConsoleOfExecAndUser(t *testing.T) {
	container := newContainer(t, newConfig(t))
	startBlocked(t, container)
	p, _ := shell("stty -echo; tty >/dev/null || echo no name; id -un; echo again >/dev/tty; read over")
	p.User = "daemon"
	console, lines := startOnConsole(t, container, p, 0)
	// The host's terminal has no name in the container's devpts.
	wantLine(t, lines, "no name")
	wantLine(t, lines, "daemon")
	wantLine(t, lines, "again")
	allRead(t, console)
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
}

func TestConsoleFromPath(t *testing.T) {
	container := newContainer(t, newConfig(t))
	console, err := libcontainer.NewConsole(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close()
	p := &libcontainer.Process{Args: []string{"sh", "-c", "test -t 0 && echo yes; read over"}, Env: []string{defaultEnv}}
	if err := p.ConsoleFromPath(console.Path()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.NewConsole(0); !errors.Is(err, libcontainer.ConsoleExists) {
		t.Errorf("second console: error %v", err)
	}
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	wantLine(t, bufio.NewScanner(console), "yes")
	allRead(t, console)
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
}

// The path of a terminal leads to somebody else's of the same number where another devpts
// has been mounted meanwhile: that one is not put on /dev/console.
func TestConsoleWhosePathIsAnothers(t *testing.T) {
	if !runAgain(t, "unshare", "--mount", "--propagation", "private") {
		return
	}
	hostMount(t, "devpts", "/dev/pts", "devpts", 0) // where the first terminal is number 0
	config := newConfig(t)
	config.Mounts[0].PremountCmds = []configs.Command{{Path: "sh", Args: []string{"-c",
		"mount -t devpts devpts /dev/pts && exec 3<>/dev/pts/ptmx && test -c /dev/pts/0 || exit 1; sleep 1000000 >/dev/null 2>&1 &"}}}
	container := newContainer(t, config)
	p := &libcontainer.Process{Args: []string{"true"}, Env: []string{defaultEnv}}
	console, err := p.NewConsole(0)
	if err != nil {
		t.Fatal(err)
	}
	defer console.Close()
	if console.Path() != "/dev/pts/0" {
		t.Fatalf("the terminal is %s", console.Path())
	}
	checkError(t, container.Start(p), libcontainer.SystemError, "terminal", "another terminal's")
}

// What has the name of the slave on a host whose /dev/ptmx and /dev/pts do not belong
// together is given to nobody.
func TestConsoleWhoseNameIsAFile(t *testing.T) {
	if !runAgain(t, "unshare", "--mount", "--propagation", "private") {
		return
	}
	dir := mkdir(t, publicTempDir(t), "pts")
	hostMount(t, "devpts", dir, "devpts", 0)
	hostMount(t, dir+"/ptmx", "/dev/ptmx", "", unix.MS_BIND)
	hostMount(t, "tmpfs", "/dev/pts", "tmpfs", 0)
	name := write(t, "a file", "/dev/pts/0")
	console, err := libcontainer.NewConsole(5000, 6000)
	if err == nil {
		console.Close()
	}
	checkError(t, err, libcontainer.SystemError, name, "is not the slave")
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil || st.Uid != 0 || st.Gid != 0 {
		t.Errorf("the file belongs to %d:%d, error %v", st.Uid, st.Gid, err)
	}
}

func TestBadConsoles(t *testing.T) {
	config := newConfig(t)
	for name, path := range map[string]string{"missing": "/dev/pts/nosuch", "no terminal": os.DevNull} {
		t.Run(name, func(t *testing.T) {
			p := &libcontainer.Process{Args: []string{"true"}, Env: []string{defaultEnv}}
			if err := p.ConsoleFromPath(path); err != nil {
				t.Fatal(err)
			}
			container := newContainer(t, config)
			if err := container.Start(p); err == nil || !strings.Contains(err.Error(), path) {
				t.Errorf("start: error %v, want one that names %s", err, path)
			}
		})
	}
	t.Run("with stdout", func(t *testing.T) {
		p, _ := shell("true")
		console, err := p.NewConsole(0)
		if err != nil {
			t.Fatal(err)
		}
		defer console.Close()
		startFails(t, config, p, libcontainer.ConfigInvalid, "Stdout")
	})
}

// The terminal of a container that another program serves.
func TestConsoleSocket(t *testing.T) {
	dir := publicTempDir(t)
	listener, err := net.Listen("unix", dir+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	container := newContainer(t, newConfig(t))
	p := &libcontainer.Process{Args: []string{"/bin/sh", "-c", "stty -echo; read x; echo got $x; read over"}, Env: []string{defaultEnv}}
	if err := p.NewConsoleSocket(0, dir+"/socket"); err != nil {
		t.Fatal(err)
	}
	if _, err := p.NewConsole(0); !errors.Is(err, libcontainer.ConsoleExists) {
		t.Errorf("second console: %v", err)
	}
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	master, path := receiveConsole(t, conn.(*net.UnixConn))
	defer master.Close()
	if !strings.HasPrefix(path, "/dev/pts/") {
		t.Errorf("the slave is at %q", path)
	}
	if _, err := master.WriteString("hello\n"); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(master)
	for lines.Scan() {
		if strings.TrimRight(lines.Text(), "\r") == "got hello" {
			break
		}
	}
	if lines.Text() == "" {
		t.Errorf("the terminal ended: %v", lines.Err())
	}
	allRead(t, master)
	if _, err := p.Wait(); err != nil {
		t.Error(err)
	}
}

func receiveConsole(t *testing.T, conn *net.UnixConn) (master *os.File, path string) {
	t.Helper()
	data, oob := make([]byte, 256), make([]byte, unix.CmsgSpace(4))
	n, oobn, _, _, err := conn.ReadMsgUnix(data, oob)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		t.Fatalf("messages %v, error %v", messages, err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		t.Fatalf("descriptors %v, error %v", fds, err)
	}
	return os.NewFile(uintptr(fds[0]), "master"), string(data[:n])
}

func TestConsoleSocketThatNobodyServes(t *testing.T) {
	path := publicTempDir(t) + "/socket"
	config := newConfig(t)
	p := &libcontainer.Process{Args: []string{"true"}, Env: []string{defaultEnv}}
	if err := p.NewConsoleSocket(0, path); err != nil {
		t.Fatal(err)
	}
	container := newContainer(t, config) // from here on the terminal must not be left
	checkError(t, container.Start(p), libcontainer.SystemError, "console", path)
	wantStatus(t, container, libcontainer.Created)
}
