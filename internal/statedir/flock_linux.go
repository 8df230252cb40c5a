package statedir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Lock locks the directory, exclusively or shared with others who do the same,
// against all other handles on it, in this program and in others. It waits until the
// lock is free or the context ends. A program that dies loses its locks.
//
// Those who wait take no threads, and not more descriptors than two for a handle.
func (d *Dir) Lock(ctx context.Context, exclusive bool) (unlock func(), err error) {
	if err := d.lock.lock(ctx, exclusive); err != nil {
		return nil, fmt.Errorf("lock %s: %w", d.path, err)
	}
	var release func()
	if exclusive {
		release, err = d.flockExclusive(ctx)
	} else {
		release, err = d.flockShared(ctx)
	}
	if err != nil {
		d.lock.unlock(exclusive)
		return nil, fmt.Errorf("lock %s: %w", d.path, err)
	}
	return func() {
		release()
		d.lock.unlock(exclusive)
	}, nil
}

func (d *Dir) flockExclusive(ctx context.Context) (release func(), err error) {
	f, err := openFlock(d.path)
	if err != nil {
		return nil, err
	}
	if err := f.take(ctx, unix.LOCK_EX); err != nil {
		f.release()
		return nil, err
	}
	return d.hold(f), nil
}

func (d *Dir) hold(f *flock) (release func()) {
	d.held = f
	return func() {
		d.held = nil
		f.release()
	}
}

// TryLock takes the lock exclusively if it is free.
func (d *Dir) TryLock() (unlock func(), ok bool, err error) {
	if !d.lock.tryLock() {
		return nil, false, nil
	}
	f, err := openFlock(d.path)
	if err != nil {
		d.lock.unlock(true)
		return nil, false, fmt.Errorf("lock %s: %w", d.path, err)
	}
	if busy, err := f.try(unix.LOCK_EX); busy || err != nil {
		f.release()
		d.lock.unlock(true)
		return nil, false, err
	}
	release := d.hold(f)
	return func() {
		release()
		d.lock.unlock(true)
	}, true, nil
}

// Enter makes a directory, unless it is there, and locks it exclusively. Who has the lock may
// remove the directory: those who waited for it then make a new one.
func Enter(ctx context.Context, path string) (d *Dir, unlock func(), err error) {
	for {
		if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, nil, err
		}
		d, err := Open(path)
		if err != nil {
			return nil, nil, err
		}
		unlock, err := d.Lock(ctx, true)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		exists, err := d.Exists()
		if exists && err == nil {
			return d, unlock, nil
		}
		unlock()
		if err != nil {
			return nil, nil, err
		}
	}
}

// LockFile gives a descriptor of the lock to who has it exclusively. A process that inherits
// it has the lock, too: if this program dies, nobody else gets it before that process has ended.
func (d *Dir) LockFile() (*os.File, error) {
	fd, err := unix.FcntlInt(uintptr(d.held.dir), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("descriptor of the lock of %s: %w", d.path, os.NewSyscallError("fcntl", err))
	}
	return os.NewFile(uintptr(fd), d.path), nil
}

// share is the flock(2) that those of one handle have who share its lock.
type share struct {
	users int
	flock *flock

	ready chan struct{} // closed when the flock has been taken, or err is set
	err   error
	stop  context.CancelFunc // of the wait for it
}

func (d *Dir) flockShared(ctx context.Context) (release func(), err error) {
	s, err := d.join()
	if err != nil {
		return nil, err
	}
	select {
	case <-s.ready:
		err = s.err
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		d.leave(s)
		return nil, err
	}
	return func() { d.leave(s) }, nil
}

// join returns the share, which the caller leaves. If the lock is not free at once, a
// goroutine waits for it, for all.
func (d *Dir) join() (*share, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.shared; s != nil && !s.failed() {
		s.users++
		return s, nil
	}
	f, err := openFlock(d.path)
	if err != nil {
		return nil, err
	}
	s := &share{users: 1, flock: f, ready: make(chan struct{}), stop: func() {}}
	d.shared = s
	busy := false
	if busy, s.err = f.try(unix.LOCK_SH); !busy {
		close(s.ready)
		return s, nil
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go func() {
		s.err = f.take(ctx, unix.LOCK_SH)
		close(s.ready)
	}()
	return s, nil
}

func (s *share) failed() bool {
	select {
	case <-s.ready:
		return s.err != nil
	default:
		return false
	}
}

// leave ends the share with its last user.
func (d *Dir) leave(s *share) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s.users--; s.users > 0 {
		return
	}
	if d.shared == s {
		d.shared = nil
	}
	s.stop()
	<-s.ready // soon, since its wait has been stopped
	s.flock.release()
}

// flock is a flock(2) that one can wait for without a thread. flock(2) itself knows no
// deadline, and only a signal ends it: each wait that is given up would leave a thread
// in the kernel. But who holds the lock has the directory open, and when he closes it,
// even by his death, inotify(7) tells.
type flock struct {
	path string
	dir  int
}

// A close is told shortly before the kernel takes the lock from a program that dies
// (__fput in fs/file_table.c), and may not be told at all: on a network file system,
// or where the user has no inotify instance left. So the lock is tried again, soon
// after each event and less and less often until the next one.
const (
	firstRetry = time.Millisecond
	lastRetry  = 256 * time.Millisecond
)

func openFlock(path string) (*flock, error) {
	dir, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &flock{path, dir}, nil
}

// release ends the lock before the descriptor: so it is free when others learn of the
// close, also if a child of this program has the descriptor until its execve(2).
func (f *flock) release() {
	_ = unix.Flock(f.dir, unix.LOCK_UN)
	unix.Close(f.dir)
}

func (f *flock) try(how int) (busy bool, err error) {
	for {
		err := unix.Flock(f.dir, how|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return true, nil
		case err != nil:
			return false, fmt.Errorf("flock: %w", err)
		default:
			return false, nil
		}
	}
}

// take waits for the lock.
func (f *flock) take(ctx context.Context, how int) error {
	if busy, err := f.try(how); !busy {
		return err
	}
	closes, err := f.watch()
	if err == nil {
		defer closes.Close()
		defer context.AfterFunc(ctx, func() { _ = closes.SetReadDeadline(time.Unix(1, 0)) })()
	}
	retry := firstRetry
	for {
		if busy, err := f.try(how); !busy {
			return err
		}
		told := await(ctx, closes, retry)
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if told {
			retry = firstRetry
		} else {
			retry = min(2*retry, lastRetry)
		}
	}
}

// watch opens the events of the directory.
func (f *flock) watch() (*os.File, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify_init: %w", err)
	}
	dir := fmt.Sprintf("/proc/self/fd/%d", f.dir)
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CLOSE_NOWRITE|unix.IN_ONLYDIR); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("watch %s: %w", f.path, err)
	}
	return os.NewFile(uintptr(fd), "inotify"), nil
}

// await waits for an event, the retry or the end of the context, and tells whether it
// was an event. Without events to read it waits for the other two.
func await(ctx context.Context, events *os.File, retry time.Duration) (told bool) {
	if events != nil && events.SetReadDeadline(time.Now().Add(retry)) == nil {
		if ctx.Err() != nil {
			return false // its own deadline may have come before ours
		}
		_, err := events.Read(make([]byte, 4096))
		if err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			return err == nil
		}
	}
	timer := time.NewTimer(retry)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}
