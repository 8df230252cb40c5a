package criurpc

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
)

func TestPageServer(t *testing.T) {
	for _, child := range []string{"nothing", "pause"} {
		c := fakeCriu(t, "pages", "FAKE_CHILD="+child)
		c.Grace = patience
		images := directory(t)
		before := openFiles()
		s, err := c.PageServer(t.Context(), &Request{Images: images})
		if err != nil {
			t.Fatal(err)
		}
		if pid := readReport(t, images).Child; s.Pid != pid || s.Port != 1234 {
			t.Errorf("process %d, port %d, want process %d", s.Pid, s.Port, pid)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if child == "pause" {
			cancel() // the server ends, and with it the wait
		}
		err = s.Wait(ctx)
		if child == "nothing" && err != nil || child == "pause" && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", child, err)
		}
		cancel()
		gone(t, s.Pid)
		sameFiles(t, before)
	}
}

func TestPageServerFails(t *testing.T) {
	c := fakeCriu(t, "pages", "FAKE_CHILD=pause")
	c.Grace = patience
	images := directory(t)
	s, err := c.PageServer(t.Context(), &Request{Images: images, Opts: &rpc.CriuOpts{LogFile: ptr("own.log")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(images.Name(), "own.log"), []byte("Error (p.c:1): no pages\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(s.Pid, unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err = s.Wait(t.Context())
	if e := failure(t, err); e.Op != OpWaitPid || !strings.Contains(err.Error(), "killed: Error (p.c:1): no pages") {
		t.Errorf("the error is %v", err)
	}
}

func TestPageServerClose(t *testing.T) {
	s, err := fakeCriu(t, "pages", "FAKE_CHILD=pause").PageServer(t.Context(), &Request{Images: directory(t)})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	gone(t, s.Pid)
}

// lazy starts a fake, whose end the second result decides: with "0" it has served all.
func lazy(t *testing.T, r *LazyPagesRequest) (*LazyPages, func(end string)) {
	t.Helper()
	r.Images, r.Work = directory(t), directory(t)
	fifo := filepath.Join(r.Work.Name(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	c := fakeCriu(t, "lazy")
	c.Grace = patience
	l, err := c.LazyPages(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return l, func(end string) {
		if err := os.WriteFile(fifo, []byte(end), 0o600); err != nil {
			t.Error(err)
		}
	}
}

func TestLazyPages(t *testing.T) {
	for end, text := range map[string]string{"0": "", "1": "exit status 1: Error (uffd.c:2): lost the page server"} {
		r := &LazyPagesRequest{Port: 99, Address: "::1", LogLevel: 4, Args: []string{"--own"}}
		l, finish := lazy(t, r)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := l.Wait(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("wait without patience: %v", err)
		}
		if alive, err := l.criu.process.Alive(); !alive || err != nil {
			t.Errorf("the end of a wait has ended criu: %v", err)
		}
		log, err := os.ReadFile(filepath.Join(r.Work.Name(), "lazy-pages.log"))
		want := "criu --no-default-config lazy-pages --images-dir /proc/self/fd/4 --work-dir /proc/self/fd/5 --log-file lazy-pages.log " +
			"--verbosity=4 --status-fd 3 --page-server --port 99 --address ::1 --own\n"
		if string(log) != want || err != nil {
			t.Errorf("the arguments are %q, want %q, error %v", log, want, err)
		}
		finish(end)
		err = l.Wait(t.Context())
		if text == "" && err != nil || text != "" && (err == nil || !strings.Contains(err.Error(), text)) {
			t.Errorf("the end %s: %v", end, err)
		}
		gone(t, l.Pid())
	}
}

func TestLazyPagesDoNotStart(t *testing.T) {
	images := directory(t)
	before := openFiles()
	_, err := fakeCriu(t, "lazy", "FAKE_LAZY=fails").LazyPages(t.Context(), &LazyPagesRequest{Images: images})
	if e := failure(t, err); e.Op != OpLazyPages || !errors.Is(err, ErrDied) || !strings.Contains(err.Error(), "exit status 1: Error (uffd.c:1): no") {
		t.Errorf("the error is %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), hurry)
	defer cancel()
	_, err = fakeCriu(t, "lazy", "FAKE_LAZY=hangs").LazyPages(ctx, &LazyPagesRequest{Images: images})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("criu that does not get ready: %v", err)
	}
	if _, err := fakeCriu(t, "lazy").LazyPages(t.Context(), &LazyPagesRequest{}); err == nil || !strings.Contains(err.Error(), "no directory") {
		t.Errorf("without images: %v", err)
	}
	if _, err := fakeCriu(t, "lazy").LazyPages(t.Context(), &LazyPagesRequest{Images: images, LogFile: "a/b"}); err == nil || !strings.Contains(err.Error(), "a/b") {
		t.Errorf("a log elsewhere: %v", err)
	}
	sameFiles(t, before)
}

func TestLazyPagesClose(t *testing.T) {
	l, _ := lazy(t, new(LazyPagesRequest))
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	gone(t, l.Pid())
}
