// Quickstart runs one program in a container, with limits, and leaves nothing behind: the least
// that a program which embeds libcontainer needs.
//
//	quickstart -rootfs /path/to/rootfs [-cmd 'shell command']
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	_ "github.com/libcontainer/libcontainer/nsenter" // makes this program its containers' init
	"github.com/libcontainer/libcontainer/utils"
)

const tour = `
echo "== who:       $(id)"
echo "== where:     $(hostname)"
echo "== memory:    $(cat /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null ||
	cat /sys/fs/cgroup/memory.max) bytes at most"
echo "== processes:"; ps -o pid,user,comm
echo "== mounts:"; mount
`

func main() {
	rootfs := flag.String("rootfs", "", "the container's root file `directory`")
	command := flag.String("cmd", "", "`command` for the container's /bin/sh; a short tour when empty")
	flag.Parse()
	if *rootfs == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if *command == "" {
		*command = tour
	}

	// A signal ends the container, and with it the run, which cleans up as always.
	ctx, stop := signal.NotifyContext(context.Background(),
		syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stop()
	code, err := run(ctx, *rootfs, *command)
	if err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// run gives the exit code of command in a new container on rootfs.
func run(ctx context.Context, rootfs, command string) (code int, err error) {
	rootfs, err = utils.ResolveRootfs(rootfs)
	if err != nil {
		return 0, err
	}
	state, err := os.MkdirTemp("", "quickstart-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.Remove(state)) }()

	runtime, err := libcontainer.Open(state)
	if err != nil {
		return 0, err
	}
	id := fmt.Sprintf("quickstart-%d", os.Getpid())
	container, err := runtime.Create(ctx, id, config(id, rootfs))
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, container.Destroy()) }()

	result, err := container.Run(ctx, &libcontainer.Process{
		Args:   []string{"/bin/sh", "-c", command},
		Env:    []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "TERM=" + os.Getenv("TERM")},
		User:   "0:0",
		Cwd:    "/",
		Stdin:  os.Stdin,
		Stdout: os.Stdout,
		Stderr: os.Stderr,
	})
	if err != nil {
		return 0, err
	}
	fmt.Println("== what it took, seen from the host:")
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(out, "time\t%.1f ms\n", result.Wall.Seconds()*1e3)
	fmt.Fprintf(out, "CPU time\t%.1f ms\n", result.CPU.Seconds()*1e3)
	fmt.Fprintf(out, "memory at most\t%.1f MiB\n", float64(result.PeakMemory)/(1<<20))
	return result.ExitCode, out.Flush()
}

// config is the safe default with a name, limits, and the container's own cgroups to look at.
func config(id, rootfs string) *configs.Config {
	config := configs.Default()
	config.Rootfs = rootfs
	config.Hostname = "quickstart"
	config.Cgroups.Name = id
	config.Cgroups.Memory = 64 << 20
	config.Cgroups.PidsLimit = 100
	config.Mounts = append(config.Mounts, &configs.Mount{
		Source:      "cgroup",
		Destination: "/sys/fs/cgroup",
		Device:      "cgroup",
		Flags:       syscall.MS_NOSUID | syscall.MS_NOEXEC | syscall.MS_NODEV | syscall.MS_RDONLY,
	})
	return config
}
