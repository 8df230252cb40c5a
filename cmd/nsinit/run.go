package main

import (
	"context"
	"errors"

	"github.com/urfave/cli/v3"

	"github.com/libcontainer/libcontainer"
)

// detachFlags are of commands that can stay until the container's program ends.
func detachFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "detach", Aliases: []string{"d"}, Usage: "end when the program runs, and leave it alone"},
		&cli.BoolFlag{Name: "no-subreaper", Usage: "do not adopt processes whose parents have ended; without a pid namespace they are left to the host's init then"},
	}
}

func runCommand(a *app) *cli.Command {
	flags := append(append(bundleFlags(), pidFlags()...), preserveFlag())
	flags = append(flags, detachFlags()...)
	return &cli.Command{
		Name:      "run",
		Usage:     "make a container and execute its program",
		ArgsUsage: "ID",
		Description: "Without --detach the command stays until the program ends, gives it the signals that it gets, removes the\n" +
			"container, and has the program's exit status: 128 and the signal's number if a signal has ended it.",
		Flags: append(flags, &cli.BoolFlag{Name: "keep", Usage: "do not remove the container when the program has ended"}),
		Action: withID(0, func(ctx context.Context, cmd *cli.Command, id string) error {
			b, err := a.open(id, cmd)
			if err != nil {
				return err
			}
			if b.result.Process == nil {
				return errors.New("process is missing in config.json")
			}
			if err := passDescriptors(b.result.Process, cmd.Int("preserve-fds")); err != nil {
				return err
			}
			b.streams.detach = cmd.Bool("detach")
			return a.run(ctx, b, cmd, func(ctx context.Context, c *libcontainer.Instance, p *libcontainer.Process) error {
				a.log.debugf("container %q: start %q", id, p.Args)
				return c.StartContext(ctx, p)
			})
		}),
	}
}

type starter func(context.Context, *libcontainer.Instance, *libcontainer.Process) error

// run creates the container of a bundle and lets its process begin, for run and restore.
func (a *app) run(ctx context.Context, b *bundle, cmd *cli.Command, start starter) error {
	p := b.result.Process
	if err := b.streams.attach(p, b.result.Config); err != nil {
		return err
	}
	foreground := !b.streams.detach
	reap := foreground && !cmd.Bool("no-subreaper")
	if reap {
		if err := becomeSubreaper(); err != nil {
			return err
		}
	}
	b.record.Stage = stageRun
	c, err := a.claim(b)
	if err != nil {
		return b.discard(c, err)
	}
	n, err := listenNotify(b.record.Notify)
	if err != nil {
		return b.discard(c, err)
	}
	signals := watchSignalsUnless(b.streams.detach)
	starting, stop := interruptible(ctx)
	err = start(starting, c, p)
	stop()
	if err == nil {
		err = tell(p, cmd.String("pid-file"), cmd.String("pidfd-socket"))
	}
	if err != nil {
		return b.discard(c, err)
	}
	pid, err := p.Pid()
	if err != nil {
		return b.discard(c, err)
	}
	if !foreground {
		return n.pass(c, pid)
	}
	go func() {
		if err := n.pass(c, pid); err != nil {
			a.log.warn(err)
		}
	}()
	status, err := b.streams.wait(p, signals, reap)
	if err != nil || !cmd.Bool("keep") {
		err = b.discard(c, err)
	}
	if err == nil && status != 0 {
		return exitStatus(status)
	}
	return err
}
