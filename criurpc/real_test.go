package criurpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/checkpoint-restore/go-criu/v8/rpc"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// realCriu is the criu that make has fetched, or LIBCONTAINER_CRIU.
func realCriu(t *testing.T) *Criu {
	t.Helper()
	path := os.Getenv("LIBCONTAINER_CRIU")
	if path == "" {
		var err error
		if path, err = filepath.Abs("../.cache/criu/criu"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(path); err != nil {
		t.Skipf("there is no criu (make criu fetches one): %v", err)
	}
	if os.Geteuid() != 0 {
		t.Skip("criu needs root here")
	}
	return &Criu{Path: path}
}

// A task is a process of a shell that waits for a word, in a pid namespace of its own so that
// its pid is free at the restore. It says the word with one that it has from before, and exits
// with 5.
type task struct {
	dir  string
	pid  int
	pipe *os.File // the other end of its standard output
}

const script = `exec 3<> word; kept=before; echo ready; read word <&3; echo "$kept $word"; exit 5`

func startTask(t *testing.T, flags uintptr) *task {
	t.Helper()
	k := &task{dir: t.TempDir()}
	if err := unix.Mkfifo(filepath.Join(k.dir, "word"), 0o600); err != nil {
		t.Fatal(err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	t.Cleanup(func() { read.Close() })
	k.pipe = read
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Dir, cmd.Stdout = k.dir, write
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: flags}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	k.pid = cmd.Process.Pid
	if err := cmd.Process.Release(); err != nil { // it is reaped by its pid
		t.Fatal(err)
	}
	process, err := pidfd.Open(k.pid)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // if the test has failed, it still runs
		_ = process.Signal(unix.SIGKILL)
		bury(context.Background(), process)
	})
	if got := line(t, read); got != "ready" {
		t.Fatalf("it says %q", got)
	}
	return k
}

// line reads a line, byte by byte.
func line(t *testing.T, f *os.File) string {
	t.Helper()
	var text []byte
	for b := make([]byte, 1); ; text = append(text, b...) {
		if _, err := f.Read(b); err != nil || b[0] == '\n' {
			return string(text)
		}
	}
}

// finish tells the word, and looks whether the process remembers the other.
func (k *task) finish(t *testing.T, pid int, out *os.File) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(k.dir, "word"), []byte("after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := line(t, out); got != "before after" {
		t.Errorf("it says %q", got)
	}
	if status := reap(t, pid); status.ExitStatus() != 5 {
		t.Errorf("it has ended with %v", status)
	}
}

// key names its standard output for inherit_fd.
func (k *task) key(t *testing.T) string {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(fmt.Sprintf("/proc/%d/fd/1", k.pid), &st); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("pipe:[%d]", st.Ino)
}

func (k *task) opts() *rpc.CriuOpts {
	return &rpc.CriuOpts{Pid: ptr(int32(k.pid)), LogLevel: ptr(int32(4))}
}

// saved dumps a new task, which has ended then.
func saved(t *testing.T, c *Criu, images, work *os.File) (k *task, key string) {
	t.Helper()
	k = startTask(t, syscall.CLONE_NEWPID)
	key = k.key(t)
	if err := c.Dump(t.Context(), &Request{Opts: k.opts(), Images: images, Work: work}); err != nil {
		t.Fatal(err)
	}
	if status := reap(t, k.pid); !status.Signaled() {
		t.Errorf("after a dump it has ended with %v", status)
	}
	return k, key
}

// restoring is a request for a task, whose output comes out of the file.
func restoring(t *testing.T, key string, images, work *os.File) (*Request, *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		read.Close()
		write.Close()
	})
	mode := rpc.CriuCgMode_CG_NONE
	return &Request{
		Opts:   &rpc.CriuOpts{RstSibling: ptr(true), ManageCgroupsMode: &mode, LogLevel: ptr(int32(4))},
		Images: images, Work: work, Inherit: []InheritFd{{key, write}},
	}, read
}

func TestRealFeatures(t *testing.T) {
	c := realCriu(t)
	f, err := c.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", f)
	if err := f.Missing(Needs{Tmpfs: true, NetworkNamespace: true, NetworkLock: rpc.CriuNetworkLockMethod_NFTABLES}); err != nil {
		t.Error(err)
	}
	for name, has := range map[string]bool{"mem_dirty_track": f.MemTrack, "uffd-noncoop": f.LazyPages, "pidfd_store": f.PidfdStore} {
		if says, err := c.checkFeature(t.Context(), name); err != nil || says != has {
			t.Errorf("%s: criu says %v on its command line, %v when it is asked: %v", name, says, has, err)
		}
	}
}

func TestRealDumpAndRestore(t *testing.T) {
	c := realCriu(t)
	evil := filepath.Join(t.TempDir(), "evil")
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".criu"), 0o700); err != nil {
		t.Fatal(err)
	}
	action := filepath.Join(home, "action")
	if err := os.WriteFile(action, []byte("#!/bin/sh\ntouch "+evil+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(home, ".criu/default.conf")
	if err := os.WriteFile(config, []byte("action-script "+action+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	t.Setenv("CRIU_CONFIG_FILE", config)

	images, work := directory(t), directory(t)
	k := startTask(t, syscall.CLONE_NEWPID)
	key := k.key(t)
	before := openFiles()
	var stages []Stage
	notify := func(n *Notification) error { stages = append(stages, n.Stage); return nil }
	if err := c.Dump(t.Context(), &Request{Opts: k.opts(), Images: images, Work: work, Notify: notify}); err != nil {
		t.Fatal(err)
	}
	reap(t, k.pid)
	if want := []Stage{StagePreDump, StageQueryExtFiles, StagePostDump}; !slices.Equal(stages, want) {
		t.Errorf("the stages are %v, want %v", stages, want)
	}
	if s, err := ReadDumpStats(work); err != nil || s.PagesWritten == 0 || s.Frozen == 0 {
		t.Errorf("the statistics are %+v, error %v", s, err)
	}
	for range 2 {
		stages = nil
		r, out := restoring(t, key, images, work)
		r.Notify = notify
		pid, err := c.Restore(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		k.finish(t, pid, out)
		if i := slices.Index(stages, StagePostRestore); i < 0 || stages[0] != StagePreRestore || stages[len(stages)-1] != StagePostResume {
			t.Errorf("the stages are %v", stages)
		}
		if s, err := ReadRestoreStats(work); err != nil || s.PagesRestored == 0 || s.Restore == 0 {
			t.Errorf("the statistics are %+v, error %v", s, err)
		}
		r.Inherit[0].File.Close()
		out.Close()
	}
	if _, err := os.Stat(evil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("criu has obeyed a configuration file that nobody gave it: %v", err)
	}
	sameFiles(t, before)
}

// A refusal, or the end of the context, leaves a task that is dumped as it was.
func TestRealDumpRefused(t *testing.T) {
	c := realCriu(t)
	k := startTask(t, syscall.CLONE_NEWPID)
	reason := errors.New("no good")
	for _, at := range []Stage{StagePreDump, StageQueryExtFiles, StagePostDump} {
		err := c.Dump(t.Context(), &Request{Opts: k.opts(), Images: directory(t), Notify: func(n *Notification) error {
			if n.Stage == at {
				return reason
			}
			return nil
		}})
		if e := failure(t, err); !errors.Is(err, reason) || e.Done || e.Killed || e.Stage != at {
			t.Errorf("%s: %+v", at, e)
		}
		ctx, cancel := context.WithCancel(t.Context())
		err = c.Dump(ctx, &Request{Opts: k.opts(), Images: directory(t), Notify: func(n *Notification) error {
			if n.Stage == at {
				cancel()
			}
			return nil
		}})
		if e := failure(t, err); !errors.Is(err, context.Canceled) || e.Done || e.Killed || e.Stage != at {
			t.Errorf("%s: %+v", at, e)
		}
	}
	k.finish(t, k.pid, k.pipe)
}

// A restore that is refused, or whose criu is killed, leaves no process.
func TestRealRestoreRefused(t *testing.T) {
	c := realCriu(t)
	images, work := directory(t), directory(t)
	_, key := saved(t, c, images, work)
	reason := errors.New("no good")
	for _, kill := range []bool{false, true} {
		for _, at := range []Stage{StagePreRestore, StagePostRestore, StagePreResume, StagePostResume} {
			if !kill && at.final() {
				continue
			}
			r, _ := restoring(t, key, images, work)
			p, err := c.Start(r.Files()...)
			if err != nil {
				t.Fatal(err)
			}
			first := 0
			r.Notify = func(n *Notification) error {
				if first = max(first, n.Pid); n.Stage != at {
					return nil
				}
				if kill {
					return unix.Kill(p.Pid(), unix.SIGKILL)
				}
				return reason
			}
			pid, err := p.Restore(t.Context(), r)
			want := reason
			if kill {
				want = ErrDied
			}
			if e := failure(t, err); pid != 0 || !errors.Is(err, want) || e.Stage != at {
				t.Errorf("%s, criu killed %v: process %d, %v", at, kill, pid, err)
			}
			if first != 0 {
				gone(t, first)
			}
			if left := pidfd.Children(os.Getpid()); len(left) > 0 {
				t.Errorf("%s, criu killed %v: processes %v are left", at, kill, left)
			}
		}
	}
}

func TestRealFailures(t *testing.T) {
	c := realCriu(t)
	images, work := directory(t), directory(t)

	k := startTask(t, 0)
	opts := k.opts()
	opts.LeaveRunning = ptr(true)
	key := k.key(t)
	if err := c.Dump(t.Context(), &Request{Opts: opts, Images: images, Work: work}); err != nil {
		t.Fatal(err)
	}
	r, _ := restoring(t, key, images, work)
	if pid, err := c.Restore(t.Context(), r); pid != 0 || !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), "pid in use") {
		t.Errorf("restore of a pid that is in use: process %d, %v", pid, err)
	}
	k.finish(t, k.pid, k.pipe)

	core := filepath.Join(images.Name(), fmt.Sprintf("core-%d.img", k.pid))
	if err := os.Truncate(core, 20); err != nil {
		t.Fatal(err)
	}
	if pid, err := c.Restore(t.Context(), r); pid != 0 || !errors.Is(err, ErrFailed) || !strings.Contains(err.Error(), core) {
		t.Errorf("restore of an image that is cut off: process %d, %v", pid, err)
	}
	if err := c.Dump(t.Context(), &Request{Opts: k.opts(), Images: images}); failure(t, err).Errno != syscall.ESRCH {
		t.Errorf("dump of no process: %v", err)
	}
}

// Where changes of memory are tracked a pre-dump works, and elsewhere it is refused.
func TestRealPreDump(t *testing.T) {
	c := realCriu(t)
	f, err := c.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	k := startTask(t, syscall.CLONE_NEWPID)
	opts := k.opts()
	opts.TrackMem = ptr(true)
	images := directory(t)
	err = c.PreDump(t.Context(), &Request{Opts: opts, Images: images})
	missing := f.Missing(Needs{PreDump: true})
	switch {
	case f.MemTrack && (err != nil || missing != nil):
		t.Errorf("the kernel tracks memory: %v, missing %v", err, missing)
	case !f.MemTrack && (!errors.Is(err, ErrFailed) || !strings.Contains(failure(t, err).Advice, "CONFIG_MEM_SOFT_DIRTY") || !errors.Is(missing, errors.ErrUnsupported)):
		t.Errorf("the kernel does not track memory: %v, missing %v", err, missing)
	}
	k.finish(t, k.pid, k.pipe)
}

func TestRealPageServer(t *testing.T) {
	c := realCriu(t)
	for _, connected := range []bool{false, true} {
		images, work := directory(t), directory(t)
		address := "127.0.0.1"
		s, err := c.PageServer(t.Context(), &Request{
			Opts: &rpc.CriuOpts{Ps: &rpc.CriuPageServerInfo{Address: &address, Port: ptr(int32(0))}}, Images: images, Work: work,
		})
		if err != nil {
			t.Fatal(err)
		}
		k := startTask(t, syscall.CLONE_NEWPID)
		key := k.key(t)
		r := &Request{Opts: k.opts(), Images: images, Work: work}
		if connected {
			conn, err := net.Dial("tcp", net.JoinHostPort(address, strconv.Itoa(s.Port)))
			if err != nil {
				t.Fatal(err)
			}
			if r.PageServer, err = conn.(*net.TCPConn).File(); err != nil {
				t.Fatal(err)
			}
			conn.Close()
		} else {
			r.Opts.Ps = &rpc.CriuPageServerInfo{Address: &address, Port: ptr(int32(s.Port))}
		}
		if err := c.Dump(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if connected {
			r.PageServer.Close()
		}
		if err := s.Wait(t.Context()); err != nil {
			t.Error(err)
		}
		gone(t, s.Pid)
		reap(t, k.pid)
		again, out := restoring(t, key, images, work)
		pid, err := c.Restore(t.Context(), again)
		if err != nil {
			t.Fatal(err)
		}
		k.finish(t, pid, out)
	}
}

func TestRealLazyPages(t *testing.T) {
	c := realCriu(t)
	f, err := c.Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if missing := f.Missing(Needs{LazyPages: true}); missing != nil {
		t.Skip(missing)
	}
	_, err = c.LazyPages(t.Context(), &LazyPagesRequest{Images: directory(t)})
	if e := failure(t, err); !errors.Is(err, ErrDied) || len(e.Log) == 0 {
		t.Errorf("without images: %v", err)
	}
	images, work := directory(t), directory(t)
	k, key := saved(t, c, images, work)
	l, err := c.LazyPages(t.Context(), &LazyPagesRequest{Images: images, Work: work, LogLevel: 4})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, out := restoring(t, key, images, work)
	r.Opts.LazyPages = ptr(true)
	pid, err := c.Restore(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	k.finish(t, pid, out)
	log, err := os.ReadFile(filepath.Join(work.Name(), "lazy-pages.log"))
	if err != nil || !strings.Contains(string(log), "UFFD transferred pages") {
		t.Errorf("no pages were served: %v", err)
	}
}

func TestRealCPUInfo(t *testing.T) {
	c := realCriu(t)
	images := directory(t)
	if err := c.CPUInfoDump(t.Context(), &Request{Images: images}); err != nil {
		t.Error(err)
	}
	if err := c.CPUInfoCheck(t.Context(), &Request{Images: images}); err != nil {
		t.Error(err)
	}
	if err := os.Truncate(filepath.Join(images.Name(), "cpuinfo.img"), 20); err != nil {
		t.Error(err)
	}
	if err := c.CPUInfoCheck(t.Context(), &Request{Images: images}); !errors.Is(err, ErrFailed) {
		t.Errorf("an image that is cut off: %v", err)
	}
}
