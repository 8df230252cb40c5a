// The host's side: a process's terminal, with a terminal of this program as its window.

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// File returns the terminal as a file, which the terminal still owns: for those who wait
// for it with deadlines, or pass it on.
func (c *Terminal) File() *os.File { return c.master }

// Resize gives the terminal a size. The programs on it get SIGWINCH if it is another one,
// see ioctl_tty(2), TIOCSWINSZ.
func (c *Terminal) Resize(size configs.ConsoleSize) error {
	err := descriptor.Control(c.master, func(fd int) error {
		return unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: size.Height, Col: size.Width})
	})
	if err != nil {
		return newSystemError(fmt.Errorf("resize terminal: %w", err))
	}
	return nil
}

// Attach makes another terminal, such as os.Stdin, the window of this one: what is typed
// there goes in as it is, and what is written here comes out there. The window is raw as
// long as it is attached (cfmakeraw(3)), so that Ctrl-C is a matter of the program, and the
// terminal has its size, also when that changes.
//
// The function that it returns gives the window back as it was. It may be called several
// times. The channel is closed when no program has the terminal open any more, and all that
// they have written has been shown.
//
// errors:
// ConfigInvalid - the window is no terminal,
// SystemError - System error.
func (c *Terminal) Attach(window *os.File) (detach func(), shown <-chan struct{}, err error) {
	w := &attachedWindow{terminal: c, window: window, shown: make(chan struct{})}
	if w.wake, w.waker, err = os.Pipe(); err != nil {
		return nil, nil, newSystemError(fmt.Errorf("attach terminal: %w", err))
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	restore, err := MakeRaw(window)
	if err == nil {
		if err = w.resize(); err != nil {
			restore()
		}
	}
	if err != nil {
		signal.Stop(resized)
		return nil, nil, newSystemError(fmt.Errorf("attach terminal: %w", errors.Join(err, w.wake.Close(), w.waker.Close())))
	}
	go w.show()
	w.running.Go(w.read)
	w.running.Go(func() {
		for range resized {
			_ = w.resize() // a window that has gone has no size
		}
	})
	return sync.OnceFunc(func() {
		signal.Stop(resized)
		close(resized)
		w.waker.Close()
		// What was typed may wait for a program that does not read.
		_ = c.master.SetWriteDeadline(time.Unix(1, 0))
		w.running.Wait()
		_ = c.master.SetWriteDeadline(time.Time{})
		w.wake.Close()
		restore()
	}), w.shown, nil
}

// attachedWindow is a window and what goes on between it and its terminal.
type attachedWindow struct {
	terminal    *Terminal
	window      *os.File
	wake, waker *os.File // the first is readable when the window is to be given back
	shown       chan struct{}
	running     sync.WaitGroup
}

func (w *attachedWindow) resize() error {
	var size *unix.Winsize
	err := descriptor.Control(w.window, func(fd int) (err error) {
		size, err = unix.IoctlGetWinsize(fd, unix.TIOCGWINSZ)
		return err
	})
	if err != nil {
		return fmt.Errorf("size of %s: %w", w.window.Name(), err)
	}
	return w.terminal.Resize(configs.ConsoleSize{Height: size.Row, Width: size.Col})
}

// show ends with an error: EIO when nobody has the other side open.
func (w *attachedWindow) show() {
	defer close(w.shown)
	_, _ = io.Copy(struct{ io.Writer }{w.window}, struct{ io.Reader }{w.terminal})
}

// read passes on what is typed. It waits by poll(2), since a read that waits in the kernel
// would take what is typed after the window has been given back.
func (w *attachedWindow) read() {
	buf := make([]byte, 4096)
	for {
		n, err := w.typed(buf)
		if n > 0 {
			_, err = w.terminal.Write(buf[:n])
		}
		if err != nil || n == 0 {
			return
		}
	}
}

// typed returns 0 when there will be nothing more.
func (w *attachedWindow) typed(buf []byte) (n int, err error) {
	err = descriptor.Control(w.wake, func(wake int) error {
		return descriptor.Control(w.window, func(window int) error {
			n, err = readUnless(window, wake, buf)
			return err
		})
	})
	return n, err
}

// readUnless reads from one descriptor, unless the other is readable.
func readUnless(fd, end int, buf []byte) (int, error) {
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}, {Fd: int32(end), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, err
		case fds[1].Revents != 0:
			return 0, nil
		}
		n, err := unix.Read(fd, buf)
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return max(n, 0), err
		}
	}
}

// MakeRaw gives a terminal, such as os.Stdin, the modes of cfmakeraw(3): what is typed is read
// as it is and at once, and nothing is shown by itself. The function that it returns gives it
// the modes back that it had.
//
// errors:
// ConfigInvalid - it is no terminal,
// SystemError - System error.
func MakeRaw(terminal *os.File) (restore func(), err error) {
	old, err := termiosOf(terminal)
	if err != nil {
		return nil, invalid(fmt.Errorf("%s is not a terminal: %w", terminal.Name(), err))
	}
	if err := setTermios(terminal, raw(*old)); err != nil {
		return nil, newSystemError(err)
	}
	return func() { _ = setTermios(terminal, old) }, nil
}

func termiosOf(f *os.File) (t *unix.Termios, err error) {
	err = descriptor.Control(f, func(fd int) (err error) {
		t, err = unix.IoctlGetTermios(fd, unix.TCGETS)
		return err
	})
	return t, err
}

func setTermios(f *os.File, t *unix.Termios) error {
	err := descriptor.Control(f, func(fd int) error { return unix.IoctlSetTermios(fd, unix.TCSETS, t) })
	if err != nil {
		return fmt.Errorf("set the modes of %s: %w", f.Name(), err)
	}
	return nil
}

// raw gives what cfmakeraw(3) makes of modes.
func raw(t unix.Termios) *unix.Termios {
	t.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	t.Oflag &^= unix.OPOST
	t.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	t.Cflag = t.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
	return &t
}

// RunOnTerminal is Run with the program on a terminal of the container's own, to which a
// terminal of this program, such as os.Stdin, is attached as its window: see NewTerminal and
// Terminal.Attach. The window is given back as it was, whatever happens. Stdin, Stdout and
// Stderr of the process must be nil.
//
// errors: those of Run; ConfigInvalid - the window is no terminal; ConsoleExists - the process
// has a console.
func (c *Instance) RunOnTerminal(ctx context.Context, process *Process, window *os.File) (*Result, error) {
	if process == nil {
		return nil, checkProcess(process)
	}
	if _, err := termiosOf(window); err != nil {
		return nil, invalid(fmt.Errorf("run on terminal: %s is not a terminal: %w", window.Name(), err))
	}
	var terminal *Terminal
	var shown <-chan struct{}
	detach := func() {}
	err := process.NewTerminal(func(console Console) (err error) {
		terminal = console.(*Terminal)
		back, all, err := terminal.Attach(window)
		if err == nil {
			detach, shown = back, all
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	result, err := c.Run(ctx, process)
	if shown != nil && result != nil {
		awaitDelayed(shown, process.WaitDelay) // programs that are left behind may keep the terminal open
	}
	detach()
	if terminal != nil {
		terminal.Close()
		if shown != nil {
			<-shown
		}
	}
	return result, err
}
