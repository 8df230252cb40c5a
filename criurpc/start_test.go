package criurpc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/checkpoint-restore/go-criu/v8/rpc"

	"github.com/libcontainer/libcontainer/internal/descriptor"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// What criu gets: arguments, environment, descriptors and options.
func TestWhatCriuGets(t *testing.T) {
	for name, value := range map[string]string{
		"PATH": "/usr/bin::.:relative:/bin", "HOME": "/evil", "CRIU_CONFIG_FILE": "/evil", "CRIU_LIBS_DIR": "/evil", "LD_PRELOAD": "",
	} {
		t.Setenv(name, value)
	}
	c := fakeCriu(t, "describe", "OWN=1")
	c.Args = []string{"--libdir", "/plugins"}
	images, work := directory(t), directory(t)
	one, two := temporary(t, "one"), temporary(t, "two")
	mode := rpc.CriuCgMode_IGNORE
	r := &Request{
		Opts:    &rpc.CriuOpts{Pid: ptr(int32(7)), ManageCgroupsMode: &mode, External: []string{"mnt[/x]:y"}},
		Images:  images,
		Work:    work,
		Inherit: []InheritFd{{"first", one}, {"second", two}, {"again", one}},
	}
	given := r.Opts.CloneVT()
	if err := c.Dump(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if !r.Opts.EqualVT(given) {
		t.Error("the caller's options have changed")
	}
	got := readReport(t, images)
	for what, values := range map[string][2]any{
		"arguments":     {got.Args, []string{"criu", "--libdir", "/plugins", "--no-default-config", "swrk", "3"}},
		"environment":   {got.Env, []string{"OWN=1", fakeVariable + "=describe", "PATH=/usr/bin:/bin"}},
		"directory":     {got.Dir, "/"},
		"standard I/O":  {got.Stdio, []string{"/dev/null", "/dev/null", "/memfd:criu stderr (deleted)"}},
		"files":         {got.Files, map[string]string{"4": "one", "5": "two"}},
		"images":        {got.Images, images.Name()},
		"work":          {got.Work, work.Name()},
		"log":           {got.Opts.GetLogFile(), "dump.log"},
		"notifications": {got.Opts.GetNotifyScripts(), true},
		"cgroup mode":   {got.Opts.ManageCgroupsMode != nil && *got.Opts.ManageCgroupsMode == mode, true},
		"external":      {got.Opts.GetExternal(), []string{"mnt[/x]:y"}},
	} {
		if !reflect.DeepEqual(values[0], values[1]) {
			t.Errorf("%s: %q, want %q", what, values[0], values[1])
		}
	}
	var keys []string
	for _, inherit := range got.Opts.GetInheritFd() {
		keys = append(keys, fmt.Sprint(inherit.GetKey(), " ", inherit.GetFd()))
	}
	if want := []string{"first 4", "second 5", "again 4"}; !slices.Equal(keys, want) {
		t.Errorf("inherited are %q, want %q", keys, want)
	}
	if own, err := unix.Getsid(0); err != nil || got.Session == own {
		t.Errorf("criu is in this program's session: %v", err)
	}
}

func TestSameSession(t *testing.T) {
	c := fakeCriu(t, "describe")
	c.SameSession = true
	images := directory(t)
	if err := c.Dump(t.Context(), &Request{Images: images, Opts: &rpc.CriuOpts{LogFile: ptr("own.log")}}); err != nil {
		t.Fatal(err)
	}
	got := readReport(t, images)
	if own, err := unix.Getsid(0); err != nil || got.Session != own {
		t.Errorf("criu has the session %d, want %d: %v", got.Session, own, err)
	}
	if got.Work != "" || got.Opts.GetLogFile() != "own.log" {
		t.Errorf("work directory %q, log %q", got.Work, got.Opts.GetLogFile())
	}
}

// A file of the caller's does not become a blocking one by being passed on.
func TestFilesStayAsTheyAre(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer write.Close()
	defer read.Close()
	if err := fakeCriu(t, "describe").Dump(t.Context(), &Request{Images: directory(t), Inherit: []InheritFd{{"x", read}}}); err != nil {
		t.Fatal(err)
	}
	err = descriptor.Control(read, func(fd int) error {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err == nil && flags&unix.O_NONBLOCK == 0 {
			err = errors.New("it blocks")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// The log is a new file: no link that lies there is followed.
func TestLogIsNew(t *testing.T) {
	target := filepath.Join(t.TempDir(), "target")
	if err := os.WriteFile(target, []byte("Error (old)"), 0o644); err != nil {
		t.Fatal(err)
	}
	images := directory(t)
	log := filepath.Join(images.Name(), "dump.log")
	if err := os.Symlink(target, log); err != nil {
		t.Fatal(err)
	}
	err := fakeCriu(t, "log", "FAKE_MESSAGE=message").Dump(t.Context(), &Request{Images: images})
	if e := failure(t, err); !slices.Equal(e.Log, []string{"message"}) {
		t.Errorf("the log has %q", e.Log)
	}
	info, err := os.Lstat(log)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("the log is %v, %v", info, err)
	}
	if text, err := os.ReadFile(target); string(text) != "Error (old)" {
		t.Errorf("the link's target has %q, %v", text, err)
	}
}

func TestBadRequests(t *testing.T) {
	closed := directory(t)
	closed.Close()
	stranger, file := temporary(t, ""), temporary(t, "")
	full := directory(t)
	if err := os.Mkdir(filepath.Join(full.Name(), "dump.log"), 0o755); err != nil {
		t.Fatal(err)
	}
	before := openFiles()
	for text, r := range map[string]*Request{
		"no directory of images": {},
		closed.Name():            {Images: closed},
		"work directory":         {Images: full, Work: file},
		"remove old log":         {Images: full},
		`name of the log "../x"`: {Images: full, Opts: &rpc.CriuOpts{LogFile: ptr("../x")}},
		`name of the log ""`:     {Images: full, Opts: &rpc.CriuOpts{LogFile: ptr("")}},
		"for key":                {Images: full, Inherit: []InheritFd{{"key", stranger}}},
		"of the page server":     {Images: full, PageServer: stranger},
	} {
		p, err := fakeCriu(t, "describe").Start()
		if err != nil {
			t.Fatal(err)
		}
		err = p.Dump(t.Context(), r)
		if e := failure(t, err); e.Op != OpDump || !strings.Contains(err.Error(), text) {
			t.Errorf("the error is %v, want %q", err, text)
		}
		gone(t, p.Pid())
	}
	p, err := fakeCriu(t, "describe").Start()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.PreDump(t.Context(), &Request{Images: full}); err == nil || !strings.Contains(err.Error(), "track_mem") {
		t.Errorf("pre-dump without tracking: %v", err)
	}
	gone(t, p.Pid())
	sameFiles(t, before)
}

func TestNoCriu(t *testing.T) {
	t.Setenv("PATH", "/nowhere:relative")
	script := filepath.Join(t.TempDir(), "criu")
	plain := temporary(t, "")
	for _, test := range []struct {
		path string
		is   []error
	}{
		{"", []error{exec.ErrNotFound, os.ErrNotExist}},
		{"criu-of-mine", []error{exec.ErrNotFound, os.ErrNotExist}},
		{"/nowhere/criu", []error{os.ErrNotExist}},
		{t.TempDir(), []error{unix.EISDIR}},
		{plain.Name(), []error{os.ErrPermission}},
	} {
		before := openFiles()
		_, err := (&Criu{Path: test.path}).Version(t.Context())
		for _, target := range test.is {
			if !errors.Is(err, target) {
				t.Errorf("%q: %v is not %v", test.path, err, target)
			}
		}
		if e := failure(t, err); e.Op != OpStart || !strings.Contains(e.Advice, "install CRIU 4.0") {
			t.Errorf("%q: %+v", test.path, e)
		}
		sameFiles(t, before)
	}
	// An interpreter that does not exist, and a script that cannot find criu.
	for _, test := range [][2]string{
		{"#!/nowhere/sh\n", script},
		{"#!/bin/sh\necho no library >&2\nexit 127\n", "exit status 127: no library"},
	} {
		text, want := test[0], test[1]
		if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := (&Criu{Path: script}).Version(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	// It is found in the PATH that criu gets.
	if _, err := (&Criu{Env: []string{"PATH=relative:" + filepath.Dir(script)}}).Version(t.Context()); !errors.Is(err, ErrDied) {
		t.Errorf("criu in a PATH of its own: %v", err)
	}
}

// A relative path is one of this program's directory, and not of criu's.
func TestRelativePath(t *testing.T) {
	c := fakeCriu(t, "describe")
	dir, name := filepath.Split(c.Path)
	t.Chdir(dir)
	c.Path = "./" + name
	if err := c.Dump(t.Context(), &Request{Images: directory(t)}); err != nil {
		t.Error(err)
	}
}

func TestCancelledBeforeStart(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := &Criu{Path: "/nowhere/criu"}
	for _, err := range []error{
		c.Dump(ctx, &Request{}),
		c.Check(ctx),
		func() error { _, err := c.Version(ctx); return err }(),
		func() error { _, err := c.LazyPages(ctx, &LazyPagesRequest{}); return err }(),
		func() error { _, err := c.PageServer(ctx, &Request{}); return err }(),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// criu has the mount namespace of the thread that starts it, which then ends.
func TestStartOnAThread(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can make a mount namespace")
	}
	own, err := os.Readlink("/proc/self/ns/mnt")
	if err != nil {
		t.Fatal(err)
	}
	type result struct {
		p     *Process
		mount string
		err   error
	}
	started := make(chan result)
	c := fakeCriu(t, "describe")
	var start func()
	start = func() {
		runtime.LockOSThread() // and never unlocked: the thread ends
		if unix.Gettid() == os.Getpid() {
			// The first thread cannot end. As long as it is locked, another goroutine has another one.
			defer runtime.UnlockOSThread()
			done := make(chan struct{})
			go func() { defer close(done); start() }()
			<-done
			return
		}
		var r result
		if r.err = unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); r.err == nil {
			r.mount, r.err = os.Readlink("/proc/thread-self/ns/mnt")
		}
		if r.err == nil {
			r.p, r.err = c.Start()
		}
		started <- r
	}
	go start()
	r := <-started
	if r.err != nil {
		t.Fatal(r.err)
	}
	images := directory(t)
	if err := r.p.Dump(t.Context(), &Request{Images: images}); err != nil {
		t.Fatal(err)
	}
	if got := readReport(t, images).Mount; got != r.mount || got == own {
		t.Errorf("criu's mount namespace is %s, the thread's %s, this program's %s", got, r.mount, own)
	}
}

// A Process that gets no request is ended by Close, which may be called twice, and after a request.
func TestClose(t *testing.T) {
	before := openFiles()
	p, err := fakeCriu(t, "describe").Start()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	}
	gone(t, p.Pid())
	sameFiles(t, before)
	images := directory(t)
	p, err = fakeCriu(t, "describe").Start(images)
	if err != nil {
		t.Fatal(err)
	}
	if fd, ok := p.Fd(images); fd != 4 || !ok {
		t.Errorf("the number is %d, %v", fd, ok)
	}
	if err := p.Dump(t.Context(), &Request{Images: images}); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// Close from elsewhere ends a request.
func TestCloseMeanwhile(t *testing.T) {
	p, told, _ := between(t, fakeCriu(t, "hang"))
	go func() {
		_, _ = told.Read(make([]byte, 1))
		p.Close()
	}()
	err := p.Dump(t.Context(), &Request{Images: directory(t)})
	if err == nil {
		t.Error("there is no error")
	}
	gone(t, p.Pid())
}

// A criu that has answered and does not end is ended.
func TestLinger(t *testing.T) {
	c := fakeCriu(t, "linger")
	c.Grace = hurry
	p, err := c.Start()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Dump(t.Context(), &Request{Images: directory(t)}); err != nil {
		t.Error(err)
	}
	gone(t, p.Pid())
}

// A criu that somebody traces cannot be reaped before that one has ended. Nobody waits for that.
func TestTraced(t *testing.T) {
	c := fakeCriu(t, "describe")
	c.Grace = hurry
	p, err := c.Start()
	if err != nil {
		t.Fatal(err)
	}
	told, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	tracer := exec.Command(c.Path)
	tracer.Env = []string{fakeVariable + "=tracer", fmt.Sprint("FAKE_PID=", p.Pid())}
	tracer.ExtraFiles = []*os.File{theirs}
	err = tracer.Start()
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	_, traced := told.Read(make([]byte, 1))
	p.Close()
	_, stat := pidfd.ReadStat(p.Pid())
	if err := tracer.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = tracer.Wait()
	if traced != nil {
		t.Skipf("a process cannot be traced here: %v", traced)
	}
	if stat != nil {
		t.Errorf("what is being traced: %v", stat)
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); runtime.Gosched() {
		if _, err := pidfd.ReadStat(p.Pid()); errors.Is(err, pidfd.ErrNoProcess) {
			return
		}
	}
	t.Error("it is not reaped when it can be")
}
