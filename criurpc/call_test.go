package criurpc

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
)

// patience is a Grace that nothing should come near to, and hurry one that is over soon.
const (
	patience = 10 * time.Minute
	hurry    = 50 * time.Millisecond
)

// failure takes an Error apart.
func failure(t *testing.T, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("the error is %v", err)
	}
	return e
}

func TestStages(t *testing.T) {
	for op, stages := range map[Op][]Stage{
		OpDump:    {StagePreDump, StageNetworkLock, StageQueryExtFiles, StagePostDump, StageNetworkUnlock},
		OpRestore: {StagePreRestore, StageSetupNamespaces, StagePostSetupNamespaces, StagePostRestore, StagePreResume, StagePostResume},
	} {
		file := temporary(t, "sent")
		c := fakeCriu(t, "stages", "FAKE_FILE=4", "FAKE_STAGES="+join(stages))
		c.Grace = patience
		before := openFiles()
		var told []Stage
		var taken []*os.File
		images := directory(t)
		r := &Request{Images: images, Inherit: []InheritFd{{"x", file}}, Notify: func(n *Notification) error {
			told = append(told, n.Stage)
			if n.Stage == StagePostRestore && n.Pid == 0 {
				t.Error("there is no pid")
			}
			text := make([]byte, 10)
			size, _ := n.File.ReadAt(text, 0)
			if string(text[:size]) != "sent" {
				t.Errorf("%s: the file has %q", n.Stage, text[:size])
			}
			if len(taken) == 0 {
				taken = append(taken, n.TakeFile())
			}
			return nil
		}}
		run := c.Dump
		if op == OpRestore {
			run = func(ctx context.Context, r *Request) error { _, err := c.Restore(ctx, r); return err }
		}
		if err := run(t.Context(), r); err != nil {
			t.Errorf("%s: %v", op, err)
		}
		if !slices.Equal(told, stages) {
			t.Errorf("%s: the stages are %v, want %v", op, told, stages)
		}
		for _, f := range taken {
			if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
				t.Errorf("the descriptor stays open after execve: %#x, %v", flags, err)
			}
			f.Close()
		}
		images.Close()
		sameFiles(t, before)
	}
}

func join(stages []Stage) string {
	var names []string
	for _, s := range stages {
		names = append(names, string(s))
	}
	return strings.Join(names, ",")
}

func TestRefuse(t *testing.T) {
	stages := []Stage{StagePreRestore, StageSetupNamespaces, StagePostRestore, StageNetworkUnlock, StagePreResume, StagePostResume}
	reason := errors.New("no good")
	for _, at := range stages {
		c := fakeCriu(t, "stages", "FAKE_STAGES="+join(stages))
		c.Grace = patience
		var told []Stage
		err := c.Dump(t.Context(), &Request{Images: directory(t), Notify: func(n *Notification) error {
			told = append(told, n.Stage)
			if n.Stage == at {
				return reason
			}
			return nil
		}})
		e := failure(t, err)
		var refusal *Refusal
		if !errors.Is(err, reason) || !errors.As(err, &refusal) || refusal.Stage != at {
			t.Errorf("%s: %v", at, err)
		}
		if e.Killed || e.Op != OpDump || len(e.Log) > 0 {
			t.Errorf("%s: %+v", at, e)
		}
		if want := at.final(); e.Done != want {
			t.Errorf("%s: done is %v, want %v", at, e.Done, want)
		}
		want := stages
		if !at.final() {
			want = stages[:slices.Index(stages, at)+1] // the stages of going back are not told
		}
		if !slices.Equal(told, want) {
			t.Errorf("%s: the stages told are %v, want %v", at, told, want)
		}
		if text := err.Error(); strings.Count(text, string(at)) != 1 || !strings.Contains(text, "no good") {
			t.Errorf("%s: the text is %q", at, text)
		}
	}
}

// What criu has done in spite of a refusal is no failure that leaves nothing.
func TestRefuseInVain(t *testing.T) {
	c := fakeCriu(t, "stages", "FAKE_STAGES=pre-dump,post-dump", "FAKE_STUBBORN=1")
	err := c.Dump(t.Context(), &Request{Images: directory(t), Notify: func(n *Notification) error { return errors.New(string(n.Stage)) }})
	if e := failure(t, err); !e.Done || !strings.Contains(err.Error(), "nevertheless") || !strings.Contains(err.Error(), "pre-dump") {
		t.Errorf("the error is %v", err)
	}
}

func TestCancel(t *testing.T) {
	stages := "pre-dump,network-lock,post-dump"
	reason := errors.New("no time")
	for _, at := range []Stage{"", StagePreDump, StageNetworkLock, StagePostDump} {
		c := fakeCriu(t, "stages", "FAKE_STAGES="+stages)
		c.Grace = patience
		ctx, cancel := context.WithCancelCause(t.Context())
		if at == "" {
			cancel(reason)
		}
		var last Stage
		err := c.Dump(ctx, &Request{Images: directory(t), Notify: func(n *Notification) error {
			if last = n.Stage; n.Stage == at {
				cancel(reason)
			}
			return nil
		}})
		e := failure(t, err)
		if !errors.Is(err, context.Canceled) || !errors.Is(err, reason) || e.Stage != at || last != at || e.Killed || e.Done {
			t.Errorf("at %q: %+v", at, e)
		}
	}
}

// between starts a fake that tells when it has the answer to its first stage, and goes on when it is
// told to.
func between(t *testing.T, c *Criu) (p *Process, told *os.File, goOn func()) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	told, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { told.Close() })
	c.Env = append(c.Env, "FAKE_WAIT=4", "FAKE_TELL=5")
	p, err = c.Start(read, theirs)
	if err != nil {
		t.Fatal(err)
	}
	read.Close()
	theirs.Close()
	t.Cleanup(func() { write.Close() })
	return p, told, func() { write.Close() }
}

// The context ends while criu works: the next stage is refused, and Notify is not called.
func TestCancelBetweenStages(t *testing.T) {
	c := fakeCriu(t, "stages", "FAKE_STAGES=pre-dump,network-lock,post-dump")
	c.Grace = patience
	p, told, goOn := between(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = told.Read(make([]byte, 1))
		cancel()
		goOn()
	}()
	var stages []Stage
	err := p.Dump(ctx, &Request{Images: directory(t), Notify: func(n *Notification) error {
		stages = append(stages, n.Stage)
		return nil
	}})
	if e := failure(t, err); !errors.Is(err, context.Canceled) || e.Killed || e.Stage != StageNetworkLock {
		t.Errorf("the error is %+v", e)
	}
	if !slices.Equal(stages, []Stage{StagePreDump}) {
		t.Errorf("the stages told are %v", stages)
	}
}

// At a stage that cannot be refused the end of the context changes nothing.
func TestCancelTooLate(t *testing.T) {
	c := fakeCriu(t, "stages", "FAKE_STAGES=pre-resume,post-resume")
	c.Grace = patience
	ctx, cancel := context.WithCancel(t.Context())
	stages := 0
	err := c.Dump(ctx, &Request{Images: directory(t), Notify: func(*Notification) error {
		stages++
		cancel()
		return nil
	}})
	if err != nil || stages != 2 {
		t.Errorf("%d stages, error %v", stages, err)
	}
}

// Who does not answer is killed: after a refusal, and after the end of the context.
func TestKill(t *testing.T) {
	reason := errors.New("no good")
	c := fakeCriu(t, "stages", "FAKE_STAGES=pre-dump", "FAKE_SILENT=1")
	c.Grace = hurry
	err := c.Dump(t.Context(), &Request{Images: directory(t), Notify: func(*Notification) error { return reason }})
	if e := failure(t, err); !e.Killed || !errors.Is(err, reason) || !strings.Contains(err.Error(), "killed") {
		t.Errorf("after a refusal: %+v", e)
	}

	ctx, cancel := context.WithCancel(t.Context())
	c.Env = fakeCriu(t, "stages", "FAKE_STAGES=pre-dump", "FAKE_SILENT=1").Env
	err = c.Dump(ctx, &Request{Images: directory(t), Notify: func(*Notification) error { cancel(); return nil }})
	if e := failure(t, err); !e.Killed || !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context at a stage: %+v", e)
	}

	c = fakeCriu(t, "hang")
	c.Grace = hurry
	p, told, _ := between(t, c)
	ctx, cancel = context.WithCancel(t.Context())
	go func() {
		_, _ = told.Read(make([]byte, 1))
		cancel()
	}()
	err = p.Dump(ctx, &Request{Images: directory(t)})
	if e := failure(t, err); !e.Killed || !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context while criu works: %+v", e)
	}
}

// Without an end of the context criu may take as long as it likes, whatever the grace.
func TestNoHurry(t *testing.T) {
	c := fakeCriu(t, "stages", "FAKE_STAGES=pre-dump")
	c.Grace = hurry
	p, told, goOn := between(t, c)
	go func() {
		_, _ = told.Read(make([]byte, 1))
		time.AfterFunc(2*hurry, goOn)
	}()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	if err := p.Dump(ctx, &Request{Images: directory(t)}); err != nil {
		t.Error(err)
	}
}

func TestDeath(t *testing.T) {
	for _, signal := range []string{"", "1"} {
		for moment, stage := range map[string]Stage{
			"request": "", "first stage": "", "reply": StagePreDump, "second stage": StagePreDump, "answer": StageNetworkLock,
		} {
			c := fakeCriu(t, "die", "FAKE_DIE="+moment, "FAKE_SIGNAL="+signal)
			c.Grace = patience
			err := c.Dump(t.Context(), &Request{Images: directory(t)})
			e := failure(t, err)
			how := "exit status 7"
			if signal != "" {
				how = "killed"
			}
			if !errors.Is(err, ErrDied) || e.Stage != stage || e.Killed || !strings.Contains(err.Error(), how) {
				t.Errorf("before %s: %+v", moment, e)
			}
		}
		c := fakeCriu(t, "die", "FAKE_DIE=end", "FAKE_SIGNAL="+signal)
		if err := c.Dump(t.Context(), &Request{Images: directory(t)}); err != nil {
			t.Errorf("what happens after the answer: %v", err)
		}
	}
}

// The end of criu is seen although its children hold the socket.
func TestChildrenHoldTheSocket(t *testing.T) {
	for _, test := range []struct {
		env  []string
		left bool // a process of another session is not ended
	}{
		{[]string{"FAKE_DIE=1"}, false},
		{[]string{"FAKE_DIE=1", "FAKE_SETSID=1"}, true},
		{nil, true},
	} {
		c := fakeCriu(t, "holder", test.env...)
		c.Grace = patience
		images := directory(t)
		err := c.Dump(t.Context(), &Request{Images: images})
		if died := slices.Contains(test.env, "FAKE_DIE=1"); died != errors.Is(err, ErrDied) || !died && err != nil {
			t.Errorf("%v: %v", test.env, err)
		}
		child := readReport(t, images).Child
		if test.left {
			end(t, child)
		} else {
			gone(t, child)
		}
	}
}

func TestMalformed(t *testing.T) {
	for kind, text := range map[string]string{
		"garbage":          "bytes",
		"nothing":          "without an answer",
		"cut off":          "bytes",
		"incomplete":       "bytes",
		"too large":        "more than 131072 bytes",
		"another type":     "type RESTORE, want DUMP",
		"empty":            "type EMPTY, want DUMP",
		"many descriptors": "one descriptor",
		"large":            "",
		"descriptor":       "",
	} {
		c := fakeCriu(t, "malformed", "FAKE_KIND="+kind)
		c.Grace = patience
		images := directory(t)
		before := openFiles()
		err := c.Dump(t.Context(), &Request{Images: images})
		sameFiles(t, before)
		if text == "" {
			if err != nil {
				t.Errorf("%s: %v", kind, err)
			}
			continue
		}
		if e := failure(t, err); !strings.Contains(err.Error(), text) || kind != "nothing" && !errors.Is(err, ErrProtocol) || e.Killed {
			t.Errorf("%s: %v, want %q", kind, err, text)
		}
	}
	// A request that has no stages.
	_, err := fakeCriu(t, "malformed", "FAKE_KIND=stage").Version(t.Context())
	if !errors.Is(err, ErrProtocol) || !strings.Contains(err.Error(), "stage") {
		t.Errorf("a stage of a request without: %v", err)
	}
}

// What a failed restore leaves is ended, and reaped if it is a child of this program.
func TestRestoreLeavesNothing(t *testing.T) {
	for name, env := range map[string][]string{
		"died before criu told of it":   nil,
		"failed before criu told of it": {"FAKE_END=failure"},
		"zombie":                        {"FAKE_END=failure", "FAKE_DEAD=1"},
		"failed later":                  {"FAKE_END=failure", "FAKE_STAGE=setup-namespaces"},
		"died later":                    {"FAKE_STAGE=setup-namespaces"},
	} {
		for _, same := range []bool{false, true} {
			if same && len(env) < 2 || same && name == "zombie" {
				continue // what criu has told of can be known
			}
			c := fakeCriu(t, "restore", env...)
			c.SameSession, c.Grace = same, patience
			images := directory(t)
			pid, err := c.Restore(t.Context(), &Request{Images: images})
			if pid != 0 || !errors.Is(err, ErrFailed) && !errors.Is(err, ErrDied) {
				t.Errorf("%s: process %d, error %v", name, pid, err)
			}
			gone(t, readReport(t, images).Child)
		}
	}
}

func TestRestoredIsChild(t *testing.T) {
	c := fakeCriu(t, "restore", "FAKE_STAGE=setup-namespaces", "FAKE_END=success")
	images := directory(t)
	pid, err := c.Restore(t.Context(), &Request{Images: images, Notify: func(n *Notification) error {
		if n.Pid <= 0 {
			t.Errorf("the notification's pid is %d", n.Pid)
		}
		return nil
	}})
	if err != nil || pid != readReport(t, images).Child {
		t.Fatalf("process %d, error %v", pid, err)
	}
	if status := end(t, pid); status.Signal() != unix.SIGKILL {
		t.Errorf("it has ended with %v", status)
	}
}

// A process that is no child of criu's or this program's is never ended, whatever criu says.
func TestForeignPid(t *testing.T) {
	p := &child{pid: os.Getpid()}
	if task := p.task(1); task != nil {
		t.Errorf("process %d is taken for a task of criu's", task.Pid())
	}
	if task := p.task(os.Getpid()); task != nil {
		t.Errorf("this process is taken for a task of criu's")
	}
}

func TestMany(t *testing.T) {
	done := make(chan error)
	const many = 8
	for i := range many {
		stages := []Stage{StagePreDump, StageNetworkLock, StagePostDump}
		go func() {
			c := fakeCriu(t, "stages", "FAKE_STAGES="+join(stages))
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			at := i % (len(stages) + 1)
			err := c.Dump(ctx, &Request{Images: directory(t), Notify: func(n *Notification) error {
				if at < len(stages) && n.Stage == stages[at] {
					cancel()
				}
				return nil
			}})
			if at < len(stages) == errors.Is(err, context.Canceled) {
				err = nil
			}
			done <- err
		}()
	}
	for range many {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A panic in Notify leaves no criu.
func TestPanic(t *testing.T) {
	c := fakeCriu(t, "stages", "FAKE_STAGES=pre-dump")
	p, err := c.Start()
	if err != nil {
		t.Fatal(err)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("there was no panic")
			}
		}()
		_ = p.Dump(t.Context(), &Request{Images: directory(t), Notify: func(*Notification) error { panic("oh") }})
	}()
	gone(t, p.Pid())
}

func TestAnswersFitTheBuffer(t *testing.T) {
	data, err := (&rpc.CriuResp{
		Type: rpc.CriuReqType_DUMP.Enum(), Success: ptr(false), CrErrmsg: ptr(strings.Repeat("x", 64<<10)),
	}).MarshalVT()
	if err != nil || len(data) > maxMessage {
		t.Errorf("an answer with a long message has %d bytes, error %v", len(data), err)
	}
}
