// The collector: a fresh process that destroys what the victim has left, and uses
// its ids again.

package main

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

func collect(r round) error {
	report, random := newReport(), r.random("collector")
	factory, err := r.newFactory()
	if err != nil {
		return err
	}
	lister := factory.(*libcontainer.LinuxFactory)
	ids, err := lister.List()
	if err != nil {
		return err
	}
	for _, id := range ids {
		found, err := collectOne(factory, id, random)
		if err != nil {
			return fmt.Errorf("collect %s, %s: %w", id, found, err)
		}
		if err := report.say(found); err != nil {
			return err
		}
	}
	if left, err := lister.List(); err != nil || len(left) > 0 {
		return fmt.Errorf("after all have been destroyed the list is %q, error %v", left, err)
	}
	for slot := range slots {
		if err := r.liveAgain(factory, slot, random); err != nil {
			return fmt.Errorf("use the id %s again: %w", id(slot), err)
		}
	}
	return nil
}

// collectOne destroys a container and tells how it was found.
func collectOne(factory libcontainer.Factory, id string, random *rand.Rand) (found string, err error) {
	found = "in unknown state"
	container, err := factory.Load(id)
	if err != nil {
		return found, fmt.Errorf("load: %w", err)
	}
	status, err := container.Status()
	if err != nil {
		return found, fmt.Errorf("status: %w", err)
	}
	found = status.String()
	state, err := container.State()
	if err != nil {
		return found, fmt.Errorf("state: %w", err)
	}
	switch {
	case status == libcontainer.Created && state.InitProcessPid != 0:
		found = "prepared"
	case status == libcontainer.Destroyed && state.InitProcessPid != 0:
		found = "ended"
	}
	if random.IntN(2) == 0 {
		if err := use(container, status); err != nil {
			return found, fmt.Errorf("use: %w", err)
		}
	}
	if err := container.Destroy(); err != nil {
		return found, err
	}
	if status, err := container.Status(); err != nil || status != libcontainer.Destroyed {
		return found, fmt.Errorf("status after it was destroyed: %s, error %v", status, err)
	}
	if _, err := factory.Load(id); !errors.Is(err, libcontainer.ContainerNotExists) {
		return found, fmt.Errorf("load after it was destroyed: error %v", err)
	}
	return found, nil
}

// use works with a container that the victim had. An init process that was not
// its program yet ends when it sees that the victim has; then all that is asked
// of the library is that it says so.
func use(c libcontainer.Container, status libcontainer.Status) error {
	if status == libcontainer.Paused || status == libcontainer.Pausing {
		if err := c.Resume(); err != nil {
			return fmt.Errorf("resume: %w", err)
		}
		status = libcontainer.Running
	}
	if status != libcontainer.Running {
		return nil
	}
	_, err := c.Stats()
	if err != nil {
		return fmt.Errorf("statistics: %w", err)
	}
	err = execIn(c, 123)
	if errors.Is(err, libcontainer.ContainerNotRunning) {
		return nil
	}
	// Init may have ended after the look at the status. Without a pid namespace the others go
	// on, and it was to be a new init, which does not share their cgroups.
	config := c.Config()
	if errors.Is(err, unix.EBUSY) && !config.Namespaces.Contains(configs.NEWPID) {
		return nil
	}
	if now, serr := c.Status(); err != nil && serr == nil && now == libcontainer.Destroyed {
		return nil // it ended while the process ran
	}
	return err
}

// liveAgain is a whole life of a container with an id that the victim had.
func (r round) liveAgain(factory libcontainer.Factory, slot int, random *rand.Rand) (err error) {
	c, err := factory.Create(id(slot), r.config(slot, random))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Destroy()) }()
	return execIn(c, 42)
}
