package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/libcontainer/libcontainer"
)

func stateCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:      "state",
		Usage:     "write the state of a container as JSON",
		ArgsUsage: "ID",
		Action: a.withContainer(0, func(_ context.Context, cmd *cli.Command, c *libcontainer.Instance) error {
			state, err := a.stateOf(c)
			if err != nil {
				return err
			}
			return writeJSON(cmd.Root().Writer, state)
		}),
	}
}

func writeJSON(w io.Writer, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

func formatFlag() cli.Flag {
	return &cli.StringFlag{Name: "format", Aliases: []string{"f"}, Value: "table", Usage: "`FORMAT`: table or json"}
}

func listCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:  "list",
		Usage: "list the containers of the root",
		Flags: []cli.Flag{formatFlag(), &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "write ids alone"}},
		Action: func(_ context.Context, cmd *cli.Command) error {
			if cmd.Args().Present() {
				return fmt.Errorf("nsinit list: there are no arguments, and %q is one", cmd.Args().First())
			}
			ids, err := a.factory().List()
			if err != nil {
				return err
			}
			w := cmd.Root().Writer
			if cmd.Bool("quiet") {
				for _, id := range ids {
					fmt.Fprintln(w, id)
				}
				return nil
			}
			states := a.states(ids)
			switch format := cmd.String("format"); format {
			case "json":
				return writeJSON(w, states)
			case "table":
				return writeTable(w, states)
			default:
				return fmt.Errorf("--format %q is neither table nor json", format)
			}
		},
	}
}

// states leaves out containers that are removed meanwhile, and warns of those that cannot be loaded.
func (a *app) states(ids []string) []*containerState {
	states := make([]*containerState, 0, len(ids))
	for _, id := range ids {
		c, err := a.load(id)
		var state *containerState
		if err == nil {
			state, err = a.stateOf(c)
		}
		switch {
		case err == nil:
			states = append(states, state)
		case !errors.Is(err, libcontainer.ContainerNotExists):
			a.log.warn(fmt.Errorf("container %q: %w", id, err))
		}
	}
	return states
}

func writeTable(w io.Writer, states []*containerState) error {
	table := tabwriter.NewWriter(w, 12, 1, 3, ' ', 0)
	fmt.Fprintln(table, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER")
	for _, s := range states {
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\n", s.ID, s.Pid, s.Status, s.Bundle, s.Created.Format(time.RFC3339Nano), s.Owner)
	}
	return table.Flush()
}

func psCommand(a *app) *cli.Command {
	one := 1
	return &cli.Command{
		Name:         "ps",
		Usage:        "list the processes of a container",
		ArgsUsage:    "ID [OPTION OF PS...]",
		Description:  "The table is that of ps(1), with its options -ef if none are given; they must leave the column PID in it.",
		Flags:        []cli.Flag{formatFlag()},
		StopOnNthArg: &one,
		Action: a.withContainer(-1, func(ctx context.Context, cmd *cli.Command, c *libcontainer.Instance) error {
			pids, err := c.Processes()
			if err != nil {
				return engineError(err)
			}
			w := cmd.Root().Writer
			switch format := cmd.String("format"); format {
			case "json":
				if pids == nil {
					pids = []int{}
				}
				return writeJSON(w, pids)
			case "table":
				return writeProcesses(ctx, w, pids, cmd.Args().Tail())
			default:
				return fmt.Errorf("--format %q is neither table nor json", format)
			}
		}),
	}
}

// writeProcesses writes those lines of ps that are about the processes.
func writeProcesses(ctx context.Context, w io.Writer, pids []int, options []string) error {
	if len(options) == 0 {
		options = []string{"-ef"}
	}
	ps := exec.CommandContext(ctx, "ps", options...)
	ps.Stderr = os.Stderr
	out, err := ps.Output()
	if err != nil {
		return fmt.Errorf("%s: %w", strings.Join(ps.Args, " "), err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, len(out)+1)
	if !lines.Scan() {
		return lines.Err()
	}
	column := slices.Index(strings.Fields(lines.Text()), "PID")
	if column < 0 {
		return fmt.Errorf("%s: there is no column PID in what it writes", strings.Join(ps.Args, " "))
	}
	fmt.Fprintln(w, lines.Text())
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) <= column {
			continue
		}
		if pid, err := strconv.Atoi(fields[column]); err == nil && slices.Contains(pids, pid) {
			fmt.Fprintln(w, lines.Text())
		}
	}
	return lines.Err()
}
