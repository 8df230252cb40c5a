// Package run is what the test hosts have in common.
package run

import (
	"fmt"
	"os"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/seccomp"
)

// Config gives a container on the root file system of the first argument, with
// its cgroup below that of the third.
func Config() *configs.Config {
	config := configs.Default()
	config.Rootfs = os.Args[1]
	config.Cgroups.Parent = os.Args[3]
	return config
}

// Container runs one container, with its state in the second argument and a filter
// of system calls, and exits.
func Container() {
	if err := container(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func container() error {
	factory, err := libcontainer.New(os.Args[2], tested.Manager)
	if err != nil {
		return err
	}
	config := Config()
	config.Seccomp = seccomp.Default(config.Capabilities...)
	c, err := factory.Create("host", config)
	if err != nil {
		return err
	}
	defer c.Destroy()
	p := &libcontainer.Process{
		Args:   []string{"/bin/sh", "-c", "grep -q '^Seccomp:.*2$' /proc/self/status && echo hello from the container"},
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	}
	if err := c.Start(p); err != nil {
		return err
	}
	_, err = p.Wait()
	return err
}
