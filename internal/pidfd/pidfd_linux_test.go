package pidfd

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// startCat starts a process that ends when the function is called, and is reaped
// by the caller or the test's end.
func startCat(t *testing.T, name string) (cmd *exec.Cmd, end func()) {
	t.Helper()
	cmd = exec.Command(name)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait() // a second one fails
	})
	return cmd, func() { stdin.Close() }
}

func open(t *testing.T, pid int) *Process {
	t.Helper()
	p, err := Open(pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func TestLifeOfAProcess(t *testing.T) {
	cmd, end := startCat(t, "cat")
	p := open(t, cmd.Process.Pid)
	if alive, err := p.Alive(); err != nil || !alive || p.Ending() {
		t.Errorf("running process: alive %v, error %v, ending %v", alive, err, p.Ending())
	}
	if _, err := p.ExitStatus(); !errors.Is(err, ErrNotEnded) {
		t.Errorf("exit status of a running process: %v", err)
	}
	if other, err := Find(p.Pid(), p.StartTime()+"0"); err != nil || !other.Ended() {
		t.Errorf("a process with another start time was taken for ours: %v", err)
	}
	again, err := Find(p.Pid(), p.StartTime())
	if err != nil || again.Ended() || !again.Is(p.Pid(), p.StartTime()) {
		t.Errorf("found again: %v", err)
	}
	again.Close()
	if dying, err := p.Dying(); dying || err != nil {
		t.Errorf("a process that runs is dying: %v, error %v", dying, err)
	}
	end()
	if err := p.Await(t.Context()); err != nil {
		t.Error(err)
	}
	if !p.Ended() || !p.Ending() {
		t.Error("a zombie counts as alive")
	}
	if dying, err := p.Dying(); !dying || err != nil {
		t.Errorf("a zombie is dying: %v, error %v", dying, err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("reaped by the wait for its end: %v", err)
	}
	if err := p.Signal(unix.SIGKILL); err != nil {
		t.Errorf("killing a dead process: %v", err)
	}
	if gone, err := Find(p.Pid(), p.StartTime()); err != nil || !gone.Ended() {
		t.Errorf("a reaped process counts as alive: %v", err)
	}
	if _, err := p.HasExecuted(); !errors.Is(err, ErrNoProcess) {
		t.Errorf("program of a reaped process: %v", err)
	}
	if _, err := p.Dying(); !errors.Is(err, ErrNoProcess) {
		t.Errorf("death of a reaped process: %v", err)
	}
	if _, err := p.Namespace("mnt"); !errors.Is(err, ErrNoProcess) {
		t.Errorf("namespace of a reaped process: %v", err)
	}
	p.pid = os.Getpid() // another process has got its pid
	if _, err := p.Namespace("mnt"); !errors.Is(err, ErrNoProcess) {
		t.Errorf("namespace of the process that has a reaped one's pid: %v", err)
	}
	if !p.Ending() {
		t.Error("the process that has a reaped one's pid is taken for it")
	}
}

func TestNoProcess(t *testing.T) {
	for _, pid := range []int{-1, 0, 1 << 30} {
		if _, err := Open(pid); !errors.Is(err, ErrNoProcess) {
			t.Errorf("open %d: %v", pid, err)
		}
	}
	for name, p := range map[string]*Process{"nil": nil, "dead": {pid: 7}} {
		if p.Clone(); !p.Ended() || !p.Ending() || p.Signal(unix.SIGKILL) != nil || p.Await(t.Context()) != nil {
			t.Errorf("%s: not as one that has ended", name)
		}
		p.Close()
	}
	for _, p := range []*Process{nil, {pid: 7}} {
		if _, err := p.Status(t.Context()); !errors.Is(err, ErrStatusUnknown) {
			t.Errorf("status of an unknown one: %v", err)
		}
		if _, err := p.File(); !errors.Is(err, ErrNoProcess) {
			t.Errorf("descriptor of an unknown one: %v", err)
		}
	}
}

// A number that was a process's may have become a thread's.
func TestThreadIsNoProcess(t *testing.T) {
	threads, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads { // the runtime has several
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			t.Fatal(err)
		}
		if id == os.Getpid() {
			continue
		}
		if p, err := Open(id); !errors.Is(err, ErrNoProcess) {
			p.Close()
			t.Errorf("open a thread: %v, want ErrNoProcess", err)
		}
	}
	if len(threads) < 2 {
		t.Error("there is no thread to be tried")
	}
}

// A program that has no descriptor free still learns how its processes end.
func TestNoFreeDescriptor(t *testing.T) {
	cmd, end := startCat(t, "cat")
	p := open(t, cmd.Process.Pid)
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	none := unix.Rlimit{Cur: 1, Max: limit.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &none); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
			t.Error(err)
		}
	}()
	if _, err := p.File(); !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EMFILE) {
		t.Errorf("a copy where none is possible: %v", err)
	}
	clone := p.Clone()
	defer clone.Close()
	if alive, err := clone.Alive(); !alive || err != nil {
		t.Errorf("alive %v, error %v", alive, err)
	}
	end()
	if status, err := clone.Status(t.Context()); err != nil || status != 0 {
		t.Errorf("status %v, error %v", status, err)
	}
}

func TestNamespaceIsTheProcesss(t *testing.T) {
	p := open(t, os.Getpid())
	ns, err := p.Namespace("net")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	var got, want unix.Stat_t
	if err := errors.Join(unix.Fstat(int(ns.Fd()), &got), unix.Stat("/proc/self/ns/net", &want)); err != nil {
		t.Fatal(err)
	}
	if got.Ino != want.Ino || got.Dev != want.Dev {
		t.Error("another namespace")
	}
	if _, err := p.Namespace("none"); !errors.Is(err, os.ErrNotExist) || errors.Is(err, ErrNoProcess) {
		t.Errorf("no such namespace: %v", err)
	}
}

func TestAdopt(t *testing.T) {
	cmd, end := startCat(t, "cat")
	pid := cmd.Process.Pid
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Adopt(fd, pid)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if want := open(t, pid); !p.Is(pid, want.StartTime()) {
		t.Errorf("start time %q, want %q", p.StartTime(), want.StartTime())
	}
	for name, open := range map[string]func() (int, error){
		"pidfd of another process": func() (int, error) { return unix.PidfdOpen(os.Getpid(), 0) },
		"no pidfd":                 func() (int, error) { return unix.Open("/dev/null", unix.O_CLOEXEC, 0) },
	} {
		fd, err := open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Adopt(fd, pid); err == nil {
			t.Errorf("%s: adopted", name)
		}
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); !errors.Is(err, unix.EBADF) {
			t.Errorf("%s: the descriptor is open", name)
		}
	}
	if fd, err = unix.PidfdOpen(pid, 0); err != nil {
		t.Fatal(err)
	}
	end()
	_ = cmd.Wait()
	late, err := Adopt(fd, pid)
	if err != nil {
		t.Fatalf("one that has been reaped: %v", err)
	}
	defer late.Close()
	if !late.Ended() || late.StartTime() != "" {
		t.Error("one that has been reaped counts as alive")
	}
}

// All clones are good until they are closed, and need one descriptor together.
func TestClonesShareADescriptor(t *testing.T) {
	cmd, end := startCat(t, "cat")
	p := open(t, cmd.Process.Pid)
	before := openFiles(t)
	var clones []*Process
	for range 100 {
		clones = append(clones, p.Clone())
	}
	if n := openFiles(t); n != before {
		t.Errorf("%d descriptors more", n-before)
	}
	p.Close()
	if !p.Ended() {
		t.Error("a closed one knows that the process runs")
	}
	for _, c := range clones[1:] {
		c.Close()
		c.Close() // does nothing
	}
	if alive, err := clones[0].Alive(); !alive || err != nil {
		t.Errorf("the last one: alive %v, error %v", alive, err)
	}
	end()
	status, err := clones[0].Status(t.Context())
	if err != nil || !status.Exited() {
		t.Errorf("the last one: status %v, error %v", status, err)
	}
	before = openFiles(t)
	clones[0].Close()
	if n := openFiles(t); n != before-1 {
		t.Errorf("the last one has closed %d descriptors, want 1", before-n)
	}
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestAwait(t *testing.T) {
	cmd, end := startCat(t, "cat")
	p := open(t, cmd.Process.Pid)
	goroutines := runtime.NumGoroutine()
	reason := errors.New("no patience")
	for range 3 { // each time, the watch ends and begins anew
		ctx, cancel := context.WithCancelCause(t.Context())
		var waiting sync.WaitGroup
		for range 300 {
			waiting.Go(func() {
				if err := p.Await(ctx); !errors.Is(err, reason) {
					t.Errorf("who gave up got %v", err)
				}
			})
		}
		for !waits(p, 300) {
			runtime.Gosched()
		}
		cancel(reason)
		waiting.Wait()
	}
	if waits(p, 1) {
		t.Error("something waits that nobody waits for")
	}
	for runtime.NumGoroutine() > goroutines {
		runtime.Gosched() // the test's timeout ends it
	}
	// One that gives up does not disturb another, nor does a Close.
	clone := p.Clone()
	got := make(chan error, 1)
	go func() { got <- clone.Await(t.Context()) }()
	for !waits(p, 1) {
		runtime.Gosched()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Await(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("context that has ended: %v", err)
	}
	clone.Close()
	p.Close()
	end()
	if err := <-got; err != nil {
		t.Error(err)
	}
}

func waits(p *Process, n int) bool {
	d := p.acquire()
	defer d.release()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.watch != nil && d.watch.waiting >= n
}

func TestExitStatus(t *testing.T) {
	for _, script := range []string{"exit 0", "exit 7", "exit 255", "kill -KILL $$", "kill -USR1 $$", "ulimit -c 0; kill -SEGV $$"} {
		cmd := exec.Command("sh", "-c", "read x; "+script)
		stdin, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		p := open(t, cmd.Process.Pid)
		stdin.Close()
		early, err := p.Status(t.Context())
		if err != nil {
			t.Errorf("%s: not reaped: %v", script, err)
		}
		zombie, ok := p.zombieStatus()
		_ = cmd.Wait()
		want := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if early != want || !ok || zombie != want {
			t.Errorf("%s: status %#x, as a zombie %#x, want %#x", script, early, zombie, want)
		}
		late, err := p.ExitStatus()
		if _, known := p.acquireInfo(); !known {
			if !errors.Is(err, ErrStatusUnknown) {
				t.Errorf("%s: reaped, before Linux 6.15: %v", script, err)
			}
			continue
		}
		if err != nil || late != want {
			t.Errorf("%s: reaped: status %#x, error %v, want %#x", script, late, err, want)
		}
		if late, err = p.Reap(); err != nil || late != want {
			t.Errorf("%s: reaped again: status %#x, error %v", script, late, err)
		}
	}
}

func (p *Process) acquireInfo() (syscall.WaitStatus, bool) {
	d := p.acquire()
	defer d.release()
	return d.infoStatus()
}

func TestReap(t *testing.T) {
	cmd := exec.Command("sh", "-c", "exit 9")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := open(t, cmd.Process.Pid)
	if err := p.Await(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, err := p.Reap(); err != nil || status.ExitStatus() != 9 {
		t.Errorf("status %v, error %v", status, err)
	}
	if err := cmd.Wait(); !errors.Is(err, unix.ECHILD) {
		t.Errorf("it was not reaped: %v", err)
	}
}

// A subshell has been forked and executes nothing until it is told to. Whatever it
// is called, that is known.
func TestHasExecuted(t *testing.T) {
	cmd := exec.Command("sh", "-c", "exec 3<&0; (echo ready; read x <&3; exec cat <&3) & echo $!; wait")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stdout)
	pid := 0
	for range 2 {
		if !lines.Scan() {
			t.Fatal("the shell has ended")
		}
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			pid = n
		}
	}
	p, shell := open(t, pid), open(t, cmd.Process.Pid)
	if did, err := p.HasExecuted(); did || err != nil {
		t.Errorf("the subshell has executed: %v, error %v", did, err)
	}
	if did, err := shell.HasExecuted(); !did || err != nil {
		t.Errorf("the shell has executed: %v, error %v", did, err)
	}
	if _, err := io.WriteString(stdin, "go\nhello\n"); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "hello" {
		t.Fatalf("the program wrote %q", lines.Text())
	}
	if did, err := p.HasExecuted(); !did || err != nil {
		t.Errorf("the program has executed: %v, error %v", did, err)
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// A command may have a name that looks like the rest of the line.
func TestStatOfHostileName(t *testing.T) {
	cat, err := exec.LookPath("cat")
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "a) Z 1 2 (b")
	if err := os.Symlink(cat, name); err != nil {
		t.Fatal(err)
	}
	cmd, _ := startCat(t, name)
	stat, err := ReadStat(cmd.Process.Pid)
	if err != nil || stat.State == 'Z' || len(stat.StartTime) < 2 || strings.Trim(stat.StartTime, "0123456789") != "" {
		t.Errorf("%+v, error %v", stat, err)
	}
	if session, err := unix.Getsid(0); err != nil || stat.Session != session || stat.Parent != os.Getpid() {
		t.Errorf("parent %d, session %d, want %d, %d, error %v", stat.Parent, stat.Session, os.Getpid(), session, err)
	}
	for _, bad := range []string{"", "1 (a) R", "1 (a) " + strings.Repeat("x ", 50)} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("no error for %q", bad)
		}
	}
}
