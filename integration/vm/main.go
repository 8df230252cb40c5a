// Command vm runs the integration tests, or any command, in virtual machines
// that have systemd as the first process and cgroups of one layout each: v2, v1
// or hybrid. Software emulation is enough; nothing of the machine at hand but
// its Debian packages is needed.
//
//	go run ./integration/vm -world v2 -manager cgroupfs -run TestStats
//	go run ./integration/vm -world v2 -cmd 'systemctl --version'
//
// Without a command the tests run, in all worlds and with all managers of cgroups
// unless it is said which. In all worlds those files of tests are left out which have the
// comment "//world:any", since they depend on none: they have run on the machine at hand. Those with
// the comment "//world:one" run in the first one of the worlds alone.
// A command runs as root in /src, which is this source tree, read-only; what it writes
// elsewhere is gone when it ends.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

type options struct {
	world, manager string
	run, command   string
	cpus, jobs     int
	timeout        time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends what does not look at the first

	status, err := run(ctx, os.Args[1:])
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "vm:", err)
		status = 125 // none of the command's own, as with env and timeout
	}
	os.Exit(status)
}

func run(ctx context.Context, args []string) (status int, err error) {
	var o options
	flags := flag.NewFlagSet("vm", flag.ContinueOnError)
	flags.StringVar(&o.world, "world", "all", "v2, v1, hybrid or all")
	flags.StringVar(&o.manager, "manager", "all", "cgroupfs, systemd or all")
	flags.StringVar(&o.run, "run", "", "run the tests that this pattern, as of go test, matches")
	flags.StringVar(&o.command, "cmd", "", "run this shell command instead of the tests, in one world")
	flags.IntVar(&o.cpus, "cpus", 1, "processors of a machine")
	flags.IntVar(&o.jobs, "jobs", runtime.NumCPU(), "machines at once")
	flags.DurationVar(&o.timeout, "timeout", 30*time.Minute, "time limit in a machine, without its boot")
	if err := flags.Parse(args); err != nil {
		return 2, err
	}
	if flags.NArg() > 0 {
		return 2, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	worlds, err := findWorlds(o.world)
	if err != nil {
		return 2, err
	}
	source, err := findSource()
	if err != nil {
		return 2, err
	}
	image, err := findImage(ctx)
	if err != nil {
		return 2, err
	}
	if o.command != "" {
		return runCommand(ctx, o, image, worlds, source)
	}
	return runSuite(ctx, o, image, worlds, source)
}

// runCommand runs one command in one world.
func runCommand(ctx context.Context, o options, image image, worlds []world, source string) (status int, err error) {
	if len(worlds) != 1 {
		return 2, errors.New("a command needs one -world: v2, v1 or hybrid")
	}
	dir, err := os.MkdirTemp("", "libcontainer-vm-")
	if err != nil {
		return 2, err
	}
	defer os.RemoveAll(dir)
	return job{
		image: image, world: worlds[0], cpus: o.cpus, source: source, command: o.command,
		timeout: o.timeout, output: os.Stdout, console: filepath.Join(dir, "console"),
	}.run(ctx)
}

// findSource gives the root of the source tree that the working directory is in.
func findSource() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for d := dir; ; d = filepath.Dir(d) {
		if _, err := os.Stat(filepath.Join(d, "go.mod")); err == nil {
			return d, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("%s is in no Go module", dir)
		}
	}
}
