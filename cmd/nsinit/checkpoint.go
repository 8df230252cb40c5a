package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/urfave/cli/v3"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/utils"
)

// criuFlags are those of checkpoint and restore alike.
func criuFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "image-path", Value: "checkpoint", Usage: "`DIR` of the images"},
		&cli.StringFlag{Name: "work-path", Usage: "`DIR` of criu's log and other files, by default that of the images"},
		&cli.BoolFlag{Name: "tcp-established", Usage: "keep TCP connections"},
		&cli.BoolFlag{Name: "ext-unix-sk", Usage: "allow unix sockets that are connected with the host"},
		&cli.BoolFlag{Name: "shell-job", Usage: "allow a terminal of the host's as the container's"},
		&cli.BoolFlag{Name: "lazy-pages", Usage: "send memory when it is touched in the restored container"},
		&cli.BoolFlag{Name: "file-locks", Usage: "keep locks of files"},
		&cli.StringFlag{Name: "manage-cgroups-mode",
			Usage: "`MODE` of criu for cgroups below the container's own: soft (the default), full or strict; ignore is taken for soft"},
		&cli.StringSliceFlag{Name: "empty-ns", Usage: "namespace `TYPE` whose content is left out: network"},
		&cli.BoolFlag{Name: "auto-dedup", Usage: "free memory in earlier images that these have anew"},
	}
}

func checkpointCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:        "checkpoint",
		Usage:       "save the processes of a container",
		ArgsUsage:   "ID",
		Description: "The container ends with that and is removed, unless it is left running. It needs criu.",
		Flags: append(criuFlags(),
			&cli.StringFlag{Name: "parent-path", Usage: "`DIR` of the images of an earlier --pre-dump, relative to that of the images"},
			&cli.BoolFlag{Name: "leave-running", Usage: "let the container go on"},
			&cli.BoolFlag{Name: "tcp-skip-in-flight", Usage: "leave out TCP connections that are not established yet"},
			&cli.BoolFlag{Name: "link-remap", Usage: "save files without a name by giving them one"},
			&cli.StringFlag{Name: "page-server", Usage: "`ADDRESS:PORT` of a criu page server, which gets the memory"},
			&cli.IntFlag{Name: "status-fd", Value: -1, Usage: "write a NUL byte to descriptor `FD` when lazy pages are served"},
			&cli.BoolFlag{Name: "pre-dump", Usage: "save memory alone, and let the container go on"},
		),
		Action: withID(0, a.checkpoint),
	}
}

// criuOpts takes what checkpoint and restore have in common from the flags.
func criuOpts(cmd *cli.Command) (*libcontainer.CriuOpts, error) {
	images, err := filepath.Abs(cmd.String("image-path"))
	if err != nil {
		return nil, fmt.Errorf("--image-path: %w", err)
	}
	opts := &libcontainer.CriuOpts{
		ImagesDirectory:         images,
		TcpEstablished:          cmd.Bool("tcp-established"),
		ExternalUnixConnections: cmd.Bool("ext-unix-sk"),
		ShellJob:                cmd.Bool("shell-job"),
		LazyPages:               cmd.Bool("lazy-pages"),
		FileLocks:               cmd.Bool("file-locks"),
		AutoDedup:               cmd.Bool("auto-dedup"),
	}
	if work := cmd.String("work-path"); work != "" {
		if opts.WorkDirectory, err = filepath.Abs(work); err != nil {
			return nil, fmt.Errorf("--work-path: %w", err)
		}
		if err := os.Mkdir(opts.WorkDirectory, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("--work-path: %w", err)
		}
	}
	switch mode := cmd.String("manage-cgroups-mode"); mode {
	case "":
	case "soft", "ignore":
		opts.ManageCgroupsMode = libcontainer.CRIU_CG_MODE_SOFT
	case "full":
		opts.ManageCgroupsMode = libcontainer.CRIU_CG_MODE_FULL
	case "strict":
		opts.ManageCgroupsMode = libcontainer.CRIU_CG_MODE_STRICT
	default:
		return nil, fmt.Errorf("--manage-cgroups-mode %q is neither soft, full, strict nor ignore", mode)
	}
	for _, name := range cmd.StringSlice("empty-ns") {
		if name != "network" {
			return nil, fmt.Errorf("--empty-ns %q: only a network namespace can be left without content", name)
		}
		opts.EmptyNetwork = true
	}
	return opts, nil
}

// checkpointOpts adds what is checkpoint's alone.
func checkpointOpts(cmd *cli.Command) (*libcontainer.CriuOpts, error) {
	opts, err := criuOpts(cmd)
	if err != nil {
		return nil, err
	}
	opts.LeaveRunning = cmd.Bool("leave-running")
	opts.TcpSkipInFlight = cmd.Bool("tcp-skip-in-flight")
	opts.LinkRemap = cmd.Bool("link-remap")
	opts.PreDump = cmd.Bool("pre-dump")
	if opts.ParentImage = cmd.String("parent-path"); filepath.IsAbs(opts.ParentImage) {
		if opts.ParentImage, err = filepath.Rel(opts.ImagesDirectory, opts.ParentImage); err != nil {
			return nil, fmt.Errorf("--parent-path: %w", err)
		}
	}
	if server := cmd.String("page-server"); server != "" {
		host, port, err := net.SplitHostPort(server)
		if err != nil {
			return nil, fmt.Errorf("--page-server %q is not ADDRESS:PORT: %w", server, err)
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return nil, fmt.Errorf("--page-server %q: %q is not a port", server, port)
		}
		opts.PageServer = libcontainer.CriuPageServerInfo{Address: host, Port: int32(number)}
	}
	return opts, nil
}

func (a *app) checkpoint(ctx context.Context, cmd *cli.Command, id string) error {
	opts, err := checkpointOpts(cmd)
	if err != nil {
		return err
	}
	if fd := cmd.Int("status-fd"); fd >= 0 {
		if opts.Progress, err = tellStatus(fd); err != nil {
			return err
		}
	}
	c, err := a.load(id)
	if err != nil {
		return err
	}
	state, err := a.stateOf(c)
	if err != nil {
		return err
	}
	if !slices.Contains([]string{running, paused}, state.Status) {
		return fmt.Errorf("container not running: %q is %s, and there is nothing to save", id, state.Status)
	}
	ctx, stop := interruptible(ctx)
	defer stop()
	if err := c.CheckpointContext(ctx, opts); err != nil {
		return engineError(err)
	}
	if opts.LeaveRunning || opts.PreDump {
		return nil
	}
	return a.delete(ctx, id, true)
}

// tellStatus writes to the descriptor when criu is ready to serve lazy pages.
func tellStatus(fd int) (func(libcontainer.CriuProgress), error) {
	f := os.NewFile(uintptr(fd), "--status-fd")
	if f == nil {
		return nil, fmt.Errorf("--status-fd: %d is not a descriptor", fd)
	}
	if _, err := f.Stat(); err != nil {
		return nil, fmt.Errorf("--status-fd: descriptor %d is not open", fd)
	}
	return func(p libcontainer.CriuProgress) {
		if p.Stage == "status-ready" {
			_, _ = f.Write([]byte{0})
			_ = f.Close()
		}
	}, nil
}

func restoreCommand(a *app) *cli.Command {
	flags := append(append(criuFlags(), bundleFlags()...), pidFlags()...)
	flags = append(flags, detachFlags()...)
	return &cli.Command{
		Name:        "restore",
		Usage:       "make a container of what checkpoint has saved",
		ArgsUsage:   "ID",
		Description: "The bundle must be that of the checkpoint, or one like it. It needs criu.",
		Flags: append(flags,
			&cli.BoolFlag{Name: "keep", Usage: "do not remove the container when the program has ended"},
			&cli.StringFlag{Name: "lsm-profile", Usage: "`TYPE:NAME` of the label or profile instead of the saved one, TYPE being selinux or apparmor"},
			&cli.StringFlag{Name: "lsm-mount-context", Usage: "SELinux `CONTEXT` of mounts instead of the saved one"},
		),
		Action: withID(0, a.restore),
	}
}

func (a *app) restore(ctx context.Context, cmd *cli.Command, id string) error {
	opts, err := criuOpts(cmd)
	if err != nil {
		return err
	}
	opts.OptionalStdio = true // whoever calls the command has three descriptors, whatever the container had
	opts.LsmProfile, opts.LsmMountContext = cmd.String("lsm-profile"), cmd.String("lsm-mount-context")
	b, err := a.open(id, cmd)
	if err != nil {
		return err
	}
	if b.result.Process == nil {
		return errors.New("process is missing in config.json")
	}
	if err := utils.CloseExecFrom(firstExtra); err != nil {
		return err
	}
	b.streams.detach = cmd.Bool("detach")
	return a.run(ctx, b, cmd, func(ctx context.Context, c *libcontainer.Instance, p *libcontainer.Process) error {
		return c.RestoreContext(ctx, p, opts)
	})
}
