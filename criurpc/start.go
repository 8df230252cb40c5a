package criurpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// firstFile is the number in criu of the first descriptor after the standard ones.
const firstFile = 3

// maxStderr bounds what criu can write to its standard error.
const maxStderr = 64 << 10

// child is a criu that runs.
type child struct {
	pid     int
	process *pidfd.Process
	stderr  *os.File
	grace   time.Duration
	session bool // it leads one of its own

	ended chan struct{} // closed when it has ended; it has not been reaped then
	once  sync.Once
	end   error // how it has ended, nil for the exit status 0

	killed bool // it had to be killed to end
}

// spawn executes criu on this thread, with the files as descriptors from firstFile on.
// Whenever it ends, atEnd is called.
func (c *Criu) spawn(args []string, files []*os.File, atEnd func()) (*child, error) {
	path, err := c.program()
	if err != nil {
		return nil, err
	}
	p, err := c.execute(path, args, files)
	if err != nil {
		return nil, &Error{Op: OpStart, Err: err}
	}
	go func() {
		defer close(p.ended)
		_ = p.process.Await(context.Background())
		atEnd()
	}()
	return p, nil
}

func (c *Criu) execute(path string, args []string, files []*os.File) (*child, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	stderr, err := newStderr()
	if err != nil {
		return nil, err
	}
	fds, closeFds, err := numbers(append([]*os.File{null, null, stderr}, files...))
	if err != nil {
		stderr.Close()
		return nil, err
	}
	defer closeFds()
	fd := -1
	argv := append([]string{"criu"}, c.Args...)
	argv = append(append(argv, "--no-default-config"), args...)
	// Not os.StartProcess: it takes O_NONBLOCK from the files, whoever else uses them.
	pid, _, err := syscall.StartProcess(path, argv, &syscall.ProcAttr{
		Dir:   "/",
		Env:   c.environment(),
		Files: fds,
		Sys:   &syscall.SysProcAttr{Setsid: !c.SameSession, PidFD: &fd},
	})
	if err != nil {
		stderr.Close()
		return nil, &os.PathError{Op: "execute", Path: path, Err: err}
	}
	p := &child{pid: pid, stderr: stderr, grace: c.grace(), session: !c.SameSession, ended: make(chan struct{})}
	if p.process, err = pidfd.Adopt(fd, pid); err != nil {
		_ = unix.Kill(pid, unix.SIGKILL)
		_, _ = unix.Wait4(pid, nil, 0, nil)
		stderr.Close()
		return nil, err
	}
	return p, nil
}

// numbers are descriptors of the files for a process that is about to be started.
func numbers(files []*os.File) (fds []uintptr, closeAll func(), err error) {
	closeAll = func() {
		for _, fd := range fds {
			unix.Close(int(fd))
		}
	}
	for _, f := range files {
		fd, err := descriptor.Duplicate(f)
		if err != nil {
			closeAll()
			return nil, nil, err
		}
		fds = append(fds, uintptr(fd))
	}
	return fds, closeAll, nil
}

// newStderr makes a file in memory that cannot grow, so that criu never waits for a reader.
func newStderr() (*os.File, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate("criu stderr", flags|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3
		fd, err = unix.MemfdCreate("criu stderr", flags)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), "criu stderr")
	err = f.Truncate(maxStderr)
	if err == nil {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, unix.F_SEAL_GROW|unix.F_SEAL_SHRINK)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("make a file for criu's standard error: %w", err)
	}
	return f, nil
}

// output is what criu has written to its standard error.
func (p *child) output() []byte {
	end, err := p.stderr.Seek(0, io.SeekCurrent) // it shares the offset with criu
	if err != nil {
		return nil
	}
	text := make([]byte, min(end, maxStderr))
	n, _ := p.stderr.ReadAt(text, 0)
	return text[:n]
}

func (p *child) kill() { _ = p.process.Signal(unix.SIGKILL) }

// wait waits for criu's end, and kills it if that takes too long.
func (p *child) wait() {
	for _, last := range []bool{false, true} {
		timer := time.NewTimer(p.grace)
		defer timer.Stop()
		select {
		case <-p.ended:
			return
		case <-timer.C:
			if !last {
				p.killed = true
				p.kill()
			}
		}
	}
}

// reap waits for criu's end, which it forces if it takes too long. If the request has failed,
// it ends what criu has left. Only the first call does something.
func (p *child) reap(failed bool) error {
	p.once.Do(func() {
		p.wait()
		if failed && p.session {
			p.sweep() // as long as criu is a zombie, nobody else can have a session of its number
		}
		status, err := p.process.Reap()
		switch {
		case errors.Is(err, pidfd.ErrNotEnded): // it hangs in the kernel, or is being traced
			p.end = err
			go p.reapLater()
			return
		case err != nil:
			p.end = err
		case status.Signaled():
			p.end = fmt.Errorf("signal: %v", status.Signal())
		case status.ExitStatus() != 0:
			p.end = errors.New("exit status " + strconv.Itoa(status.ExitStatus()))
		}
		p.process.Close()
	})
	return p.end
}

// reapLater is for a criu that even SIGKILL has not ended in time.
func (p *child) reapLater() {
	<-p.ended
	_, _ = p.process.Wait()
	p.process.Close()
}
