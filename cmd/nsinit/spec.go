package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v3"

	"github.com/libcontainer/libcontainer/specconv"
)

func specCommand(a *app) *cli.Command {
	return &cli.Command{
		Name:        "spec",
		Usage:       "write a config.json to begin with",
		Description: "The file runs a shell in the directory rootfs of the bundle. A file that is there already is left alone.",
		Flags: []cli.Flag{
			bundleFlag(),
			&cli.BoolFlag{Name: "rootless", Usage: "for a user without privileges: the calling one"},
		},
		Action: func(_ context.Context, cmd *cli.Command) error {
			if cmd.Args().Present() {
				return fmt.Errorf("nsinit spec: there are no arguments, and %q is one", cmd.Args().First())
			}
			spec := specconv.Example()
			if cmd.Bool("rootless") {
				spec = specconv.ExampleRootless()
			}
			path := filepath.Join(cmd.String("bundle"), specconv.ConfigFile)
			f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if err != nil {
				return err
			}
			return errors.Join(writeJSON(f, spec), f.Close())
		},
	}
}
