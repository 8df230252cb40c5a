//world:any

package integration

import (
	"bufio"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// listenAt makes a unix socket, on which one connection is waited for.
func listenAt(t *testing.T, path string) (accept func() *net.UnixConn) {
	t.Helper()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	return func() *net.UnixConn {
		t.Helper()
		if err := listener.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		conn, err := listener.AcceptUnix()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return conn
	}
}

// The terminal of a process that goes on by itself is served by whom --console-socket names.
func TestNsinitConsoleSocket(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, "stty size; tty; cat", func(s *specs.Spec) {
		s.Process.Terminal = true
		s.Process.ConsoleSize = &specs.Box{Height: 30, Width: 90}
	})
	socket := filepath.Join(bundle, "console")
	n.fails(t, 1, []string{"--console-socket"}, "create", "--bundle", bundle, "x")
	n.fails(t, 1, []string{"--console-socket"}, "run", "--detach", "--bundle", bundle, "x")
	n.fails(t, 1, []string{"--console-socket", "--detach"}, "run", "--console-socket", socket, "--bundle", bundle, "x")
	n.fails(t, 1, []string{socket}, "create", "--console-socket", socket, "--bundle", bundle, "x")
	accept := listenAt(t, socket)
	said := func(want ...string) {
		t.Helper()
		conn := accept()
		master := receiveMaster(t, conn)
		defer master.Close()
		lines := bufio.NewScanner(master)
		for _, text := range want {
			if !lines.Scan() || strings.TrimRight(lines.Text(), "\r") != text {
				t.Errorf("the terminal says %q, want %q", lines.Text(), text)
			}
		}
	}
	for _, args := range [][]string{{"create"}, {"run", "--detach"}} {
		n.must(t, append(args, "--console-socket", socket, "--bundle", bundle, "x")...)
		if args[0] == "create" {
			n.must(t, "start", "x")
		}
		said("30 90", "/dev/pts/0")
		n.must(t, "delete", "--force", "x")
	}
	sleeps := bundleOf(t, "exec sleep 100000", nil)
	n.deleteLater(t, "x")
	n.must(t, "run", "--detach", "--bundle", sleeps, "x")
	n.fails(t, 255, []string{"--console-socket"}, "exec", "--tty", "--detach", "x", "tty")
	n.fails(t, 255, []string{"--console-socket"}, "exec", "--detach", "--console-socket", socket, "x", "tty")
	n.must(t, "exec", "--tty", "--detach", "--console-socket", socket, "x", "tty")
	said("/dev/pts/0")
}

// Without --detach the command serves the terminal itself, on its own.
func TestNsinitOnATerminal(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, `
stty -echo; stty size; read x; echo "got $x"
trap "stty size" WINCH; trap "echo INT; read over; exit 5" INT
echo ready; sleep 100000 & while :; do wait; done`, func(s *specs.Spec) { s.Process.Terminal = true })
	talk := func(args ...string) {
		t.Helper()
		cmd := n.command(args...)
		term := startOnTerminal(t, cmd)
		wantLine(t, term.Scanner, "40 100")
		term.typeIn(t, "hello\r")
		wantLine(t, term.Scanner, "got hello")
		wantLine(t, term.Scanner, "ready")
		term.resize(t, 41, 101)
		wantLine(t, term.Scanner, "41 101")
		term.typeIn(t, "\x03")
		wantLine(t, term.Scanner, "INT")
		term.typeIn(t, "\r")
		allRead(t, term)
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 5 {
			t.Errorf("error %v, want exit status 5", err)
		}
		mode, err := unix.IoctlGetTermios(int(term.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		if mode.Lflag&unix.ICANON == 0 {
			t.Error("the terminal is left raw")
		}
	}
	talk("run", "--bundle", bundle, "x")
	n.deleteLater(t, "y")
	n.must(t, "run", "--detach", "--bundle", bundleOf(t, "exec sleep 100000", func(s *specs.Spec) {
		s.Linux.CgroupsPath = nsinitCgroup(t, "-y")
	}), "y")
	talk("exec", "--tty", "y", "/bin/sh", "-c", `
stty -echo; stty size; read x; echo "got $x"
trap "stty size" WINCH; trap "echo INT; read over; exit 5" INT
echo ready; sleep 100000 & while :; do wait; done`)
}

// A process without a terminal does not get that of the command, unless it goes on by itself.
func TestNsinitKeepsItsTerminal(t *testing.T) {
	n := newNsinit(t)
	n.sleepingContainer(t, "y", func(s *specs.Spec) { s.Linux.CgroupsPath = nsinitCgroup(t, "-y") })
	const script = `read line; tty </proc/self/fd/0; tty <&1; tty <&2; echo "got $line"; echo err >&2`
	for _, args := range [][]string{
		{"run", "--bundle", bundleOf(t, script, nil), "x"},
		{"exec", "y", "/bin/sh", "-c", script},
	} {
		cmd := n.command(args...)
		term := startOnTerminal(t, cmd)
		term.typeIn(t, "hello\r")
		var said []string
		for term.Scan() {
			said = append(said, strings.TrimRight(term.Text(), "\r"))
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		slices.Sort(said) // two streams are copied
		if want := []string{"err", "got hello", "hello", "not a tty", "not a tty", "not a tty"}; !slices.Equal(said, want) {
			t.Errorf("%q: %q, want %q", args, said, want)
		}
	}
}

// What a program writes last is written, also if it leaves others on its terminal.
func TestNsinitTerminalIsReadToTheEnd(t *testing.T) {
	n := newNsinit(t)
	n.deleteLater(t, "x")
	n.must(t, "run", "--detach", "--bundle", bundleOf(t, "exec sleep 100000", nil), "x")
	for _, script := range []string{"seq 3000", "sleep 100000 & seq 3000"} {
		stdout, stderr, code := n.run(t, "exec", "--tty", "x", "/bin/sh", "-c", "stty -onlcr; "+script)
		lines := strings.Split(strings.TrimSpace(stdout), "\n")
		if code != 0 || stderr != "" || len(lines) != 3000 || lines[2999] != "3000" {
			t.Errorf("%q: status %d, stderr %q, %d lines, the last is %q", script, code, stderr, len(lines), lines[len(lines)-1])
		}
	}
}

// A pidfd of the process gets to whom --pidfd-socket names.
func TestNsinitPidfdSocket(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, "exec sleep 100000", nil)
	socket, pidFile := filepath.Join(bundle, "pidfd"), filepath.Join(bundle, "pid")
	accept := listenAt(t, socket)
	n.deleteLater(t, "x")
	check := func(args ...string) {
		t.Helper()
		n.must(t, append(args[:1:1], append([]string{"--pidfd-socket", socket, "--pid-file", pidFile}, args[1:]...)...)...)
		file, text := receiveConsole(t, accept())
		defer file.Close()
		pid, err := os.ReadFile(pidFile)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(int(file.Fd())))
		if err != nil || !strings.Contains(string(info), "\nPid:\t"+string(pid)+"\n") || text != "pidfd" {
			t.Errorf("%q: message %q of %s, error %v; the pid is %s", args, text, info, err, pid)
		}
	}
	check("create", "--bundle", bundle, "x")
	n.must(t, "start", "x")
	check("exec", "--detach", "x", "sleep", "100000")
	n.must(t, "delete", "--force", "x")
	check("run", "--detach", "--bundle", bundle, "x")
}

// Descriptors get to the process that are asked for, and no others to it or to hooks.
func TestNsinitDescriptors(t *testing.T) {
	n := newNsinit(t)
	dir := t.TempDir()
	for i := range 4 {
		f, err := os.Create(filepath.Join(dir, strconv.Itoa(3+i)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		n.files = append(n.files, f)
	}
	const script = `for fd in 3 4 5 6; do [ -e /proc/$$/fd/$fd ] && echo -n "$fd "; done; echo "$LISTEN_FDS $LISTEN_PID $LISTEN_FDNAMES"; ` +
		`for fd in 3 4 5 6; do [ -e /proc/$$/fd/$fd ] && eval "echo $fd >&$fd"; done; true`
	hook := filepath.Join(dir, "hook")
	bundle := bundleOf(t, script, func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{
			Path: "/bin/sh", Args: []string{"sh", "-c", "exec >" + hook + "; ls /proc/$$/fd"},
		}}}
	})
	listen := []string{"LISTEN_FDS=2", "LISTEN_FDNAMES=a:b"}
	for _, test := range []struct {
		args []string
		env  []string
		want string
		fds  []int
	}{
		{nil, nil, "  \n", nil},
		{[]string{"--preserve-fds", "2"}, nil, "3 4   \n", []int{3, 4}},
		{nil, listen, "3 4 2 1 a:b\n", []int{3, 4}},
		{[]string{"--preserve-fds=1"}, listen, "3 4 5 2 1 a:b\n", []int{3, 4, 5}},
		{nil, []string{"LISTEN_FDS=2", "LISTEN_PID=1"}, "  \n", nil}, // is another's
	} {
		run := append(append([]string{"run", "--bundle", bundle}, test.args...), "x")
		cmd := n.command(run...)
		cmd.Env = append(cmd.Env, test.env...)
		if len(test.env) > 0 && !strings.Contains(strings.Join(test.env, " "), "LISTEN_PID") {
			// The variable has the pid of the command itself.
			cmd.Args = append([]string{"sh", "-c", `export LISTEN_PID=$$; exec "$@"`, "sh"}, cmd.Args...)
			cmd.Path = "/bin/sh"
		}
		stdout, stderr, code := runCommand(t, cmd)
		if code != 0 || stderr != "" || stdout != test.want {
			t.Errorf("%v %v: status %d, stdout %q, stderr %q; want %q", test.args, test.env, code, stdout, stderr, test.want)
		}
		if text, err := os.ReadFile(hook); err != nil || strings.Join(strings.Fields(string(text)), " ") != "0 1 2" {
			t.Errorf("%v %v: the hook has the descriptors %q, error %v", test.args, test.env, text, err)
		}
		checkWritten(t, n.files, test.fds)
	}
	cmd := n.command("run", "--bundle", bundle, "x")
	cmd.Args = append([]string{"sh", "-c", `export LISTEN_FDS=5 LISTEN_PID=$$; exec "$@"`, "sh"}, cmd.Args...)
	cmd.Path = "/bin/sh"
	if stdout, stderr, code := runCommand(t, cmd); code != 1 || !strings.Contains(stderr, "LISTEN_FDS: descriptor 7 is not open") {
		t.Errorf("status %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// checkWritten wants the number of its descriptor in each of these files, which are open from 3 on, and nothing
// in the others. Then it empties them.
func checkWritten(t *testing.T, files []*os.File, fds []int) {
	t.Helper()
	for i, f := range files {
		want := ""
		if slices.Contains(fds, 3+i) {
			want = strconv.Itoa(3+i) + "\n"
		}
		if text, err := os.ReadFile(f.Name()); err != nil || string(text) != want {
			t.Errorf("descriptor %d was written %q, error %v; want %q", 3+i, text, err, want)
		}
		if err := f.Truncate(0); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
	}
}

// The standard descriptors are the container's user's.
func TestNsinitStandardDescriptors(t *testing.T) {
	n := newNsinit(t)
	const user, base = 1234, 200000
	for name, test := range map[string]struct {
		edit func(*specs.Spec)
		uid  uint32
	}{
		"user": {func(s *specs.Spec) { s.Process.User.UID = user }, user},
		"user namespace": {func(s *specs.Spec) {
			s.Process.User.UID = user
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: base, Size: 65536}}
			s.Linux.GIDMappings = s.Linux.UIDMappings
		}, base + user},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := os.Create(filepath.Join(t.TempDir(), "out"))
			if err != nil {
				t.Fatal(err)
			}
			defer out.Close()
			bundle := bundleOf(t, "echo again >/proc/self/fd/1", test.edit)
			cmd := n.command("run", "--bundle", bundle, "x")
			cmd.Stdout = out
			var stderr strings.Builder
			cmd.Stderr = &stderr
			if err := cmd.Run(); err != nil || stderr.Len() > 0 {
				t.Errorf("error %v, stderr %q", err, &stderr)
			}
			var stat syscall.Stat_t
			if err := syscall.Fstat(int(out.Fd()), &stat); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(out.Name())
			if err != nil || string(text) != "again\n" || stat.Uid != test.uid {
				t.Errorf("standard output is user %d's and has %q, error %v; want user %d's", stat.Uid, text, err, test.uid)
			}
		})
	}
}

// A container tells the service manager of its host that it is ready.
func TestNsinitNotifySocket(t *testing.T) {
	n := newNsinit(t)
	notify := buildProgram(t, "notifies")
	bundle := bundleOf(t, "", func(s *specs.Spec) {
		s.Process.Args = []string{"/notifies"}
		s.Process.Env = append(s.Process.Env, "NOTIFY_SOCKET=/the/bundle's")
		s.Process.User.UID = 1234
	})
	if err := os.Link(notify, filepath.Join(bundle, "rootfs", "notifies")); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(bundle, "manager")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	told := func() string {
		t.Helper()
		if err := manager.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		buffer := make([]byte, 1024)
		size, err := manager.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		return string(buffer[:size])
	}
	n.env = []string{"NOTIFY_SOCKET=" + socket}
	n.deleteLater(t, "x")
	for _, detached := range []bool{false, true} {
		if detached {
			n.must(t, "run", "--detach", "--bundle", bundle, "x")
		} else {
			n.must(t, "create", "--bundle", bundle, "x")
			n.must(t, "start", "x")
		}
		want := "MAINPID=" + strconv.Itoa(n.state(t, "x").Pid) + "\nREADY=1\n"
		if got := told(); got != want {
			t.Errorf("the manager is told %q, want %q", got, want)
		}
		n.must(t, "delete", "--force", "x")
	}
	// One that ends without being ready keeps nobody waiting.
	quiet := bundleOf(t, "exit 0", nil)
	n.must(t, "run", "--detach", "--bundle", quiet, "x")
	n.must(t, "delete", "--force", "x")
	n.must(t, "run", "--bundle", quiet, "x")
}
