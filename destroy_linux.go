// The host's side: the end of a container.

package libcontainer

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

func (c *linuxContainer) Destroy() error {
	c.m.Lock()
	defer c.m.Unlock()
	unlock, err := c.lock("destroy")
	if errors.Is(err, ContainerNotExists) {
		c.dropInit()
		c.destroyed = true
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.destroy(); err != nil {
		return newSystemError(fmt.Errorf("destroy container %q: %w", c.id, err))
	}
	c.destroyed = true
	c.logHooks("poststop", c.hooks().Poststop, c.hookState(0, "stopped"))
	return nil
}

func (c *linuxContainer) destroy() error {
	if c.started {
		if err := c.killAll(); err != nil {
			return err
		}
		if err := c.cgroups.Destroy(); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(c.root); err != nil {
		return fmt.Errorf("remove state: %w", err)
	}
	return nil
}

// killAll ends all processes of the container and waits for their end.
func (c *linuxContainer) killAll() error {
	if err := c.init.kill(unix.SIGKILL); err != nil {
		return err
	}
	// pid_namespaces(7): with init the kernel kills all of its namespace. What
	// is left then, or without a pid namespace of its own, is in the cgroup.
	// A paused process dies only when it is thawed.
	if status, err := c.freezerStatus(); err == nil && status == Paused {
		if err := c.cgroups.Freeze(configs.Thawed); err != nil {
			return err
		}
	}
	// The first process of a pid namespace ends only when all others have been
	// reaped; those that entered it from here are ours to reap.
	for _, run := range c.children.list() {
		_ = run.process.Kill() // whatever has left the cgroup
		_, _ = run.reap()
	}
	if err := c.init.waitDead(); err != nil {
		return err
	}
	if err := c.killCgroup(); err != nil {
		return err
	}
	c.dropInit()
	return nil
}

// killCgroup kills what is in the cgroup until nothing is: a process may fork
// while it is being killed.
func (c *linuxContainer) killCgroup() error {
	if len(c.cgroups.GetPaths()) == 0 {
		return nil // the kernel has killed the pid namespace
	}
	for {
		pids, err := c.cgroups.GetAllPids()
		if err != nil {
			if errors.Is(err, os.ErrNotExist) {
				return nil
			}
			return err
		}
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			if pid == 0 {
				return errors.New("a process of another pid namespace is in the cgroup, and cannot be killed from here")
			}
			if err := killAndWait(pid); err != nil {
				return err
			}
		}
	}
}

// killAndWait kills a process by a descriptor, so that no other one of the same
// pid is hit later, and waits for its end.
func killAndWait(pid int) error {
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("pidfd_open process %d: %w", pid, err)
	}
	ref := &initRef{pid: pid, pidfd: fd}
	defer ref.close()
	if err := ref.kill(unix.SIGKILL); err != nil {
		return err
	}
	return ref.waitDead()
}
