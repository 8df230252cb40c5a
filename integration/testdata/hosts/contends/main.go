// Contends is one of several hosts that work on the same containers of one root,
// without knowing of each other: contends ROOT ROOTFS CGROUP SEED STEPS. It fails
// when something goes wrong that another host cannot be the reason of.
package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

func main() {
	if err := contend(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func contend() error {
	seed, err := strconv.ParseUint(os.Args[4], 10, 64)
	if err != nil {
		return err
	}
	steps, err := strconv.Atoi(os.Args[5])
	if err != nil {
		return err
	}
	factory, err := libcontainer.New(os.Args[1], tested.Manager)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(seed, 0))
	actions := []struct {
		name string
		do   func(libcontainer.Container) error
	}{
		{"exec", run}, {"exec", run},
		{"pause", pause},
		{"set", func(c libcontainer.Container) error { return c.Set(c.Config()) }},
		{"look", look},
		{"destroy", libcontainer.Container.Destroy},
	}
	for range steps {
		id := string(rune('a' + random.IntN(3)))
		if err := blame("create "+id, create(factory, id)); err != nil {
			return err
		}
		container, err := factory.Load(id)
		if err := blame("load "+id, err); err != nil {
			return err
		}
		if err != nil {
			continue
		}
		a := actions[random.IntN(len(actions))]
		if err := blame(a.name+" "+id, a.do(container)); err != nil {
			return err
		}
		if _, err := factory.(*libcontainer.LinuxFactory).List(); err != nil {
			return err
		}
	}
	return nil
}

// blame passes only errors on that no other host can be the reason of.
func blame(step string, err error) error {
	for _, code := range []libcontainer.ErrorCode{
		libcontainer.IdInUse, libcontainer.ContainerNotExists, libcontainer.ContainerNotRunning, libcontainer.ContainerPaused,
	} {
		if errors.Is(err, code) {
			return nil
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, libcontainer.ConfigInvalid) &&
		(strings.Contains(err.Error(), "no configuration") || strings.Contains(err.Error(), `Rootfs "" is empty`)):
		return nil // another has created it, and is about to start it
	case strings.Contains(err.Error(), "the init process died (signal: killed)"):
		return nil // by another one's Destroy, while it was started
	}
	return fmt.Errorf("%s: %w", step, err)
}

func create(factory libcontainer.Factory, id string) error {
	config := configs.Default()
	config.Rootfs = os.Args[2]
	config.Cgroups.Name = id
	config.Cgroups.Parent = os.Args[3]
	c, err := factory.Create(id, config)
	if err != nil {
		return err
	}
	return c.Start(&libcontainer.Process{Args: []string{"/bin/sleep", "1000000"}})
}

func run(c libcontainer.Container) error {
	p := &libcontainer.Process{Args: []string{"/bin/sh", "-c", "exit 7"}}
	if err := c.Start(p); err != nil {
		return err
	}
	var exit *exec.ExitError
	state, err := p.Wait()
	if !errors.As(err, &exit) {
		return fmt.Errorf("wait: state %v, error %w", state, err)
	}
	if status := exit.ExitCode(); status != 7 && status != -1 { // -1: killed with the container
		return err
	}
	return nil
}

// pause resumes too, or else one who waits for a process would wait for ever.
func pause(c libcontainer.Container) error {
	if err := c.Pause(); err != nil {
		return err
	}
	return c.Resume()
}

func look(c libcontainer.Container) error {
	_, status := c.Status()
	_, state := c.State()
	_, pids := c.Processes()
	_, stats := c.Stats()
	for step, err := range map[string]error{"status": status, "state": state, "processes": pids, "stats": stats} {
		if err := blame(step, err); err != nil {
			return err
		}
	}
	return nil
}
