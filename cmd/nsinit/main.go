// Nsinit is a command that runs containers from bundles of the OCI runtime specification. Engines
// such as podman, docker and containerd call it for each step of a container's life; nothing of it
// runs between these calls.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/libcontainer/libcontainer"
)

func main() {
	os.Exit(run(os.Args, os.Stdout, os.Stderr))
}

// exitStatus ends the command with this status and without a word: what it is about has said all.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// failure ends the command with another status than 1.
type failure struct {
	status int
	error
}

func (f *failure) Unwrap() error { return f.error }

// run is the command, as a function of its arguments. It returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	a := &app{log: newLogger(stderr)}
	err := newCommand(a, stdout, stderr).Run(context.Background(), args)
	var status exitStatus
	var failed *failure
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	case errors.As(err, &failed):
		a.log.fatal(err)
		return failed.status
	}
	a.log.fatal(err)
	return 1
}

const description = `nsinit is an OCI runtime: it runs containers as the configuration file config.json in a directory,
the bundle, says. "nsinit spec" writes one to begin with. A container is made by "create", and its
program executed by "start"; "run" does both. "delete" removes what is left of it.`

// newCommand builds the command line.
func newCommand(a *app, stdout, stderr io.Writer) *cli.Command {
	root := &cli.Command{
		Name:        "nsinit",
		Usage:       "run containers from OCI bundles",
		Description: description,
		Version:     version(),
		Writer:      stdout,
		ErrWriter:   stderr,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "root", Value: defaultRoot(), Local: true,
				Usage: "keep the state of containers in `DIR`, which should be of a tmpfs"},
			&cli.StringFlag{Name: "log", Local: true, Usage: "append errors and warnings to `FILE`, instead of writing them to standard error"},
			&cli.StringFlag{Name: "log-format", Value: "text", Local: true, Usage: "`FORMAT` of the log: text or json"},
			&cli.BoolFlag{Name: "debug", Local: true, Usage: "log more"},
			&cli.BoolFlag{Name: "systemd-cgroup", Local: true,
				Usage: "have systemd manage the cgroups: linux.cgroupsPath is slice:prefix:name then"},
			&cli.StringFlag{Name: "rootless", Value: "auto", Local: true,
				Usage: "`CHOICE` whether cgroups that cannot be made are left out: true, false, or auto, which looks at the privileges"},
			&cli.StringFlag{Name: "criu", Local: true, Usage: "`PATH` of criu, by default looked up in PATH"},
		},
		Commands: []*cli.Command{
			createCommand(a), startCommand(a), runCommand(a), execCommand(a), killCommand(a), deleteCommand(a),
			pauseCommand(a), resumeCommand(a), stateCommand(a), listCommand(a), psCommand(a), eventsCommand(a),
			updateCommand(a), checkpointCommand(a), restoreCommand(a), specCommand(a), featuresCommand(a), manCommand(),
		},
		Before:                func(ctx context.Context, cmd *cli.Command) (context.Context, error) { return ctx, a.setUp(cmd) },
		Action:                noCommand,
		EnableShellCompletion: true,
		HideHelpCommand:       true, // "help" is an id as any other
		ExitErrHandler:        func(context.Context, *cli.Command, error) {},
	}
	for _, cmd := range root.Commands {
		if strings.HasPrefix(cmd.ArgsUsage, "ID") && !slices.Contains([]string{"create", "run", "restore"}, cmd.Name) {
			cmd.ShellComplete = a.completeID
		}
	}
	for _, cmd := range append(root.Commands, root) {
		cmd.DisableSliceFlagSeparator = true // a comma in a value is one
		cmd.HideHelpCommand = true
		cmd.OnUsageError = func(_ context.Context, cmd *cli.Command, err error, _ bool) error {
			if setUp := a.setUp(cmd.Root()); setUp != nil { // so that the error gets to the log
				return setUp
			}
			return fmt.Errorf("%s: %w (see %s --help)", cmd.FullName(), err, cmd.FullName())
		}
	}
	return root
}

// completeID offers flags, and the ids of the containers that there are.
func (a *app) completeID(ctx context.Context, cmd *cli.Command) {
	cli.DefaultCompleteWithFlags(ctx, cmd)
	if cmd.Args().Present() {
		return
	}
	ids, _ := a.factory().List() // there is nobody to be told
	for _, id := range ids {
		fmt.Fprintln(cmd.Root().Writer, id)
	}
}

func noCommand(_ context.Context, cmd *cli.Command) error {
	if cmd.Args().Present() {
		return fmt.Errorf("there is no command %q (see nsinit --help)", cmd.Args().First())
	}
	return cli.ShowRootCommandHelp(cmd)
}

// An action is what a command does with the container of that id, and its further arguments.
type action func(ctx context.Context, cmd *cli.Command, id string) error

// withID is an action for commands whose first argument is the id, and that take so many
// arguments after that; a negative number stands for any.
func withID(further int, do action) cli.ActionFunc {
	return func(ctx context.Context, cmd *cli.Command) error {
		id := cmd.Args().First()
		if id == "" {
			return fmt.Errorf("%s: no container id given (see %s --help)", cmd.FullName(), cmd.FullName())
		}
		if n := cmd.NArg() - 1; further >= 0 && n > further {
			return fmt.Errorf("%s: too many arguments, %q is the first (see %s --help)",
				cmd.FullName(), cmd.Args().Get(1+further), cmd.FullName())
		}
		return do(ctx, cmd, id)
	}
}

// withContainer is withID for a container that exists.
func (a *app) withContainer(further int, do func(ctx context.Context, cmd *cli.Command, c *libcontainer.Instance) error) cli.ActionFunc {
	return withID(further, func(ctx context.Context, cmd *cli.Command, id string) error {
		c, err := a.load(id)
		if err != nil {
			return err
		}
		return do(ctx, cmd, c)
	})
}
