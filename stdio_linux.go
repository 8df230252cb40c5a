// The host's side: a process's standard descriptors.

package libcontainer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// stdio is what a process reads from and writes to: the child's descriptors 0 to
// 2, and the copying between pipes and the caller's readers and writers.
type stdio struct {
	files  [3]*os.File // for the child
	own    int         // bit n: files[n] is a pipe that was made here
	closed []*os.File  // to close once the child has its copies
	ours   []*os.File  // our ends of the pipes
	copies []func() error
	feeds  []func() error // copies to the process, which nobody waits for

	mu       sync.Mutex
	errs     []error
	draining bool
	copying  int           // how many copies from the process have not ended
	drained  chan struct{} // closed when all have
}

// newStdio opens the descriptors.
func newStdio(p *Process) (_ *stdio, err error) {
	s := &stdio{drained: make(chan struct{})}
	defer func() {
		if err != nil {
			s.abort()
		}
	}()
	if p.hasConsole() {
		return s, s.terminal(p)
	}
	if err := s.input(p.Stdin); err != nil {
		return nil, fmt.Errorf("open standard input: %w", err)
	}
	if err := s.output(1, p.Stdout); err != nil {
		return nil, fmt.Errorf("open standard output: %w", err)
	}
	if p.Stderr != nil && sameWriter(p.Stderr, p.Stdout) {
		s.files[2] = s.files[1]
		s.own |= (s.own & 2) << 1
	} else if err := s.output(2, p.Stderr); err != nil {
		return nil, fmt.Errorf("open standard error: %w", err)
	}
	return s, nil
}

// chown gives the pipes, both ends of which are one object, to the host's ids of
// the container's root: that may give them to the program's user.
func (s *stdio) chown(uid, gid int) error {
	for _, f := range s.ours {
		if err := f.Chown(uid, gid); err != nil {
			return fmt.Errorf("chown pipe of standard input or output: %w", err)
		}
	}
	return nil
}

// sameWriter compares as os/exec does: dynamic types that cannot be compared
// would panic, and are not the same.
func sameWriter(a, b io.Writer) (same bool) {
	defer func() { _ = recover() }()
	return a == b
}

// terminal makes the process's console all three descriptors.
func (s *stdio) terminal(p *Process) error {
	if p.Stdin != nil || p.Stdout != nil || p.Stderr != nil {
		return errorf(ConfigInvalid, "the process has a console: Stdin, Stdout and Stderr must be nil")
	}
	if p.console == nil {
		return s.noTerminalYet()
	}
	slave, err := p.console()
	if err != nil {
		return err
	}
	s.files = [3]*os.File{slave, slave, slave}
	s.closed = append(s.closed, slave)
	if size := p.ConsoleSize; size != nil {
		ws := unix.Winsize{Row: size.Height, Col: size.Width}
		if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &ws); err != nil {
			return fmt.Errorf("set the size of the terminal: ioctl TIOCSWINSZ: %w", err)
		}
	}
	s.own = 1 // one chown is enough
	return nil
}

// noTerminalYet is for a terminal that init will make: until then it has the null device.
func (s *stdio) noTerminalYet() error {
	if err := s.null(0, os.O_RDWR); err != nil {
		return fmt.Errorf("open standard input: %w", err)
	}
	s.files[1], s.files[2] = s.files[0], s.files[0]
	return nil
}

func (s *stdio) input(r io.Reader) error {
	if f, ok := r.(*os.File); ok && f != nil {
		s.files[0] = f
		return nil
	}
	if r == nil {
		return s.null(0, os.O_RDONLY)
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return err
	}
	s.pipe(0, pr, pw)
	s.feeds = append(s.feeds, func() error {
		_, err := io.Copy(pw, r)
		if errors.Is(err, syscall.EPIPE) {
			err = nil // the program need not read all of its input
		}
		return errors.Join(err, pw.Close())
	})
	return nil
}

func (s *stdio) output(i int, w io.Writer) error {
	if f, ok := w.(*os.File); ok && f != nil {
		s.files[i] = f
		return nil
	}
	if w == nil {
		return s.null(i, os.O_WRONLY)
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return err
	}
	s.pipe(i, pw, pr)
	s.copies = append(s.copies, func() error {
		_, err := io.Copy(w, pr)
		return errors.Join(err, pr.Close())
	})
	return nil
}

func (s *stdio) pipe(i int, child, ours *os.File) {
	s.files[i] = child
	s.own |= 1 << i
	s.closed = append(s.closed, child)
	s.ours = append(s.ours, ours)
}

func (s *stdio) null(i, flag int) error {
	f, err := os.OpenFile(os.DevNull, flag, 0)
	if err != nil {
		return err
	}
	s.files[i] = f
	s.closed = append(s.closed, f)
	return nil
}

// closeChild closes what only the child needs.
func (s *stdio) closeChild() {
	for _, f := range s.closed {
		f.Close()
	}
	s.closed = nil
}

// drain begins to copy what the process writes. It begins with the process, so that also
// the output of one that fails to start arrives.
func (s *stdio) drain() {
	s.copying = len(s.copies)
	if s.copying == 0 {
		close(s.drained)
	}
	for _, c := range s.copies {
		go func() {
			err := c()
			s.failed(err)
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.copying--; s.copying == 0 {
				close(s.drained)
			}
		}()
	}
	s.draining = true
}

// feed begins to copy to the process. Nothing is read from the caller's readers before
// the process has started, so that a failed start loses no input.
func (s *stdio) feed() {
	for _, f := range s.feeds {
		go func() { s.failed(f()) }()
	}
}

func (s *stdio) failed(err error) {
	if err == nil || errors.Is(err, os.ErrClosed) {
		return // finish has ended it
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, err)
}

// defaultWaitDelay is what a zero Process.WaitDelay means.
const defaultWaitDelay = time.Second

// awaitDelayed waits until a channel is closed, for as long as a Process.WaitDelay says. It
// tells whether it was.
func awaitDelayed(done <-chan struct{}, delay time.Duration) bool {
	var expired <-chan time.Time
	if delay == 0 {
		delay = defaultWaitDelay
	}
	if delay > 0 {
		timer := time.NewTimer(delay)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-done:
		return true
	case <-expired:
		return false
	}
}

// finish waits, after the end of the process, until all that it has written has
// been copied: until no process has the other ends of the pipes. If one that it
// has left behind has them for longer than the delay, they are closed. A copy
// into the process is ended, and not waited for: what it reads from is the
// caller's and may block for ever.
func (s *stdio) finish(delay time.Duration) error {
	late := !awaitDelayed(s.drained, delay)
	for _, f := range s.ours {
		f.Close() // what has ended by itself has closed it already
	}
	<-s.drained
	s.mu.Lock()
	defer s.mu.Unlock()
	err := errors.Join(s.errs...)
	if late {
		err = errors.Join(exec.ErrWaitDelay, err)
	}
	return err
}

// abort takes back what newStdio has opened. What a process that has failed to start has
// written reaches the caller's writers before.
func (s *stdio) abort() {
	s.closeChild()
	if s.draining {
		_ = s.finish(0)
		return
	}
	for _, f := range s.ours {
		f.Close()
	}
	s.ours = nil
}

// InitializeIO creates pipes for use with the process's STDIO and returns the
// opposite side for each. The pipes belong to the user rootuid, container root
// as the host sees it. The caller closes what it gets; the process's ends are
// closed by Start.
func (p *Process) InitializeIO(rootuid int) (i *IO, err error) {
	var files []*os.File
	defer func() {
		if err == nil {
			return
		}
		for _, f := range files {
			f.Close()
		}
	}()
	pipe := func() (r, w *os.File, err error) {
		if r, w, err = os.Pipe(); err != nil {
			return nil, nil, newSystemError(fmt.Errorf("initialize IO: %w", err))
		}
		files = append(files, r, w)
		for _, f := range []*os.File{r, w} {
			if err := f.Chown(rootuid, rootuid); err != nil {
				return nil, nil, newSystemError(fmt.Errorf("initialize IO: chown pipe to %d: %w", rootuid, err))
			}
		}
		return r, w, nil
	}
	inR, inW, err := pipe()
	if err != nil {
		return nil, err
	}
	outR, outW, err := pipe()
	if err != nil {
		return nil, err
	}
	errR, errW, err := pipe()
	if err != nil {
		return nil, err
	}
	p.Stdin, p.Stdout, p.Stderr = inR, outW, errW
	p.closeAfterStart = append(p.closeAfterStart, inR, outW, errW)
	return &IO{Stdin: inW, Stdout: outR, Stderr: errR}, nil
}
