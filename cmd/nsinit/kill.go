package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
)

func killCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:        "kill",
		Usage:       "send a signal to a container's first process",
		ArgsUsage:   "ID [SIGNAL]",
		Description: "SIGNAL is a name, with or without SIG, or a number; SIGTERM if it is not given.",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "all", Aliases: []string{"a"},
			Usage: "send it to all processes of the container; that there are none is no error"}},
		Action: withID(1, func(_ context.Context, cmd *cli.Command, id string) error {
			sig, err := parseSignal(cmp.Or(cmd.Args().Get(1), "SIGTERM"))
			if err != nil {
				return err
			}
			c, err := a.load(id)
			if err != nil {
				return err
			}
			if !cmd.Bool("all") {
				return engineError(c.Signal(sig))
			}
			if err := c.SignalAll(sig); !errors.Is(err, libcontainer.ContainerNotRunning) {
				return engineError(err)
			}
			return nil
		}),
	}
}

// Real-time signals that are not the C library's own, see signal(7).
const sigRTMin, sigRTMax = 34, 64

func parseSignal(text string) (syscall.Signal, error) {
	if n, err := strconv.Atoi(text); err == nil {
		if n < 1 || n > sigRTMax {
			return 0, fmt.Errorf("signal %q: it is not between 1 and %d", text, sigRTMax)
		}
		return syscall.Signal(n), nil
	}
	name := strings.TrimPrefix(strings.ToUpper(text), "SIG")
	if sig := unix.SignalNum("SIG" + name); sig != 0 {
		return sig, nil
	}
	for prefix, base := range map[string]int{"RTMIN": sigRTMin, "RTMAX": sigRTMax} {
		rest, ok := strings.CutPrefix(name, prefix)
		if !ok {
			continue
		}
		offset, err := strconv.Atoi(cmp.Or(rest, "0"))
		if n := base + offset; err == nil && n >= sigRTMin && n <= sigRTMax {
			return syscall.Signal(n), nil
		}
	}
	return 0, fmt.Errorf("signal %q: there is none of that name", text)
}

func deleteCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:      "delete",
		Usage:     "remove what is left of a container",
		ArgsUsage: "ID",
		Flags: []cli.Flag{&cli.BoolFlag{Name: "force", Aliases: []string{"f"},
			Usage: "kill a container that runs; that there is none is no error"}},
		Action: withID(0, func(ctx context.Context, cmd *cli.Command, id string) error {
			return a.delete(ctx, id, cmd.Bool("force"))
		}),
	}
}

func (a *app) delete(ctx context.Context, id string, force bool) error {
	c, err := a.load(id)
	if force && errors.Is(err, libcontainer.ContainerNotExists) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := recordOf(c)
	if err != nil && !force {
		return err
	}
	if !force {
		state, err := a.stateOf(c)
		if err != nil {
			return err
		}
		if state.Status == running || state.Status == paused {
			return fmt.Errorf("container %q cannot be deleted: it is %s, not stopped (--force kills it)", id, state.Status)
		}
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	if err := c.DestroyContext(ctx); err != nil {
		return engineError(err)
	}
	if r == nil {
		return nil
	}
	return removeNotify(r.Notify)
}

func pauseCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:      "pause",
		Usage:     "pause all processes of a container",
		ArgsUsage: "ID",
		Action: a.withContainer(0, func(_ context.Context, _ *cli.Command, c *libcontainer.Instance) error {
			return engineError(c.Pause())
		}),
	}
}

func resumeCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:      "resume",
		Usage:     "let the processes of a paused container go on",
		ArgsUsage: "ID",
		Action: a.withContainer(0, func(_ context.Context, _ *cli.Command, c *libcontainer.Instance) error {
			return engineError(c.Resume())
		}),
	}
}
