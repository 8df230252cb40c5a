package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"syscall"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/specconv"
)

// Flags that several commands have.
func bundleFlag() cli.Flag {
	return &cli.StringFlag{Name: "bundle", Aliases: []string{"b"}, Usage: "`DIR` of the bundle, by default the working directory"}
}

func consoleSocketFlag() cli.Flag {
	return &cli.StringFlag{Name: "console-socket", Usage: "unix socket `PATH` that gets the other side of the process's terminal"}
}

func pidFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "pid-file", Usage: "write the process's pid to `FILE`"},
		&cli.StringFlag{Name: "pidfd-socket", Usage: "unix socket `PATH` that gets a pidfd of the process"},
	}
}

func preserveFlag() cli.Flag {
	return &cli.IntFlag{Name: "preserve-fds",
		Usage: "pass `N` more descriptors to the process, from 3 on or from those that LISTEN_FDS passes"}
}

func bundleFlags() []cli.Flag {
	return []cli.Flag{
		bundleFlag(), consoleSocketFlag(),
		&cli.BoolFlag{Name: "no-pivot", Usage: "do not pivot the root, for a root file system that is the initial ramfs; less safe"},
		&cli.BoolFlag{Name: "no-new-keyring", Usage: "leave the container the session keyring of this command"},
	}
}

func createCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:      "create",
		Usage:     "make a container, up to the start of its program",
		ArgsUsage: "ID",
		Flags:     append(append(bundleFlags(), pidFlags()...), preserveFlag()),
		Action: withID(0, func(ctx context.Context, cmd *cli.Command, id string) error {
			b, err := a.open(id, cmd)
			if err != nil {
				return err
			}
			b.streams.detach = true
			return a.create(ctx, b, cmd.Int("preserve-fds"), cmd.String("pid-file"), cmd.String("pidfd-socket"))
		}),
	}
}

func startCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:      "start",
		Usage:     "execute the program of a container that has been created",
		ArgsUsage: "ID",
		Action:    withID(0, func(ctx context.Context, _ *cli.Command, id string) error { return a.start(ctx, id) }),
	}
}

// A bundle is what becomes a container.
type bundle struct {
	id      string
	result  *specconv.Result
	record  record
	streams streams
}

// open reads the bundle of the command's flags.
func (a *app) open(id string, cmd *cli.Command) (*bundle, error) {
	spec, err := specconv.Load(cmd.String("bundle"))
	if err != nil {
		return nil, err
	}
	b := &bundle{id: id}
	b.record = record{Stage: stageCreating, Annotations: spec.Annotations, Process: copyProcess(spec.Process), Notify: a.planNotify(id, spec)}
	b.result, err = specconv.Convert(spec, &specconv.Options{
		ID: id, Bundle: cmd.String("bundle"), SystemdCgroup: a.systemd, Rootless: a.rootless,
		NoPivotRoot: cmd.Bool("no-pivot"), NoNewKeyring: cmd.Bool("no-new-keyring"),
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", specconv.ConfigFile, err)
	}
	for _, warning := range b.result.Warnings {
		a.log.warn(fmt.Errorf("%s: %w", specconv.ConfigFile, warning))
	}
	b.record.Bundle = b.result.Config.Bundle
	b.streams.terminal, b.streams.socket = b.result.Terminal, cmd.String("console-socket")
	return b, nil
}

func copyProcess(p *specs.Process) *specs.Process {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

// claim creates the container, of which nothing runs yet.
func (a *app) claim(b *bundle) (*libcontainer.Instance, error) {
	data, err := b.record.encode()
	if err != nil {
		return nil, err
	}
	factory, err := a.newFactory()
	if err != nil {
		return nil, err
	}
	c, err := instance(factory.CreateWithRecord(b.id, b.result.Config, data))
	if err != nil {
		return nil, err
	}
	return c, makeNotify(b.record.Notify)
}

// discard removes a container that has come to nothing, and returns why.
func (b *bundle) discard(c *libcontainer.Instance, err error) error {
	if c == nil {
		return err
	}
	return errors.Join(err, removeNotify(b.record.Notify), c.Destroy())
}

// interruptible ends with the signals by which users and engines end a command.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, unix.SIGINT, unix.SIGTERM)
}

func (a *app) create(ctx context.Context, b *bundle, preserve int, pidFile, pidfdSocket string) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	p := b.result.Process
	if p != nil {
		if err := b.streams.attach(p, b.result.Config); err != nil {
			return err
		}
		if err := passDescriptors(p, preserve); err != nil {
			return err
		}
	}
	c, err := a.claim(b)
	if err != nil {
		return b.discard(c, err)
	}
	if p == nil { // start says that there is nothing to be started
		return nil
	}
	a.log.debugf("container %q: prepare %q", b.id, p.Args)
	if err := c.Prepare(ctx, p); err != nil {
		return b.discard(c, err)
	}
	if err := tell(p, pidFile, pidfdSocket); err != nil {
		return b.discard(c, err)
	}
	b.record.Stage = stageCreated
	if err := b.record.save(ctx, c); err != nil {
		return b.discard(c, err)
	}
	return nil
}

func (a *app) start(ctx context.Context, id string) error {
	ctx, stop := interruptible(ctx)
	defer stop()
	c, err := a.load(id)
	if err != nil {
		return err
	}
	state, err := a.stateOf(c)
	if err != nil {
		return err
	}
	r, err := recordOf(c)
	if err != nil {
		return err
	}
	switch {
	case state.Status != created:
		return fmt.Errorf("container %q cannot be started: it is %s, not created", id, state.Status)
	case r.Process == nil && state.Pid == 0:
		return fmt.Errorf("container %q cannot be started: process is missing in its %s", id, specconv.ConfigFile)
	}
	n, err := listenNotify(r.Notify)
	if err != nil {
		return err
	}
	a.log.debugf("container %q: execute its program", id)
	if err := c.Release(ctx); err != nil {
		r.Stage = stageFailed
		return errors.Join(engineError(err), r.save(context.WithoutCancel(ctx), c))
	}
	return n.pass(c, state.Pid)
}

// killAndWait ends a process that nobody is told about.
func killAndWait(p *libcontainer.Process, err error) error {
	if killed := p.Signal(syscall.SIGKILL); killed == nil {
		_, _ = p.Wait()
	}
	return err
}
