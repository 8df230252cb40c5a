// Ending a container's processes: asked first, or killed at once.

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// Stop asks the container's initial process to end, by a signal such as syscall.SIGTERM, and
// kills all processes of the container if it has not ended within the time of grace. It
// waits until the initial process has ended, and returns how. What that leaves behind, which
// without a pid namespace of its own can be, is killed, too. If ctx ends before that, nothing
// is killed, unless it was already. A paused container does not see the signal until it is
// resumed, and is killed after the time of grace. As of Wait, the process is not reaped, and
// the container stays: Destroy removes it.
//
// errors: those of Signal and of Wait.
func (c *Instance) Stop(ctx context.Context, s os.Signal, grace time.Duration) (syscall.WaitStatus, error) {
	const step = "stop container"
	// Whoever has ended cannot be told, and how it ended is still to be had.
	if err := c.Signal(s); err != nil && !errors.Is(err, ContainerNotRunning) {
		return 0, err
	}
	patience, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	status, err := c.Wait(patience)
	if ctx.Err() != nil || err != nil && patience.Err() == nil {
		return status, err
	}
	v := c.acquire()
	defer v.close()
	if v.init == nil {
		return status, err // another handle has destroyed the container meanwhile
	}
	if err := c.killInit(ctx, v, v.init); err != nil {
		return 0, newSystemError(fmt.Errorf("%s %q: %w", step, c.id, err))
	}
	if err != nil {
		status, err = c.Wait(ctx)
	}
	return status, err
}

// killTimeout is how long Run waits for the end of what it has killed: a process in an
// uninterruptible sleep, as with a dead NFS server, ends only after that.
const killTimeout = 10 * time.Second

// kill ends what run is: with an init the whole container.
func (c *Instance) kill(run *runningProcess) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), killTimeout,
		fmt.Errorf("it has been killed, and has not ended within %v", killTimeout))
	defer cancel()
	v := c.acquire()
	defer v.close()
	if run.first {
		return c.killInit(ctx, v, run.ref)
	}
	if err := run.ref.Signal(unix.SIGKILL); err != nil {
		return err
	}
	return v.awaitKilled(ctx, run.await)
}

// killInit kills all processes of the container, of which that is or was the init, and
// waits for their end.
func (c *Instance) killInit(ctx context.Context, v *view, init *pidfd.Process) error {
	if _, err := v.sendAll(unix.SIGKILL); err != nil {
		return err
	}
	if err := init.Signal(unix.SIGKILL); err != nil {
		return err
	}
	if err := v.awaitKilled(ctx, init.Await); err != nil {
		return err
	}
	return c.killRest(ctx, init)
}

// killRest ends what the end of an init has left. The lock keeps others from starting the
// next one meanwhile, which is to be left alone.
func (c *Instance) killRest(ctx context.Context, init *pidfd.Process) error {
	unlock, err := c.lock(ctx, callSignalAll, "kill", true)
	if errors.Is(err, ContainerNotExists) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	if v := c.view(); v.init != nil && v.init.Is(init.Pid(), init.StartTime()) {
		return v.killCgroup(ctx, false)
	}
	return nil
}
