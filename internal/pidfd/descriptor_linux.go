package pidfd

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// sharedFile is a pidfd that several share.
type sharedFile struct {
	file *os.File // in the runtime's poller

	// mu guards what follows. Who holds it may wait for a watch that has been told
	// to stop: a watch takes no lock.
	mu    sync.Mutex
	users int
	watch *watch // nil if nobody waits
}

// watch waits for the end of the process, for all who wait. It is a goroutine in the
// runtime's poller, not a thread as for waitid(2).
type watch struct {
	waiting int
	done    chan struct{} // closed when err is set
	err     error
}

// newSharedFile owns the pidfd, and has one user.
func newSharedFile(fd int) (*sharedFile, error) {
	if err := unix.SetNonblock(fd, true); err != nil { // for the poller
		unix.Close(fd)
		return nil, fmt.Errorf("make it non-blocking: %w", err)
	}
	file := os.NewFile(uintptr(fd), "pidfd")
	// os.NewFile gives a file without the poller where anything fails. Who waited for the end
	// by that would be told of an error, and take a process for ended that is not.
	if err := file.SetReadDeadline(time.Time{}); err != nil {
		file.Close()
		return nil, fmt.Errorf("wait for it by the poller: %w", err)
	}
	return &sharedFile{file: file, users: 1}, nil
}

// acquire adds a user; the result is nil if the last one has gone.
func (d *sharedFile) acquire() *sharedFile {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users == 0 {
		return nil
	}
	d.users++
	return d
}

func (d *sharedFile) release() {
	if d == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users--; d.users == 0 {
		d.file.Close()
	}
}

// signal sends a signal, or with 0 looks whether it could. The error is ErrNoProcess
// if the process has been reaped.
func (d *sharedFile) signal(sig unix.Signal) error {
	err := descriptor.Control(d.file, func(fd int) error { return unix.PidfdSendSignal(fd, sig, nil, 0) })
	switch {
	case errors.Is(err, unix.ESRCH):
		return fmt.Errorf("%w: %w", ErrNoProcess, err)
	case sig == 0 && errors.Is(err, unix.EPERM):
		return nil // it is there, and another user's
	}
	return err
}

func (d *sharedFile) ended() (ended bool, err error) {
	err = descriptor.Control(d.file, func(fd int) (err error) {
		ended, err = hasEnded(fd)
		return err
	})
	return ended, err
}

// hasEnded tells whether the process of a pidfd has ended: then it is readable.
func hasEnded(pidfd int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	n, err := descriptor.Retry(func() (int, error) { return unix.Poll(fds, 0) })
	return n > 0, err
}

// join returns the watch, which the caller leaves.
func (d *sharedFile) join() *watch {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.watch == nil {
		d.watch = &watch{done: make(chan struct{})}
		go d.watch.run(d.file)
	}
	d.watch.waiting++
	return d.watch
}

// leave stops the watch when it is no more of use to anybody.
func (d *sharedFile) leave(w *watch) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w.waiting--; w.waiting > 0 {
		return
	}
	d.watch = nil
	_ = d.file.SetReadDeadline(time.Unix(1, 0))
	<-w.done
	_ = d.file.SetReadDeadline(time.Time{}) // for the next watch
}

func (w *watch) run(file *os.File) {
	defer close(w.done)
	conn, err := file.SyscallConn()
	if err != nil {
		w.err = err
		return
	}
	err = conn.Read(func(fd uintptr) bool {
		var ended bool
		ended, w.err = hasEnded(int(fd))
		return ended || w.err != nil
	})
	if err != nil {
		w.err = err
	}
}
