package criurpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"
)

// LazyPagesRequest are the options of a criu that serves pages.
type LazyPagesRequest struct {
	// Images is the directory of the images, and Work that of the log and of the socket that
	// the restore with the option lazy_pages connects to: it needs the same. Work is Images if
	// it is nil.
	Images, Work *os.File

	// Address and Port are those of the page server that has the pages: a dump with the option
	// lazy_pages is one. If Port is 0, the pages are in the images.
	Address string
	Port    int

	LogLevel int    // 2 if it is 0
	LogFile  string // lazy-pages.log if it is empty

	Args []string // more options of "criu lazy-pages", see criu(8)
}

// LazyPages is a criu that serves the pages of processes that have been restored with the option
// lazy_pages, when they touch them: userfaultfd(2).
type LazyPages struct {
	criu  *child
	log   *os.File
	close sync.Once
}

// lazyFiles are the numbers in criu of its files.
const (
	lazyReady = firstFile + iota
	lazyImages
	lazyWork
)

// LazyPages starts one, and returns when it listens: processes can be restored then. The caller
// calls Wait or Close.
//
// The context is that of the start only. The fork is on the thread of the caller, see Start.
func (c *Criu) LazyPages(ctx context.Context, r *LazyPagesRequest) (*LazyPages, error) {
	fail := func(err error) (*LazyPages, error) { return nil, &Error{Op: OpLazyPages, Err: err} }
	if ctx.Err() != nil {
		return fail(ended(ctx))
	}
	if r.Images == nil {
		return fail(errors.New("there is no directory of images"))
	}
	work, name := r.Work, r.LogFile
	if work == nil {
		work = r.Images
	}
	if name == "" {
		name = "lazy-pages.log"
	}
	log, err := newLog(work, name)
	if err != nil {
		return fail(err)
	}
	ready, theirs, err := os.Pipe()
	if err != nil {
		log.Close()
		return fail(err)
	}
	defer ready.Close()
	l := &LazyPages{log: log}
	l.criu, err = c.spawn(r.args(name), []*os.File{theirs, r.Images, work}, func() {})
	theirs.Close()
	if err != nil {
		log.Close()
		return nil, err
	}
	if err := l.awaitReady(ctx, ready); err != nil {
		err = l.fail(err)
		l.Close()
		return nil, err
	}
	return l, nil
}

func (r *LazyPagesRequest) args(log string) []string {
	level := r.LogLevel
	if level == 0 {
		level = 2
	}
	file := func(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }
	args := []string{
		"lazy-pages", "--images-dir", file(lazyImages), "--work-dir", file(lazyWork),
		"--log-file", log, "--verbosity=" + strconv.Itoa(level), "--status-fd", strconv.Itoa(lazyReady),
	}
	if r.Port != 0 {
		args = append(args, "--page-server", "--port", strconv.Itoa(r.Port))
		if r.Address != "" {
			args = append(args, "--address", r.Address)
		}
	}
	return append(args, r.Args...)
}

// awaitReady waits for the byte that criu writes when it listens.
func (l *LazyPages) awaitReady(ctx context.Context, ready *os.File) error {
	stop := func() { _ = ready.SetReadDeadline(time.Unix(1, 0)) }
	defer context.AfterFunc(ctx, stop)()
	go func() { // a child of criu may hold the other end
		<-l.criu.ended
		stop()
	}()
	n, err := ready.Read(make([]byte, 1))
	switch {
	case n == 1:
		return nil
	case ctx.Err() != nil:
		return ended(ctx)
	case errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded):
		return ErrDied
	}
	return err
}

// fail tells what has happened to criu, which it ends.
func (l *LazyPages) fail(err error) error {
	e := &Error{Op: OpLazyPages, Err: err}
	if !errors.Is(err, ErrDied) {
		l.criu.kill()
	}
	if end := l.criu.reap(true); end != nil && errors.Is(err, ErrDied) {
		e.Err = fmt.Errorf("%w: %w", err, end)
	}
	e.quote(l.log, l.criu.output(), "")
	return e
}

// Pid is criu's.
func (l *LazyPages) Pid() int { return l.criu.pid }

// Wait waits until the processes have all their pages, or have ended. The end of the context
// does not end criu, for the processes could not go on without: Wait can be called again.
func (l *LazyPages) Wait(ctx context.Context) error {
	select {
	case <-l.criu.ended:
	case <-ctx.Done():
		return &Error{Op: OpLazyPages, Err: ended(ctx)}
	}
	defer l.Close()
	if l.criu.reap(false) == nil {
		return nil
	}
	return l.fail(ErrDied)
}

// Close ends criu if it still runs. Processes that wait for pages get a SIGBUS then, or wait for
// ever.
func (l *LazyPages) Close() error {
	l.criu.kill()
	_ = l.criu.reap(true)
	l.close.Do(func() {
		l.log.Close()
		l.criu.stderr.Close()
	})
	return nil
}
