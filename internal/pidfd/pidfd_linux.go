// Package pidfd refers to processes by descriptors, see pidfd_open(2): no later
// process that gets the same pid can be taken for the one that was meant. It waits
// for the end of a process without reaping it, and tells how any process has ended,
// whoever's child it is.
package pidfd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// ErrNoProcess says that there is no process of that pid, or none any more.
var ErrNoProcess = errors.New("there is no such process")

// Process is a reference to a process. All clones of it share one descriptor, which
// is closed with the last of them.
//
// A nil Process, and one that has been closed, are those of a process that has ended
// and of which nothing more can be known. All methods are safe for concurrent use.
type Process struct {
	pid   int
	start string // field 22 of /proc/[pid]/stat
	desc  atomic.Pointer[sharedFile]
}

// Open refers to a process that runs, or has ended and has not been reaped.
func Open(pid int) (*Process, error) {
	fd, err := unix.PidfdOpen(pid, 0)
	// EINVAL: no pid at all, or a thread, for which it is ENOENT on newer kernels.
	if errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOENT) {
		return nil, fmt.Errorf("pidfd_open process %d: %w: %w", pid, ErrNoProcess, err)
	}
	if err != nil {
		return nil, fmt.Errorf("pidfd_open process %d: %w", pid, err)
	}
	p, err := newProcess(pid, fd)
	if err != nil {
		return nil, err
	}
	if err := p.lookAtStart(); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// Adopt is Open for a process of which a pidfd has come from elsewhere, also for one that
// has been reaped meanwhile. The Process owns the descriptor; on error it is closed.
func Adopt(fd, pid int) (*Process, error) {
	found, err := pidOf(fd)
	if err == nil && found != pid && found != reaped {
		err = fmt.Errorf("the pidfd is that of process %d", found)
	}
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("pidfd of process %d: %w", pid, err)
	}
	p, err := newProcess(pid, fd)
	if err != nil {
		return nil, err
	}
	if err := p.lookAtStart(); err != nil && !errors.Is(p.signal0(), ErrNoProcess) {
		p.Close()
		return nil, err
	}
	return p, nil
}

// newProcess owns the descriptor.
func newProcess(pid, fd int) (*Process, error) {
	desc, err := newSharedFile(fd)
	if err != nil {
		return nil, fmt.Errorf("pidfd of process %d: %w", pid, err)
	}
	p := &Process{pid: pid}
	p.desc.Store(desc)
	return p, nil
}

// lookAtStart finds out when the process started, if it has not been reaped.
func (p *Process) lookAtStart() error {
	stat, err := ReadStat(p.pid)
	if err == nil {
		err = p.signal0() // if it has not been reaped by now, the file was its own
	}
	if err != nil {
		return fmt.Errorf("look at process %d: %w", p.pid, err)
	}
	p.start = stat.StartTime
	return nil
}

func (p *Process) signal0() error {
	desc := p.acquire()
	if desc == nil {
		return ErrNoProcess
	}
	defer desc.release()
	return desc.signal(0)
}

// Find refers to a process whose pid and start time are known from an earlier
// reference. If it has gone, or another process has its pid now, the result is as
// one that has been closed.
func Find(pid int, start string) (*Process, error) {
	p, err := Open(pid)
	if err == nil && p.start == start {
		return p, nil
	}
	p.Close()
	if err != nil && !errors.Is(err, ErrNoProcess) {
		return nil, err
	}
	return &Process{pid: pid, start: start}, nil
}

// reaped is what pidOf gives for a process that has been reaped.
const reaped = -1

// pidOf reads the pid from /proc/self/fdinfo, see proc_pid_fdinfo(5).
func pidOf(fd int) (int, error) {
	data, err := ReadFile("/proc/self/fdinfo/" + strconv.Itoa(fd))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(data) {
		if value, ok := bytes.CutPrefix(line, []byte("Pid:")); ok {
			return strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	return 0, errors.New("the descriptor is not a pidfd")
}

// Pid returns the process's pid, 0 for a nil Process.
func (p *Process) Pid() int {
	if p == nil {
		return 0
	}
	return p.pid
}

// StartTime returns when the process started, as field 22 of /proc/[pid]/stat has
// it: with the pid, it identifies a process until the next boot.
func (p *Process) StartTime() string { return p.start }

// Is tells whether this is the process of that pid and start time.
func (p *Process) Is(pid int, start string) bool {
	return p != nil && p.pid == pid && p.start == start
}

// Clone returns a reference that outlives this one. It needs no descriptor of its
// own, so it cannot fail.
func (p *Process) Clone() *Process {
	if p == nil {
		return nil
	}
	clone := &Process{pid: p.pid, start: p.start}
	clone.desc.Store(p.acquire())
	return clone
}

// Close gives up the reference. What waits on it goes on to wait.
func (p *Process) Close() {
	if p != nil {
		p.desc.Swap(nil).release()
	}
}

// acquire returns the descriptor, which the caller releases; nil if there is none.
func (p *Process) acquire() *sharedFile {
	if p == nil {
		return nil
	}
	return p.desc.Load().acquire()
}

// Alive tells whether the process runs; a zombie does not.
func (p *Process) Alive() (bool, error) {
	desc := p.acquire()
	if desc == nil {
		return false, nil
	}
	defer desc.release()
	ended, err := desc.ended()
	if err != nil {
		return false, fmt.Errorf("poll pidfd of process %d: %w", p.pid, err)
	}
	return !ended, nil
}

// Ended tells whether the process is known to have ended.
func (p *Process) Ended() bool {
	alive, err := p.Alive()
	return err == nil && !alive
}

// Ending tells whether the process has ended, or is about to: the kernel takes its
// namespaces from a process before its pidfd tells the end, for which the first
// process of a pid namespace waits until all others have ended.
func (p *Process) Ending() bool {
	if p == nil || p.desc.Load() == nil {
		return true
	}
	_, err := os.Readlink(procFile(p.pid, "ns/mnt"))
	gone := errors.Is(err, unix.ESRCH) || errors.Is(err, os.ErrNotExist)
	return p.Ended() || gone // in this order, for another process may have got its pid
}

// Signal sends a signal; that the process has ended already is no error.
func (p *Process) Signal(sig unix.Signal) error {
	desc := p.acquire()
	if desc == nil {
		return nil
	}
	defer desc.release()
	if err := desc.signal(sig); err != nil && !errors.Is(err, ErrNoProcess) {
		return fmt.Errorf("send signal %d to process %d: %w", sig, p.pid, err)
	}
	return nil
}

// File returns a copy of the descriptor, to be passed to another process. The error
// is ErrNoProcess if this reference has none.
func (p *Process) File() (*os.File, error) {
	desc := p.acquire()
	if desc == nil {
		return nil, fmt.Errorf("duplicate pidfd of process %d: %w", p.Pid(), ErrNoProcess)
	}
	defer desc.release()
	fd, err := descriptor.Duplicate(desc.file)
	if err != nil {
		return nil, fmt.Errorf("process %d: %w", p.pid, err)
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// Await blocks until the process has ended, without reaping it, or the context has.
// However many wait, they take one goroutine together and no thread.
func (p *Process) Await(ctx context.Context) error {
	desc := p.acquire()
	if desc == nil {
		return nil
	}
	defer desc.release()
	if ended, err := desc.ended(); ended && err == nil {
		return nil
	}
	w := desc.join()
	defer desc.leave(w)
	select {
	case <-w.done:
		if w.err != nil {
			return fmt.Errorf("wait for the end of process %d: %w", p.pid, w.err)
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Namespace opens a namespace of the process by its name in /proc/[pid]/ns. The
// error is ErrNoProcess if the process has ended or is ending.
func (p *Process) Namespace(name string) (*os.File, error) {
	ns, err := os.Open(procFile(p.pid, "ns/"+name))
	if err != nil {
		if p.Ending() {
			err = ErrNoProcess
		}
		return nil, fmt.Errorf("open %s namespace of process %d: %w", name, p.pid, err)
	}
	// Another process may have got its pid: then it is dead now.
	alive, err := p.Alive()
	if err == nil && !alive {
		err = ErrNoProcess
	}
	if err != nil {
		ns.Close()
		return nil, fmt.Errorf("open %s namespace of process %d: %w", name, p.pid, err)
	}
	return ns, nil
}

// HasExecuted tells whether the process has executed a program since it was forked.
// No process can change what the kernel says of that. The error is ErrNoProcess if it
// has been reaped.
func (p *Process) HasExecuted() (bool, error) {
	stat, err := p.stat()
	return err == nil && stat.Flags&forkNoExec == 0, err
}

// Dying tells whether the process is past all that a program can do. One whose descriptors
// have been closed, and which is not dying, has closed them itself. The error is as in
// HasExecuted.
func (p *Process) Dying() (bool, error) {
	stat, err := p.stat()
	return err == nil && stat.Flags&exiting != 0, err
}

func (p *Process) stat() (Stat, error) {
	stat, err := ReadStat(p.pid)
	if err == nil && stat.StartTime != p.start {
		err = ErrNoProcess // another one has its pid
	}
	if err != nil {
		return Stat{}, fmt.Errorf("look at process %d: %w", p.pid, err)
	}
	return stat, nil
}
