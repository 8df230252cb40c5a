package integration

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
)

func TestQuickstart(t *testing.T) {
	checkLeaks(t)
	bin, rootfs := buildProgram(t, "quickstart"), newRootfs(t)
	out, err := exec.Command(bin, "-rootfs", rootfs).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, text := range []string{"uid=0(root)", "where:     quickstart", "67108864 bytes", "proc on /proc", "CPU time"} {
		if !strings.Contains(string(out), text) {
			t.Errorf("the output does not say %q:\n%s", text, out)
		}
	}
	err = exec.Command(bin, "-rootfs", rootfs, "-cmd", "exit 7").Run()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 7 {
		t.Errorf("a command that exits with 7: error %v", err)
	}
	if out, err := exec.Command(bin, "-rootfs", "/nosuch").CombinedOutput(); err == nil || !strings.Contains(string(out), "/nosuch") {
		t.Errorf("a missing root file system: error %v, output %q", err, out)
	}
}

func TestClassicExample(t *testing.T) {
	checkLeaks(t)
	bin, rootfs := buildProgram(t, "classic"), newRootfs(t)
	cmd := exec.Command(bin, rootfs)
	cmd.Stdin = strings.NewReader("id -un; hostname; head -1 /proc/self/uid_map\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := strings.Fields(string(out)); strings.Join(got, " ") != "daemon testing 0 1000 65536" {
		t.Errorf("output %q", out)
	}
	// The sample's own root directory; nothing is left in it.
	if entries, err := os.ReadDir("/var/lib/container"); err != nil || len(entries) != 0 {
		t.Errorf("/var/lib/container holds %v, error %v", entries, err)
	}
}

// wantFailure runs a program that is to end with the exit code, and to say why.
func wantFailure(t *testing.T, cmd *exec.Cmd, code int, why string) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != code || !strings.Contains(string(out), why) {
		t.Errorf("%q: error %v, output %q; want exit status %d and %q", cmd.Args[1:], err, out, code, why)
	}
}

// terminal is a window: what the programs on it write, and how to type into it.
type terminal struct {
	libcontainer.Console
	*bufio.Scanner
}

// startOnTerminal runs a program of the host as the leader of a session on a new terminal.
func startOnTerminal(t *testing.T, cmd *exec.Cmd) terminal {
	t.Helper()
	console, err := libcontainer.NewConsole(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { console.Close() })
	term := terminal{console, bufio.NewScanner(console)}
	term.resize(t, 40, 100)
	slave, err := os.OpenFile(console.Path(), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return term
}

func (term terminal) resize(t *testing.T, rows, columns uint16) {
	t.Helper()
	size := &unix.Winsize{Row: rows, Col: columns}
	if err := unix.IoctlSetWinsize(int(term.Fd()), unix.TIOCSWINSZ, size); err != nil {
		t.Fatal(err)
	}
}

func (term terminal) typeIn(t *testing.T, text string) {
	t.Helper()
	if _, err := io.WriteString(term, text); err != nil {
		t.Fatal(err)
	}
}

func TestShellExample(t *testing.T) {
	checkLeaks(t)
	cmd := exec.Command(buildProgram(t, "shell"), "-user", "daemon", newRootfs(t), "/bin/sh", "-c", `
stty -echo; stty size; id -un; read x; echo "got $x"
trap "stty size" WINCH; trap "echo INT; read over; exit 5" INT
echo ready; sleep 100000 & while :; do wait; done`)
	term := startOnTerminal(t, cmd)
	wantLine(t, term.Scanner, "40 100")
	wantLine(t, term.Scanner, "daemon")
	term.typeIn(t, "hello\r")
	wantLine(t, term.Scanner, "got hello")
	wantLine(t, term.Scanner, "ready")
	term.resize(t, 41, 101)
	wantLine(t, term.Scanner, "41 101")
	term.typeIn(t, "\x03") // Ctrl-C
	wantLine(t, term.Scanner, "INT")
	allRead(t, term)
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("error %v, want exit status 5", err)
	}
	mode, err := unix.IoctlGetTermios(int(term.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if want := uint32(unix.ECHO | unix.ICANON | unix.ISIG); mode.Lflag&want != want {
		t.Errorf("the terminal was left raw: local modes %#x", mode.Lflag)
	}
}

// When the window is closed, the container ends too.
func TestShellExampleHangup(t *testing.T) {
	checkLeaks(t)
	cmd := exec.Command(buildProgram(t, "shell"), newRootfs(t), "/bin/sh", "-c", `trap "" HUP; echo ready; sleep 100000`)
	term := startOnTerminal(t, cmd)
	wantLine(t, term.Scanner, "ready")
	term.Close()
	if err := cmd.Wait(); err == nil {
		t.Error("the shell ended with success")
	}
}

func TestShellExampleRefuses(t *testing.T) {
	checkLeaks(t)
	bin, rootfs := buildProgram(t, "shell"), newRootfs(t)
	wantFailure(t, exec.Command(bin), 2, "usage")
	wantFailure(t, exec.Command(bin, rootfs), 1, "not a terminal")
	for _, test := range []struct {
		args []string
		why  string
	}{
		{[]string{"/nosuch"}, "/nosuch"},
		{[]string{rootfs, "/bin/nosuch"}, "/bin/nosuch"},
		{[]string{"-user", "nobodyatall", rootfs}, "nobodyatall"},
	} {
		cmd := exec.Command("sh", append([]string{"-c", `"$@"; status=$?; read over; exit $status`, "sh", bin}, test.args...)...)
		term := startOnTerminal(t, cmd)
		if !term.Scan() || !strings.Contains(term.Text(), test.why) {
			t.Errorf("%q: output %q, error %v; want %q", test.args, term.Text(), term.Err(), test.why)
		}
		allRead(t, term)
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 {
			t.Errorf("%q: error %v, want exit status 1", test.args, err)
		}
	}
}

func TestSandboxExample(t *testing.T) {
	bin, rootfs := buildProgram(t, "sandbox"), newRootfs(t)
	for name, test := range map[string]struct {
		flags  []string
		script string
		out    string
		code   int
	}{
		"exit status":  {nil, "id; exit 7", "uid=1000 gid=1000\n", 7},
		"input":        {nil, "cat", "input", 0},
		"own tmp":      {nil, "echo text >file; pwd; cat file", "/tmp\ntext\n", 0},
		"read-only":    {nil, "touch /file 2>/dev/null", "", 1},
		"no rights":    {nil, "grep -E 'CapBnd|NoNewPrivs|Seccomp:' /proc/self/status", "CapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n", 0},
		"own ids":      {nil, "read first host size </proc/self/uid_map; echo $first $((host >= 0x70000000)) $size", "0 1 65536\n", 0},
		"no namespace": {nil, "unshare -U true 2>/dev/null", "", 1},
		"no network":   {nil, "ip link | grep -c UP", "0\n", 1},
		"time":         {[]string{"-time", "1s"}, "sleep 100000", "", 124},
		"memory":       {[]string{"-memory", "16"}, "exec tail /dev/zero", "", 128 + 9},
		"processes":    {[]string{"-processes", "5"}, "for i in 1 2 3 4 5 6; do sleep 100000 & done 2>/dev/null; echo not reached", "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			flags := append([]string{"-state", filepath.Join(t.TempDir(), "state")}, test.flags...)
			cmd := exec.Command(bin, append(flags, rootfs, "/bin/sh", "-c", test.script)...)
			var stdout, stderr bytes.Buffer
			cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("input"), &stdout, &stderr
			err := cmd.Run()
			if code := cmd.ProcessState.ExitCode(); code != test.code || stdout.String() != test.out {
				t.Errorf("error %v, output %q, %q; want exit status %d and %q", err, &stdout, &stderr, test.code, test.out)
			}
		})
	}
}

func TestSandboxExampleRefuses(t *testing.T) {
	checkLeaks(t)
	bin, rootfs := buildProgram(t, "sandbox"), newRootfs(t)
	wantFailure(t, exec.Command(bin, rootfs), 2, "usage")
	wantFailure(t, exec.Command(bin, "-processes", "0", rootfs, "true"), 2, "limits are above 0")
	wantFailure(t, exec.Command(bin, "/nosuch", "true"), 1, "/nosuch")
	wantFailure(t, exec.Command(bin, "-state", filepath.Join(t.TempDir(), "state"), rootfs, "nosuch"), 1, "nosuch")
}

// supervisor is a running one and what it says.
type supervisor struct {
	*exec.Cmd
	*bufio.Scanner
}

func startSupervisor(t *testing.T, args ...string) supervisor {
	t.Helper()
	cmd := exec.Command(buildProgram(t, "supervisor"), args...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // if the test failed half-way
	return supervisor{cmd, bufio.NewScanner(stderr)}
}

// runs reads on until the supervisor says that the container runs, and gives its pid. What it says
// between is to hold the text.
func (s supervisor) runs(t *testing.T, id, before string) (pid int) {
	t.Helper()
	var said strings.Builder
	for s.Scan() {
		_, what, found := strings.Cut(s.Text(), id+": runs, pid ")
		if !found {
			said.WriteString(s.Text() + "\n")
			continue
		}
		if _, err := fmt.Sscan(what, &pid); err != nil {
			t.Fatalf("line %q: %v", s.Text(), err)
		}
		if !strings.Contains(said.String(), before) {
			t.Errorf("before %s ran, the supervisor said %q, want %q", id, said.String(), before)
		}
		return pid
	}
	t.Fatalf("the supervisor ended, and said %q", said.String())
	return 0
}

// end sends the signal and waits; the supervisor's containers go on.
func (s supervisor) end(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := s.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	for s.Scan() { // the end of its output is that of the supervisor
	}
	if err := s.Wait(); signal == syscall.SIGTERM && err != nil {
		t.Errorf("the supervisor ended with %v", err)
	}
}

// destroyAll ends what a test that failed half-way has left in a factory's root.
func destroyAll(t *testing.T, root string) {
	factory, err := newFactoryIn(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range list(t, root) {
		container, err := factory.Load(id)
		if err == nil {
			err = container.Destroy()
		}
		if err != nil {
			t.Error(err)
		}
	}
}

// logs waits until a log has that many lines: a program that runs need not have written yet.
func (s *supervisor) logs(t *testing.T, name string, lines int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; runtime.Gosched() {
		log, err := os.ReadFile(name)
		if err == nil && strings.Count(string(log), "\n") >= lines {
			return
		}
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the log is %q, error %v", log, err)
		}
	}
}

// page gets a page by a port of this host. A program that runs need not listen yet.
func page(t *testing.T, url string) string {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	for deadline := time.Now().Add(time.Minute); ; runtime.Gosched() {
		answer, err := client.Get(url)
		if err == nil {
			text, err := io.ReadAll(answer.Body)
			answer.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			return string(text)
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestSupervisorExample(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	dir, rootfs := publicTempDir(t), newRootfs(t)
	web := fmt.Sprintf("web-%d", os.Getpid())
	job := fmt.Sprintf("job-%d", os.Getpid())
	commands := []string{dir, rootfs, web + ":8080:80=echo started; exec httpd -f -p 80 -h /etc",
		job + "=wget -q -T 10 -O - http://" + web + "/hostname; exit 3"}

	t.Cleanup(func() { destroyAll(t, filepath.Join(dir, "state")) })
	s := startSupervisor(t, commands...)
	first := s.runs(t, web, "")
	s.runs(t, job, "")
	s.runs(t, job, job+": exit status 3") // again
	const url = "http://127.0.0.1:8080/hostname"
	if got := page(t, url); got != web+"\n" {
		t.Errorf("the published port says %q", got)
	}
	s.logs(t, filepath.Join(dir, job+".log"), 1) // by name, in one of its lives
	wantFailure(t, exec.Command(s.Path, commands...), 1, "another supervisor")
	if err := syscall.Kill(first, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	second := s.runs(t, web, web+": exit status 137")
	s.end(t, syscall.SIGKILL)

	s = startSupervisor(t, commands[:3]...) // the job is no longer wanted
	if pid := s.runs(t, web, ""); pid != second {
		t.Errorf("process %d was not adopted: there is %d", second, pid)
	}
	if got := page(t, url); got != web+"\n" {
		t.Errorf("the published port of an adopted container says %q", got)
	}
	if ids := list(t, filepath.Join(dir, "state")); len(ids) != 1 || ids[0] != web {
		t.Errorf("there are containers %q, want only %q", ids, web)
	}
	if err := syscall.Kill(second, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	third := s.runs(t, web, web+": ") // how it ended, newer kernels tell
	if got := page(t, url); got != web+"\n" {
		t.Errorf("the published port says %q", got)
	}
	s.logs(t, filepath.Join(dir, web+".log"), 3)
	s.end(t, syscall.SIGTERM)
	if err := syscall.Kill(third, 0); err != nil {
		t.Errorf("the container ended with the supervisor: %v", err)
	}

	if out, err := exec.Command(s.Path, commands[:2]...).CombinedOutput(); err != nil {
		t.Errorf("without containers: %v: %s", err, out)
	}
	if ids := list(t, filepath.Join(dir, "state")); len(ids) != 0 {
		t.Errorf("containers %q are left", ids)
	}
	if tables := nftTables(t); len(tables) != 0 || isHostLink(t, "br-supervisor") {
		t.Errorf("tables of nftables are left: %q; or the bridge", tables)
	}
	log, err := os.ReadFile(filepath.Join(dir, web+".log"))
	if err != nil || string(log) != strings.Repeat("started\n", 3) {
		t.Errorf("the log is %q, error %v", log, err)
	}
}

func TestSupervisorExampleRefuses(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	bin, dir, rootfs := buildProgram(t, "supervisor"), publicTempDir(t), newRootfs(t)
	wantFailure(t, exec.Command(bin, dir), 1, "usage")
	wantFailure(t, exec.Command(bin, dir, rootfs, "name"), 1, "=COMMAND")
	wantFailure(t, exec.Command(bin, dir, rootfs, "a:80:0=ls"), 1, "HOSTPORT")
	wantFailure(t, exec.Command(bin, dir, rootfs, "a=ls", "a=id"), 1, "twice")
	wantFailure(t, exec.Command(bin, dir, rootfs, "../a=ls"), 1, "../a")
	wantFailure(t, exec.Command(bin, dir, "/nosuch", "a=ls"), 1, "/nosuch")
	if err := os.Remove(filepath.Join(rootfs, "bin/sh")); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, exec.Command(bin, dir, rootfs, "a=ls"), 1, "/bin/sh")
	if out, err := exec.Command(bin, dir, rootfs).CombinedOutput(); err != nil { // removes the network
		t.Errorf("without containers: %v: %s", err, out)
	}
}
