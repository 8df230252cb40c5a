// Shell gives you a shell in a container, on your terminal: raw mode, window size, job control, exit
// status.
//
//	shell [-user NAME] /path/to/rootfs [PROGRAM [ARGUMENT...]]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	_ "github.com/libcontainer/libcontainer/nsenter" // makes this program its containers' init
	"github.com/libcontainer/libcontainer/utils"
)

func main() {
	user := flag.String("user", "root", "`user` of the container, NAME or UID:GID")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: shell [-user NAME] /path/to/rootfs [PROGRAM [ARGUMENT...]]")
		os.Exit(2)
	}
	args := flag.Args()[1:]
	if len(args) == 0 {
		args = []string{"/bin/sh", "-l"}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	code, err := run(ctx, flag.Arg(0), &libcontainer.Process{
		Args: args,
		Env:  []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=" + os.Getenv("TERM")},
		User: *user,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "shell:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(ctx context.Context, rootfs string, process *libcontainer.Process) (code int, err error) {
	if rootfs, err = utils.ResolveRootfs(rootfs); err != nil {
		return 0, err
	}
	state, err := os.MkdirTemp("", "shell-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.Remove(state)) }()
	runtime, err := libcontainer.Open(state)
	if err != nil {
		return 0, err
	}
	config := configs.Default()
	config.Rootfs = rootfs
	config.Hostname = "shell"
	config.Cgroups.Name = fmt.Sprintf("shell-%d", os.Getpid())
	container, err := runtime.Create(ctx, config.Cgroups.Name, config)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, container.Destroy()) }()
	result, err := container.RunOnTerminal(ctx, process, os.Stdin)
	if err != nil {
		return 0, err
	}
	return result.ExitCode, nil
}
