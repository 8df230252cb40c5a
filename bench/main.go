package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

type options struct {
	lives  int
	warmup int
	floor  string
	rootfs string
	out    string
}

func main() {
	opts, err := parseOptions()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(2)
	}
	if err := enterPrivateMounts(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, opts); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func parseOptions() (options, error) {
	var opts options
	flag.IntVar(&opts.lives, "n", 60, "`lives` that each one makes and that are counted")
	flag.IntVar(&opts.warmup, "warmup", 5, "`rounds` before those that are counted")
	flag.StringVar(&opts.floor, "floor", "", "the compiled floor.c")
	flag.StringVar(&opts.rootfs, "rootfs", "", "root file system `directory` with /bin/true")
	flag.StringVar(&opts.out, "out", "", "`directory` for life.md and life.svg; none when empty")
	flag.Parse()
	if opts.floor == "" || opts.rootfs == "" || opts.lives < 1 || opts.warmup < 0 || flag.NArg() > 0 {
		flag.Usage()
		return opts, errors.New("-floor and -rootfs are needed, and at least one life")
	}
	var err error
	if opts.floor, err = filepath.Abs(opts.floor); err != nil {
		return opts, err
	}
	opts.rootfs, err = filepath.Abs(opts.rootfs)
	return opts, err
}

// run measures, reports, and fails when the floor or the library did; a peer's failure is only
// reported.
func run(ctx context.Context, opts options) (err error) {
	work, remove, err := workDirectory()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()

	candidates := newCandidates(opts, work)
	for _, c := range candidates {
		defer func() { err = errors.Join(err, c.close()) }()
	}
	if err := measure(ctx, candidates, opts); err != nil {
		return err
	}
	report := newReport(candidates, opts, time.Now())
	fmt.Print(report.table())
	if err := report.write(opts.out); err != nil {
		return err
	}
	for _, c := range candidates {
		if c.err != nil && !c.peer {
			err = errors.Join(err, fmt.Errorf("%s: %w", c.name, c.err))
		}
	}
	return err
}

// candidate is a runner with what became of it.
type candidate struct {
	name   string
	peer   bool
	runner runner
	lives  []time.Duration
	err    error // why it ended, or never began
}

// newCandidates gives all four, also those that cannot run here: those carry the reason.
func newCandidates(opts options, work string) []*candidate {
	floor := &candidate{name: "floor"}
	floor.set(newFloorRunner(opts.floor, opts.rootfs))
	library := &candidate{name: "library"}
	library.set(newLibraryRunner(work, opts.rootfs))
	return []*candidate{
		floor,
		library,
		newPeer("runc", opts.rootfs, work),
		newPeer("crun", opts.rootfs, work, "--cgroup-manager=cgroupfs"),
	}
}

func newPeer(name, rootfs, work string, args ...string) *candidate {
	peer := &candidate{name: name, peer: true}
	program, err := exec.LookPath(name)
	if err != nil {
		peer.err = errors.New("not installed")
		return peer
	}
	peer.set(newOCIRunner(program, work, rootfs, args...))
	return peer
}

func (c *candidate) set(r runner, err error) {
	if err != nil {
		c.err = err
		return
	}
	c.runner = r
}

func (c *candidate) close() error {
	if c.runner == nil {
		return nil
	}
	return c.runner.close()
}

// measure does the rounds. Each begins with another candidate, for what comes after a slow one finds
// the machine in another state than what comes after a fast one. Who fails is out.
func measure(ctx context.Context, candidates []*candidate, opts options) error {
	for round := range opts.warmup + opts.lives {
		for i := range candidates {
			c := candidates[(round+i)%len(candidates)]
			if c.err != nil {
				continue
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			elapsed, err := c.runner.life(ctx)
			if err != nil {
				c.err = err
				continue
			}
			if round >= opts.warmup {
				c.lives = append(c.lives, elapsed)
			}
		}
	}
	return nil
}
