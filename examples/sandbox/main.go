// Sandbox runs a command that nobody trusts: as a user whom the host doesn't know, without
// capabilities, network or a place to write but a small /tmp, behind a filter of system calls, with
// limits on memory, processes and CPU, and not for longer than it may. It reads standard input, and
// exits with the command's status, or with 124 when the time was up.
//
//	sandbox [-time 10s] [-memory MIB] [-processes N] [-state DIR] /path/to/rootfs COMMAND [ARGUMENT...]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/utils"
)

const timeIsUp = 124 // as of timeout(1)

func main() {
	config := configs.Sandbox()
	limit := flag.Duration("time", 10*time.Second, "how `long` it may take, with its start")
	memory := flag.Int64("memory", 64, "memory in `MiB`, without swap")
	flag.Int64Var(&config.Cgroups.PidsLimit, "processes", 32, "`number` of processes and threads")
	state := flag.String("state", "/run/sandbox", "`directory` that all who run sandboxes share, so that no two have the same ids")
	flag.Parse()
	if flag.NArg() < 2 || *limit <= 0 || *memory < 1 || config.Cgroups.PidsLimit < 1 {
		fmt.Fprintln(os.Stderr, "usage: sandbox [limits] /path/to/rootfs COMMAND [ARGUMENT...]; all limits are above 0")
		flag.PrintDefaults()
		os.Exit(2)
	}
	config.Cgroups.Memory, config.Cgroups.MemorySwap = *memory<<20, *memory<<20

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	code, err := run(ctx, *state, config, *limit)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		code = 1
		if errors.Is(err, context.DeadlineExceeded) {
			code = timeIsUp
		}
	}
	os.Exit(code)
}

func run(ctx context.Context, state string, config *configs.Config, limit time.Duration) (code int, err error) {
	if config.Rootfs, err = utils.ResolveRootfs(flag.Arg(0)); err != nil {
		return 0, err
	}
	runtime, err := libcontainer.Open(state)
	if err != nil {
		return 0, err
	}
	container, err := runtime.Create(ctx, fmt.Sprintf("sandbox-%d", os.Getpid()), config)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, container.Destroy()) }()

	result, err := container.Run(ctx, &libcontainer.Process{
		Args: flag.Args()[1:],
		Env:  []string{"PATH=/usr/bin:/bin", "HOME=/tmp"},
		User: "1000:1000",
		Cwd:  "/tmp",
		// The command gets pipes, never our files: ours may be a terminal, or open for reading too.
		Stdin:  struct{ io.Reader }{os.Stdin},
		Stdout: struct{ io.Writer }{os.Stdout},
		Stderr: struct{ io.Writer }{os.Stderr},
		Limits: &libcontainer.Limits{Wall: limit},
	})
	if err != nil {
		return 0, err
	}
	return result.ExitCode, result.Killed
}
