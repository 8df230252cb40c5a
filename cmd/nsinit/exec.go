package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v3"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/features"
	"github.com/libcontainer/libcontainer/specconv"
)

// execFailed is the exit status of exec if the process has not been started, by which engines tell that
// from a program's own.
const execFailed = 255

func execCommand(a *app) *cli.Command {
	one := 1
	flags := []cli.Flag{
		consoleSocketFlag(),
		&cli.StringFlag{Name: "cwd", Usage: "working `DIR` in the container"},
		&cli.StringSliceFlag{Name: "env", Aliases: []string{"e"}, Usage: "one more variable `NAME=VALUE` of the environment"},
		&cli.BoolFlag{Name: "tty", Aliases: []string{"t"}, Usage: "give the process a terminal"},
		&cli.StringFlag{Name: "user", Aliases: []string{"u"}, Usage: "`UID[:GID]` of the process"},
		&cli.StringSliceFlag{Name: "additional-gids", Aliases: []string{"g"}, Usage: "one more `GID` of the process"},
		&cli.StringFlag{Name: "process", Aliases: []string{"p"}, Usage: "`FILE` of a process.json, instead of a command"},
		&cli.StringFlag{Name: "process-label", Usage: "SELinux `LABEL` of the process"},
		&cli.StringFlag{Name: "apparmor", Usage: "AppArmor `PROFILE` of the process"},
		&cli.BoolFlag{Name: "no-new-privs", Usage: "keep the process from gaining privileges"},
		&cli.StringSliceFlag{Name: "cap", Aliases: []string{"c"}, Usage: "one more `CAPABILITY` of the process"},
		&cli.StringSliceFlag{Name: "cgroup",
			Usage: "sub-cgroup in which the process begins, as `[CONTROLLER[,CONTROLLER]:]PATH`; with controllers for cgroup v1"},
		&cli.BoolFlag{Name: "ignore-paused", Usage: "wait for a paused container to be resumed"},
		preserveFlag(),
	}
	flags = append(append(flags, pidFlags()...), detachFlags()...)
	return &cli.Command{
		Name:         "exec",
		Usage:        "execute a further program in a container",
		ArgsUsage:    "ID [PROGRAM [ARGUMENT...]]",
		Description:  "What no flag says is as in the container's configuration. The exit status is the program's, or 255 if it was not started.",
		Flags:        flags,
		StopOnNthArg: &one, // what follows is the program's
		Action: withID(-1, func(ctx context.Context, cmd *cli.Command, id string) error {
			status, err := a.exec(ctx, cmd, id)
			switch {
			case err != nil:
				return &failure{execFailed, fmt.Errorf("exec failed: %w", err)}
			case status != 0:
				return exitStatus(status)
			}
			return nil
		}),
	}
}

func (a *app) exec(ctx context.Context, cmd *cli.Command, id string) (status int, err error) {
	c, err := a.load(id)
	if err != nil {
		return 0, err
	}
	if err := a.mayExec(c, cmd.Bool("ignore-paused")); err != nil {
		return 0, err
	}
	r, err := recordOf(c)
	if err != nil {
		return 0, err
	}
	spec, err := execProcess(cmd, r.Process)
	if err != nil {
		return 0, err
	}
	config := c.Config()
	p, warnings, err := specconv.ToProcess(spec, &config)
	if err != nil {
		return 0, err
	}
	for _, warning := range warnings {
		a.log.warn(warning)
	}
	p.WaitPaused = cmd.Bool("ignore-paused")
	if err := subCgroups(p, cmd.StringSlice("cgroup")); err != nil {
		return 0, err
	}
	s := &streams{terminal: spec.Terminal, detach: cmd.Bool("detach"), socket: cmd.String("console-socket")}
	return a.startFurther(ctx, cmd, c, p, s, &config)
}

func (a *app) mayExec(c *libcontainer.Instance, ignorePaused bool) error {
	state, err := a.stateOf(c)
	if err != nil {
		return err
	}
	switch state.Status {
	case stopped, creating:
		return fmt.Errorf("container not running: %q is %s", c.ID(), state.Status)
	case paused:
		if !ignorePaused {
			return fmt.Errorf("container %q is paused (--ignore-paused waits until it is resumed)", c.ID())
		}
	}
	return nil
}

func (a *app) startFurther(ctx context.Context, cmd *cli.Command, c *libcontainer.Instance, p *libcontainer.Process,
	s *streams, config *configs.Config) (status int, err error) {
	if err := s.attach(p, config); err != nil {
		return 0, err
	}
	if err := passDescriptors(p, cmd.Int("preserve-fds")); err != nil {
		return 0, err
	}
	reap := !s.detach && !cmd.Bool("no-subreaper")
	if reap {
		if err := becomeSubreaper(); err != nil {
			return 0, err
		}
	}
	signals := watchSignalsUnless(s.detach)
	starting, stop := interruptible(ctx)
	a.log.debugf("container %q: start %q", c.ID(), p.Args)
	err = c.StartContext(starting, p)
	stop()
	if err != nil {
		return 0, engineError(err)
	}
	if err := tell(p, cmd.String("pid-file"), cmd.String("pidfd-socket")); err != nil {
		return 0, killAndWait(p, err)
	}
	if s.detach {
		return 0, nil
	}
	return s.wait(p, signals, reap)
}

// execProcess is the process of --process, or that of the bundle with what the flags say.
func execProcess(cmd *cli.Command, of *specs.Process) (*specs.Process, error) {
	args := cmd.Args().Tail()
	p := &specs.Process{Cwd: "/"}
	if of != nil {
		*p = *of
	}
	if file := cmd.String("process"); file != "" {
		if len(args) > 0 {
			return nil, fmt.Errorf("--process and a command: %q", args)
		}
		given, err := specconv.LoadProcess(file)
		if err != nil {
			return nil, fmt.Errorf("--process: %w", err)
		}
		if given.ExecCPUAffinity == nil {
			given.ExecCPUAffinity = p.ExecCPUAffinity
		}
		p = given
	} else {
		if len(args) == 0 {
			return nil, errors.New("neither a command nor --process given")
		}
		p.Args, p.Terminal, p.ConsoleSize = args, false, nil
	}
	return p, execFlags(cmd, p)
}

// execFlags lets the flags override what the process has.
func execFlags(cmd *cli.Command, p *specs.Process) error {
	p.Terminal = p.Terminal || cmd.Bool("tty")
	p.NoNewPrivileges = p.NoNewPrivileges || cmd.Bool("no-new-privs")
	for flag, field := range map[string]*string{
		"cwd": &p.Cwd, "process-label": &p.SelinuxLabel, "apparmor": &p.ApparmorProfile,
	} {
		if value := cmd.String(flag); value != "" {
			*field = value
		}
	}
	p.Env = append(slices.Clone(p.Env), cmd.StringSlice("env")...)
	if text := cmd.String("user"); text != "" {
		uid, gid, both := strings.Cut(text, ":")
		var err error
		if p.User.UID, err = parseID("--user", uid); err != nil {
			return err
		}
		if both {
			if p.User.GID, err = parseID("--user", gid); err != nil {
				return err
			}
		}
	}
	p.User.AdditionalGids = slices.Clone(p.User.AdditionalGids)
	for _, text := range cmd.StringSlice("additional-gids") {
		gid, err := parseID("--additional-gids", text)
		if err != nil {
			return err
		}
		p.User.AdditionalGids = append(p.User.AdditionalGids, gid)
	}
	return addCapabilities(p, cmd.StringSlice("cap"))
}

func parseID(flag, text string) (uint32, error) {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%s: %q is not an id", flag, text)
	}
	return uint32(id), nil
}

// addCapabilities lets the process have and use more capabilities. Those that a program of its user's
// executes do not get them (ambient) unless the process passes them on, see capabilities(7).
func addCapabilities(p *specs.Process, names []string) error {
	if len(names) == 0 {
		return nil
	}
	known := features.Known().Capabilities
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("--cap: %q is not the name of a capability, such as CAP_CHOWN", name)
		}
	}
	var sets specs.LinuxCapabilities
	if p.Capabilities != nil {
		sets = *p.Capabilities
	}
	for _, set := range []*[]string{&sets.Bounding, &sets.Effective, &sets.Permitted} {
		*set = slices.Clone(*set)
		for _, name := range names {
			if !slices.Contains(*set, name) {
				*set = append(*set, name)
			}
		}
	}
	p.Capabilities = &sets
	return nil
}

// subCgroups parses the values of --cgroup.
func subCgroups(p *libcontainer.Process, values []string) error {
	for _, value := range values {
		controllers, path, ok := strings.Cut(value, ":")
		if !ok {
			if p.SubCgroup != "" {
				return fmt.Errorf("--cgroup: %q and %q are both for all controllers", p.SubCgroup, value)
			}
			p.SubCgroup = strings.Trim(value, "/")
			continue
		}
		for name := range strings.SplitSeq(controllers, ",") {
			if p.SubCgroups == nil {
				p.SubCgroups = make(map[string]string)
			}
			if _, ok := p.SubCgroups[name]; ok || name == "" {
				return fmt.Errorf("--cgroup %q: the controller %q is empty or has one already", value, name)
			}
			p.SubCgroups[name] = strings.Trim(path, "/")
		}
	}
	return nil
}

// becomeSubreaper makes this command the parent of processes whose own has ended, see
// PR_SET_CHILD_SUBREAPER(2const).
func becomeSubreaper() error {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become a subreaper: %w", err)
	}
	return nil
}
