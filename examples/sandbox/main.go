// Sandbox runs a command that nobody trusts: as a user whom the host doesn't know, without
// capabilities, network or a place to write but a small /tmp, behind a filter of system calls, with
// limits on memory, processes and CPU, and not for longer than it may. It reads standard input, and
// exits with the command's status, or with 124 when the time was up.
//
//	sandbox [-time 10s] [-memory MIB] [-processes N] [-ids FIRST] /path/to/rootfs COMMAND [ARGUMENT...]
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

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	_ "github.com/libcontainer/libcontainer/nsenter" // makes this program its containers' init
	"github.com/libcontainer/libcontainer/seccomp"
	"github.com/libcontainer/libcontainer/utils"
)

const timeIsUp = 124 // as of timeout(1)

// limits are what the command may take.
type limits struct {
	time      time.Duration
	memory    int64 // MiB
	processes int64
	ids       int // the first of 65536 user and group ids of the host that nobody else has
}

func main() {
	var may limits
	flag.DurationVar(&may.time, "time", 10*time.Second, "how `long` it may take, with its start")
	flag.Int64Var(&may.memory, "memory", 64, "memory in `MiB`, without swap")
	flag.Int64Var(&may.processes, "processes", 32, "`number` of processes and threads")
	flag.IntVar(&may.ids, "ids", 100000, "the `first` of 65536 ids of the host that are its own")
	flag.Parse()
	if flag.NArg() < 2 || may.time <= 0 || may.memory < 1 || may.processes < 1 || may.ids < 1 {
		fmt.Fprintln(os.Stderr, "usage: sandbox [limits] /path/to/rootfs COMMAND [ARGUMENT...]; all limits are above 0")
		flag.PrintDefaults()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, may.time)
	defer cancel()
	code, err := run(ctx, may, flag.Arg(0), flag.Args()[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		code = 1
		if errors.Is(err, context.DeadlineExceeded) {
			code = timeIsUp
		}
	}
	os.Exit(code)
}

func run(ctx context.Context, may limits, rootfs string, args []string) (code int, err error) {
	if rootfs, err = utils.ResolveRootfs(rootfs); err != nil {
		return 0, err
	}
	state, err := os.MkdirTemp("", "sandbox-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.Remove(state)) }()
	runtime, err := libcontainer.Open(state)
	if err != nil {
		return 0, err
	}
	id := fmt.Sprintf("sandbox-%d", os.Getpid())
	container, err := runtime.Create(ctx, id, config(id, rootfs, may))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, container.Destroy()) }()

	result, err := container.Run(ctx, &libcontainer.Process{
		Args: args,
		Env:  []string{"PATH=/usr/bin:/bin", "HOME=/tmp"},
		User: "1000:1000",
		Cwd:  "/tmp",
		// The command gets pipes, never our files: ours may be a terminal, or open for reading too.
		Stdin:  struct{ io.Reader }{os.Stdin},
		Stdout: struct{ io.Writer }{os.Stdout},
		Stderr: struct{ io.Writer }{os.Stderr},
	})
	if err != nil {
		return 0, err
	}
	return result.ExitCode, result.Killed
}

// config takes from the safe default all that a command can do without.
func config(id, rootfs string, may limits) *configs.Config {
	config := configs.Default()
	config.Rootfs = rootfs
	config.Readonlyfs = true
	config.Hostname = "sandbox"
	config.Capabilities = nil
	config.Networks = nil // not even a loopback that is up
	config.Seccomp = seccomp.Default()

	config.Namespaces.Add(configs.NEWUSER, "")
	ids := []configs.IDMap{{ContainerID: 0, HostID: may.ids, Size: 65536}}
	config.UidMappings, config.GidMappings = ids, ids

	config.Mounts = append(config.Mounts, &configs.Mount{
		Source:      "tmpfs",
		Destination: "/tmp",
		Device:      "tmpfs",
		Flags:       unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC,
		Data:        "mode=1777,size=16m,nr_inodes=1024",
	})
	config.Rlimits = []configs.Rlimit{
		{Type: unix.RLIMIT_NOFILE, Soft: 256, Hard: 256},
		{Type: unix.RLIMIT_CORE},
	}
	config.Cgroups.Name = id
	config.Cgroups.Memory = may.memory << 20
	config.Cgroups.MemorySwap = may.memory << 20
	config.Cgroups.PidsLimit = may.processes
	config.Cgroups.CpuPeriod, config.Cgroups.CpuQuota = 100_000, 100_000 // one CPU's time, in µs
	return config
}
