// The host's side: the end of a container.

package libcontainer

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// errDestroying is why a start ends that Destroy has overtaken.
var errDestroying = errorf(ContainerNotExists, "the container is being destroyed")

func (c *linuxContainer) Destroy() error { return c.DestroyContext(context.Background()) }

func (c *linuxContainer) DestroyContext(ctx context.Context) error {
	const step = "destroy"
	fail := func(err error) error { return newSystemError(fmt.Errorf("%s container %q: %w", step, c.id, err)) }
	if err := c.beginDestroy(step); err != nil {
		if errors.Is(err, ContainerNotExists) {
			return nil
		}
		return err
	}
	unlock, err := c.lock(ctx, step, true)
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
		return fail(err)
	}
	// Without the lock, since a hook may call our methods.
	c.logHooks("poststop", c.hooks().Poststop, c.hookState(0, "stopped"))
	return nil
}

// beginDestroy kills init, and what this handle is about to start, before it waits
// for the lock: one who has that may be waiting for a process of the container,
// which may never answer.
func (c *linuxContainer) beginDestroy(step string) error {
	unlock, err := c.look(step)
	if errors.Is(err, ContainerNotExists) {
		c.endDestroy(true)
		return err
	}
	if err != nil {
		return err
	}
	defer unlock()
	c.end(errDestroying)
	if err := c.init.Signal(unix.SIGKILL); err != nil {
		return newSystemError(fmt.Errorf("%s container %q: %w", step, c.id, err))
	}
	return nil
}

// endDestroy leaves a handle that is of no more use, or one like before.
func (c *linuxContainer) endDestroy(done bool) {
	c.m.Lock()
	defer c.m.Unlock()
	if done {
		c.reapAll()
		c.dropInit()
		c.destroyed = true
		c.end(errDestroying)
		return
	}
	c.life, c.end = context.WithCancelCause(context.Background())
}

func (c *linuxContainer) destroy(ctx context.Context) error {
	if c.started {
		if err := c.killAll(ctx); err != nil {
			return err
		}
		if err := c.tearDownNetworks(); err != nil {
			return err
		}
		c.notifiers.Stop()
		if err := c.cgroups.Destroy(); err != nil {
			return err
		}
	}
	c.setRemoving(true)
	if err := c.dir.Remove(); err != nil {
		c.setRemoving(false)
		return fmt.Errorf("remove state: %w", err)
	}
	return nil
}

// reapAll reaps what this handle has started, whoever has destroyed the container.
func (c *linuxContainer) reapAll() {
	for _, run := range c.children.all() {
		if run.ref.Ended() {
			<-run.ended // at once: it keeps the status first
			run.reap()
		}
	}
}

func (c *linuxContainer) setRemoving(removing bool) {
	c.m.Lock()
	defer c.m.Unlock()
	c.removing = removing
}

// killAll ends all processes of the container and waits for their end.
func (c *linuxContainer) killAll(ctx context.Context) error {
	if err := c.init.Signal(unix.SIGKILL); err != nil {
		return err
	}
	// pid_namespaces(7): with init the kernel kills all of its namespace. What
	// is left then, or without a pid namespace of its own, is in the cgroup.
	// A paused process dies only when it is thawed.
	if err := c.thaw(); err != nil {
		return err
	}
	// The first process of a pid namespace ends only when all others have been
	// reaped.
	for _, run := range c.children.list() {
		_ = run.ref.Signal(unix.SIGKILL) // whatever has left the cgroup
		if err := run.await(ctx); err != nil && ctx.Err() != nil {
			return err
		}
		run.reap()
	}
	if err := c.init.Await(ctx); err != nil {
		return fmt.Errorf("wait for the end of init: %w", err)
	}
	return c.killCgroup(ctx)
}

// killCgroup kills what is in the cgroup until nothing is: a process may fork
// while it is being killed.
func (c *linuxContainer) killCgroup(ctx context.Context) error {
	if len(c.cgroups.GetPaths()) == 0 || c.sharesCgroups() {
		return nil // the kernel has killed the pid namespace
	}
	for {
		pids, err := c.listPids()
		if err != nil || len(pids) == 0 {
			return err
		}
		if err := c.killAtOnce(); err != nil {
			return err
		}
		members, err := c.members()
		if err != nil {
			return err
		}
		for _, ref := range members {
			err = errors.Join(err, ref.Signal(unix.SIGKILL))
		}
		for _, ref := range members {
			if err == nil {
				err = ref.Await(ctx)
			}
			ref.Close()
		}
		if err != nil {
			return err
		}
	}
}

// killAtOnce kills all processes of the cgroup where the kernel can do that, faster
// than they can fork.
func (c *linuxContainer) killAtOnce() error {
	if err := c.cgroups.Kill(); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}
