// Reaper is a host that reaps all of its children, whoever has started them, as
// process 1 of a machine does. The fourth argument is how: "signal" when it gets
// SIGCHLD, "busy" in a loop that never rests, "ignore" by leaving it to the kernel.
// The fifth says whether the kernel keeps exit statuses for others: "known" or
// "unknown".
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/integration/testdata/hosts/internal/run"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

func main() {
	if err := reaper(os.Args[4], os.Args[5] == "known"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func reapBy(how string) error {
	switch how {
	case "signal":
		ended := make(chan os.Signal, 1)
		signal.Notify(ended, unix.SIGCHLD)
		go func() {
			for range ended {
				for reapOne(unix.WNOHANG) {
				}
			}
		}()
	case "busy":
		go func() {
			for {
				if !reapOne(0) {
					runtime.Gosched() // there is no child
				}
			}
		}()
	case "ignore":
		signal.Ignore(unix.SIGCHLD)
	default:
		return fmt.Errorf("unknown way %q", how)
	}
	return nil
}

// reapOne tells whether there was one.
func reapOne(options int) bool {
	pid, err := unix.Wait4(-1, nil, options, nil)
	return err == unix.EINTR || err == nil && pid > 0
}

func reaper(how string, known bool) error {
	if err := reapBy(how); err != nil {
		return err
	}
	factory, err := libcontainer.New(os.Args[2], tested.Manager)
	if err != nil {
		return err
	}
	config := run.Config()
	if known {
		hook := configs.Command{Path: "/bin/sh", Args: []string{"sh", "-c", "exit 0"}}
		config.Hooks = &configs.Hooks{Prestart: []configs.Hook{configs.NewCommandHook(hook)}}
	}
	for i := range 20 {
		if err := life(factory, config, known); err != nil {
			return fmt.Errorf("life %d: %w", i, err)
		}
	}
	fmt.Println("20 lives and 20 further processes")
	return nil
}

func life(factory libcontainer.Factory, config *configs.Config, known bool) (err error) {
	c, err := factory.Create("reaped", config)
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	defer func() {
		if destroyErr := c.Destroy(); destroyErr != nil {
			err = errors.Join(err, fmt.Errorf("destroy: %w", destroyErr))
		}
	}()
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer w.Close()
	first := &libcontainer.Process{Args: []string{"/bin/sh", "-c", "read x; exit 5"}, Stdin: r}
	err = c.Start(first)
	r.Close()
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	further := &libcontainer.Process{Args: []string{"/bin/sh", "-c", "exit 6"}}
	if err := c.Start(further); err != nil {
		return fmt.Errorf("start of a further process: %w", err)
	}
	if err := ends(further, 6, known); err != nil {
		return fmt.Errorf("further process: %w", err)
	}
	w.Close()
	if err := ends(first, 5, known); err != nil {
		return fmt.Errorf("first process: %w", err)
	}
	return nil
}

// ends waits for a process. Its status may be known anyhow: this program need not
// have been the faster one.
func ends(p *libcontainer.Process, status int, known bool) error {
	state, err := p.Wait()
	if !known && errors.Is(err, libcontainer.StatusUnknown) {
		return nil
	}
	if state == nil || state.ExitCode() != status {
		return fmt.Errorf("state %v, error %w; want exit %d", state, err, status)
	}
	return nil
}
