// The host's side: Pause and Resume.

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// Pause stops all processes of the container, and returns when they have stopped. See
// Container for the errors.
func (c *Instance) Pause() error { return c.freeze("pause", configs.Frozen) }

// Resume lets the processes of a paused container go on. See Container for the errors.
func (c *Instance) Resume() error { return c.freeze("resume", configs.Thawed) }

func (c *Instance) freeze(step string, state configs.FreezerState) error {
	unlock, err := c.lock(context.Background(), callPause, step, true)
	if err != nil {
		return err
	}
	defer unlock()
	fail := func(err error) error { return newSystemError(fmt.Errorf("%s container %q: %w", step, c.id, err)) }
	v := c.view()
	_, phase, err := v.status()
	if err != nil {
		return fail(err)
	}
	if err := v.allow(callPause, phase, step); err != nil {
		return err
	}
	c.setPausing(state == configs.Frozen)
	defer c.setPausing(false)
	err = v.cgroups.Freeze(state)
	if err != nil && v.init.Ending() {
		return newError(fmt.Errorf("%s container %q: it has ended meanwhile: %w", step, c.id, err), ContainerNotRunning)
	}
	if err != nil {
		return fail(err)
	}
	return nil
}

// thaw is Resume without a look at the container's status. The caller holds the lock
// exclusively.
func (v *view) thaw() error {
	status, err := v.freezerStatus()
	if cgroupGone(err) {
		return nil
	}
	if err != nil || status == Running {
		return err
	}
	return v.cgroups.Freeze(configs.Thawed)
}

func (c *Instance) setPausing(pausing bool) {
	c.set(func(next *view) { next.pausing = pausing })
}

// awaitResume waits until the container is not paused any more, or has ended. The
// kernel does not tell the former, on cgroup v1; but who resumes it has opened its
// directory for the lock, and closes it, even if it dies then. inotify(7) sees that.
func (c *Instance) awaitResume(ctx context.Context) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("inotify_init: %w", err)
	}
	events := os.NewFile(uintptr(fd), "inotify")
	defer events.Close()
	if _, err := unix.InotifyAddWatch(fd, c.root, unix.IN_CLOSE_NOWRITE|unix.IN_DELETE_SELF|unix.IN_ONLYDIR); err != nil {
		return fmt.Errorf("watch %s: %w", c.root, err)
	}
	defer closeWith(ctx, events)()
	stop, err := c.onEnd(ctx, func() { _ = events.SetReadDeadline(time.Unix(1, 0)) })
	if err != nil {
		return err
	}
	defer stop()
	buf := make([]byte, 4096)
	for {
		status, err := c.Status()
		if err != nil {
			return err
		}
		if status != Paused && status != Pausing {
			return nil
		}
		_, err = events.Read(buf)
		if cause := context.Cause(ctx); cause != nil {
			return cause
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil // and another may have started it anew, and paused it
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("read events of %s: %w", c.root, err)
		}
	}
}

// onEnd has a function called if the container's init ends before the context does,
// or the returned function is called.
func (c *Instance) onEnd(ctx context.Context, call func()) (stop func(), err error) {
	v, err := c.lookFor(callStart, "wait for the end")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		defer v.close()
		if v.init.Await(ctx) == nil {
			call()
		}
	})
	return func() {
		cancel()
		watch.Wait()
	}, nil
}

// closeWith closes the file when the context ends, which ends a Read. The
// returned function ends that.
func closeWith(ctx context.Context, f *os.File) (stop func() bool) {
	return context.AfterFunc(ctx, func() { f.Close() })
}
