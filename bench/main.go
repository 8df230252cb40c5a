package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type options struct {
	tables    []string
	lives     int
	warmup    int
	pause     time.Duration
	beside    []int // ascending
	floor     string
	floorExec string
	rootfs    string
	out       string
}

func main() {
	opts, err := parseOptions(os.Args[0], os.Args[1:])
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

func parseOptions(name string, args []string) (options, error) {
	var opts options
	var names, beside string
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.StringVar(&names, "tables", "life,exec,beside", "`tables` to make")
	flags.IntVar(&opts.lives, "n", 60, "how `often` each candidate is measured")
	flags.IntVar(&opts.warmup, "warmup", 5, "`rounds` before those that are counted")
	flags.DurationVar(&opts.pause, "pause", 0, "how `long` the machine idles before each measurement")
	flags.StringVar(&beside, "beside", "0,100,500", "`numbers` of running containers for the table beside")
	flags.StringVar(&opts.floor, "floor", "", "the compiled floor.c")
	flags.StringVar(&opts.floorExec, "floor-exec", "", "the compiled floor-exec.c")
	flags.StringVar(&opts.rootfs, "rootfs", "", "root file system `directory` with /bin/true and /bin/cat")
	flags.StringVar(&opts.out, "out", "", "`directory` for a .md and .svg of each table; none when empty")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	if flags.NArg() > 0 {
		return opts, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if opts.floor == "" || opts.floorExec == "" || opts.rootfs == "" || opts.lives < 1 || opts.warmup < 0 || opts.pause < 0 {
		return opts, errors.New("-floor, -floor-exec and -rootfs are needed, and -n of at least 1")
	}
	var err error
	if opts.tables, err = parseTables(names); err != nil {
		return opts, err
	}
	if opts.beside, err = parseNumbers(beside); err != nil {
		return opts, err
	}
	for _, path := range []*string{&opts.floor, &opts.floorExec, &opts.rootfs} {
		if *path, err = filepath.Abs(*path); err != nil {
			return opts, err
		}
	}
	return opts, nil
}

func parseTables(list string) ([]string, error) {
	names := strings.Split(list, ",")
	for _, name := range names {
		if name != "life" && name != "exec" && name != "beside" {
			return nil, fmt.Errorf("-tables: there is no table %q; there are life, exec and beside", name)
		}
	}
	return names, nil
}

// parseNumbers gives the numbers in ascending order.
func parseNumbers(list string) ([]int, error) {
	var numbers []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return nil, fmt.Errorf("-beside: %q is not a number of containers", text)
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), nil
}

// run makes the tables, one after the other. One that fails does not keep the others from being made.
func run(ctx context.Context, opts options) (err error) {
	work, remove, err := workDirectory()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	for _, t := range tables {
		if !slices.Contains(opts.tables, t.name) {
			continue
		}
		if ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if failure := t.make(ctx, opts, work).run(ctx, opts); failure != nil {
			err = errors.Join(err, fmt.Errorf("table %s: %w", t.name, failure))
		}
	}
	return err
}
