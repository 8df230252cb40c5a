// The host's side: the end of a container.

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// errDestroying is why a start ends that Destroy has overtaken.
var errDestroying = errorf(ContainerNotExists, "the container is being destroyed")

// Destroy kills all processes of the container and removes all that belongs to it. No error
// is returned if it is destroyed already.
func (c *Instance) Destroy() error { return c.DestroyContext(context.Background()) }

// DestroyContext is Destroy until ctx ends. What has been killed and removed
// until then stays so, and Destroy can be called again.
func (c *Instance) DestroyContext(ctx context.Context) error {
	const step = "destroy"
	told := c.timedDestroy()
	fail := func(err error) error { return newSystemError(fmt.Errorf("%s container %q: %w", step, c.id, err)) }
	if err := c.beginDestroy(step); err != nil {
		if errors.Is(err, ContainerNotExists) {
			return nil
		}
		return err
	}
	unlock, err := c.lock(ctx, callDestroy, step, true)
	if errors.Is(err, ContainerNotExists) {
		c.endDestroy(true)
		return nil
	}
	if err != nil {
		c.endDestroy(false)
		return err
	}
	err = c.destroy(ctx)
	c.endDestroy(err == nil)
	unlock()
	if err != nil {
		err = fail(err)
	}
	told(err)
	if err != nil {
		return err
	}
	// Without the lock, since a hook may call our methods.
	v := c.view()
	c.logHooks("poststop", v.hooks().Poststop, v.hookState(0, "stopped"))
	return nil
}

// beginDestroy kills init, and what this handle is about to start, before it waits
// for the lock: one who has that may be waiting for a process of the container,
// which may never answer.
func (c *Instance) beginDestroy(step string) error {
	v, err := c.look(step)
	if err != nil {
		return err
	}
	defer v.close()
	if err := v.allow(callDestroy, v.phase, step); err != nil {
		c.endDestroy(true)
		return err
	}
	v.end(errDestroying)
	if err := v.endRestorer(); err != nil {
		return newSystemError(fmt.Errorf("%s container %q: end the criu that restores it: %w", step, c.id, err))
	}
	if err := v.init.Signal(unix.SIGKILL); err != nil {
		return newSystemError(fmt.Errorf("%s container %q: %w", step, c.id, err))
	}
	return nil
}

// endRestorer kills the criu that restores the container: when its init is killed, criu may wait
// for that for ever, and so would who waits for the lock if the program is dead that had criu
// started. Before there is an init criu takes back what it has done, since its program is
// dead or has been told to.
func (v *view) endRestorer() error {
	if v.restorer.pid == 0 || v.init == nil {
		return nil
	}
	criu, err := pidfd.Find(v.restorer.pid, v.restorer.start)
	if err != nil {
		return err
	}
	defer criu.Close()
	return criu.Signal(unix.SIGKILL)
}

// endDestroy leaves a handle that is of no more use, or one like before.
func (c *Instance) endDestroy(done bool) {
	if !done {
		c.set(func(next *view) { next.life, next.end = context.WithCancelCause(context.Background()) })
		return
	}
	c.reapAll()
	c.set(func(next *view) {
		next.dropInit()
		next.phase = phaseGone
		next.end(errDestroying)
	})
}

func (c *Instance) destroy(ctx context.Context) error {
	v := c.view()
	defer v.cgroups.Within(ctx)()
	if v.started() {
		if err := v.killAll(ctx, true); err != nil {
			return err
		}
		if err := v.leaveNetworks(); err != nil {
			return err
		}
		c.notifiers.Stop()
		if err := v.cgroups.Destroy(); err != nil {
			return err
		}
		if err := v.removeResctrl(); err != nil {
			return err
		}
	}
	c.set(func(next *view) { next.phase = phaseDestroying })
	if err := removeDir(ctx, c.dir); err != nil {
		c.set(func(next *view) { next.phase = v.phase })
		return fmt.Errorf("remove state: %w", err)
	}
	return nil
}

// reapAll reaps what this handle and the others of its factory have started, whoever has destroyed
// the container. Those who wait for it still learn how it ended.
func (c *Instance) reapAll() {
	for _, run := range c.factory.family.of(c.dir) {
		if run.ref.Ended() {
			<-run.ended // at once: it keeps the status first
			run.reap()
		}
	}
}

// killAll ends all processes of the container and waits for their end, see killCgroup.
func (v *view) killAll(ctx context.Context, removed bool) error {
	if err := v.init.Signal(unix.SIGKILL); err != nil {
		return err
	}
	if v.init.Ended() && len(v.c.children.list()) == 0 {
		if pids, err := v.listPids(); err == nil && len(pids) == 0 {
			return nil
		}
	}
	// pid_namespaces(7): with init the kernel kills all of its namespace. What
	// is left then, or without a pid namespace of its own, is in the cgroup.
	// A paused process dies only when it is thawed.
	if err := v.thaw(); err != nil {
		return err
	}
	// The first process of a pid namespace ends only when all others have been
	// reaped.
	for _, run := range v.c.children.list() {
		_ = run.ref.Signal(unix.SIGKILL) // whatever has left the cgroup
		if err := v.awaitKilled(ctx, run.await); err != nil && ctx.Err() != nil {
			return err
		}
		run.reap()
	}
	if err := v.awaitKilled(ctx, v.init.Await); err != nil {
		return fmt.Errorf("wait for the end of init: %w", err)
	}
	return v.killCgroup(ctx, removed)
}

// A process that has been killed mostly ends in less than the first of these; they are
// the times after which its wait is interrupted to thaw what holds it up.
const (
	firstThaw   = 5 * time.Millisecond
	longestThaw = 100 * time.Millisecond
)

// awaitKilled waits by await for the end of a process that has been killed. Until then it
// thaws, again and again, the whole tree of cgroups: the container may have frozen cgroups
// of its own, with cgroup v1 a process dies in them only when it is thawed, the first
// process of a pid namespace ends only after all others, and the kernel tells nobody when
// a cgroup is frozen anew.
func (v *view) awaitKilled(ctx context.Context, await func(context.Context) error) error {
	for pause := firstThaw; ; pause = min(2*pause, longestThaw) {
		attempt, cancel := context.WithTimeout(ctx, pause)
		err := await(attempt)
		expired := attempt.Err() != nil
		cancel()
		if err == nil || !expired || ctx.Err() != nil {
			return err
		}
		if err := v.cgroups.ThawAll(); err != nil {
			return err
		}
	}
}

// killCgroup kills what is in the cgroup until nothing is: a process may fork
// while it is being killed. cgroup.kill does it at once, but is only for a cgroup that is
// about to be removed: whatever is cloned into it from outside later, with
// CLONE_INTO_CGROUP, is killed too (seen on Linux 6.18).
func (v *view) killCgroup(ctx context.Context, removed bool) error {
	if len(v.cgroups.GetPaths()) == 0 || v.sharesCgroups() {
		return nil // the kernel has killed the pid namespace
	}
	for {
		pids, err := v.listPids()
		if err != nil || len(pids) == 0 {
			return err
		}
		if removed {
			if err := v.killAtOnce(); err != nil {
				return err
			}
		}
		if _, err := v.sendAll(unix.SIGKILL); err != nil {
			return err
		}
		err = v.eachMembers(func(members []*pidfd.Process) error {
			for _, ref := range members {
				if err := v.awaitKilled(ctx, ref.Await); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// killAtOnce kills all processes of the cgroup where the kernel can do that, faster
// than they can fork.
func (v *view) killAtOnce() error {
	if err := v.cgroups.Kill(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
