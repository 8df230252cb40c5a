package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/utils"
)

// streams are how a process that run, exec or restore starts is connected with the world.
type streams struct {
	terminal bool
	detach   bool
	socket   string // --console-socket

	console *libcontainer.Terminal // the window's side, which this command serves
}

// check refuses a terminal that nobody would serve, and a server without a terminal.
func (s *streams) check() error {
	switch {
	case s.terminal && s.detach && s.socket == "":
		return errors.New("a terminal and nobody to serve it: with a process that goes on by itself --console-socket must be given")
	case s.socket != "" && !s.terminal:
		return errors.New("--console-socket: the process has no terminal")
	case s.socket != "" && !s.detach:
		return errors.New("--console-socket: it takes --detach, for this command serves the terminal otherwise")
	}
	return nil
}

// attach connects a process before it is started.
func (s *streams) attach(p *libcontainer.Process, config *configs.Config) error {
	if err := s.check(); err != nil {
		return err
	}
	if s.socket != "" {
		return p.NewConsoleSocket(0, s.socket)
	}
	if !s.terminal {
		return passStdio(p, config, !s.detach)
	}
	if size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err == nil && p.ConsoleSize == nil {
		p.ConsoleSize = &configs.ConsoleSize{Height: size.Row, Width: size.Col}
	}
	return p.NewTerminal(func(console libcontainer.Console) error {
		s.console = console.(*libcontainer.Terminal)
		return nil
	})
}

// serve connects this command's standard streams with the terminal, if it serves one. When the process
// has ended, done writes what the terminal still has.
func (s *streams) serve() (done func(), err error) {
	if s.console == nil {
		return func() {}, nil
	}
	ended, end, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	restore, err := libcontainer.MakeRaw(os.Stdin)
	if errors.Is(err, libcontainer.ConfigInvalid) { // it is no terminal
		restore, err = func() {}, nil
	}
	if err != nil {
		return nil, errors.Join(err, ended.Close(), end.Close())
	}
	written := make(chan struct{})
	go func() { _, _ = io.Copy(s.console, os.Stdin) }()
	go func() {
		defer close(written)
		show(s.console, ended)
	}()
	return func() {
		end.Close()
		<-written
		restore()
		ended.Close()
		s.console.Close()
	}, nil
}

// Processes that the first one has left behind may go on to write.
const mostAfterEnd = 1 << 20 // bytes, which is more than a terminal holds

// show writes what comes from the terminal until nobody has its other side open, or until all is written
// that was there when the process ended.
func show(console libcontainer.Console, ended *os.File) {
	buffer := make([]byte, 32<<10)
	for late := 0; late < mostAfterEnd; {
		fds := []unix.PollFd{{Fd: int32(console.Fd()), Events: unix.POLLIN}, {Fd: int32(ended.Fd()), Events: unix.POLLIN}}
		if _, err := unix.Poll(fds, -1); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil || fds[0].Revents == 0 {
			return
		}
		n, err := console.Read(buffer)
		if err != nil { // EIO: nobody has it open
			return
		}
		if _, err := os.Stdout.Write(buffer[:n]); err != nil {
			return
		}
		if fds[1].Revents != 0 {
			late += n
		}
	}
}

// wait stays until the process has ended, and returns its exit status as a shell would. Signals that
// this command gets go to the process.
func (s *streams) wait(p *libcontainer.Process, signals <-chan os.Signal, reap bool) (int, error) {
	done, err := s.serve()
	if err != nil {
		return 0, errors.Join(err, p.Signal(syscall.SIGKILL))
	}
	defer done()
	pid, err := p.Pid()
	if err != nil {
		return 0, err
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case sig := <-signals:
				s.pass(p, pid, sig, reap)
			case <-ended:
				return
			}
		}
	}()
	state, err := p.WaitContext(context.Background())
	close(ended)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return utils.ExitStatus(state.Sys().(syscall.WaitStatus)), nil
}

func (s *streams) pass(p *libcontainer.Process, pid int, sig os.Signal, reap bool) {
	switch sig {
	case unix.SIGCHLD:
		if reap {
			reapOthers(pid)
		}
	case unix.SIGURG, unix.SIGPIPE: // the Go runtime's own, and about this command's output
	case unix.SIGWINCH:
		if s.console == nil {
			_ = p.Signal(sig)
		} else if size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ); err == nil {
			_ = s.console.Resize(configs.ConsoleSize{Height: size.Row, Width: size.Col})
		}
	default:
		_ = p.Signal(sig) // which fails if the process has just ended
	}
}

// reapOthers reaps what became a child of this command because it is a subreaper, and leaves the
// process that the library waits for.
func reapOthers(pid int) {
	for {
		var info unix.Siginfo
		err := unix.Waitid(unix.P_ALL, 0, &info, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil)
		child := pidOf(&info)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || child == 0 || child == pid {
			return
		}
		_, _ = unix.Wait4(child, nil, unix.WNOHANG, nil)
	}
}

// pidOf is the field si_pid, see sigaction(2), of a 64-bit machine.
func pidOf(info *unix.Siginfo) int { return int(*(*int32)(unsafe.Add(unsafe.Pointer(info), 16))) }

// watchSignalsUnless collects all signals, from before a process is started, unless it is left alone.
func watchSignalsUnless(detach bool) chan os.Signal {
	if detach {
		return nil
	}
	signals := make(chan os.Signal, 1024)
	signal.Notify(signals)
	return signals
}
