package main

import (
	"cmp"
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
	beside    []int // these are ascending
	parallel  []int
	scale     []int
	floor     string
	floorExec string
	hosts     string
	nsinit    string
	criu      string
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
	var names string
	numbers := []struct {
		name, initial, of string
		least             int
		to                *[]int
		text              string
	}{
		{"beside", "0,100,500", "of running containers for the table beside", 0, &opts.beside, ""},
		{"parallel", "1,8,64", "of lives at the same time for the table throughput", 1, &opts.parallel, ""},
		{"scale", "10,100,1000", "of running containers for the table scale", 1, &opts.scale, ""},
	}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.StringVar(&names, "tables", strings.Join(tableNames(), ","), "`tables` to make")
	flags.IntVar(&opts.lives, "n", 60, "how `often` each candidate is measured")
	flags.IntVar(&opts.warmup, "warmup", 5, "`rounds` before those that are counted")
	flags.DurationVar(&opts.pause, "pause", 0, "how `long` the machine idles before each measurement")
	for i := range numbers {
		n := &numbers[i]
		flags.StringVar(&n.text, n.name, n.initial, "`numbers` "+n.of)
	}
	flags.StringVar(&opts.floor, "floor", "", "the compiled floor.c")
	flags.StringVar(&opts.floorExec, "floor-exec", "", "the compiled floor-exec.c")
	flags.StringVar(&opts.hosts, "hosts", "", "`directory` with the compiled programs of bench/hosts")
	flags.StringVar(&opts.nsinit, "nsinit", "nsinit", "`path` of nsinit for the table command")
	flags.StringVar(&opts.rootfs, "rootfs", "", "root file system `directory` with busybox")
	flags.StringVar(&opts.criu, "criu", cmp.Or(os.Getenv("LIBCONTAINER_CRIU"), "criu"), "`path` of criu for the table checkpoint")
	flags.StringVar(&opts.out, "out", "", "`directory` for a .md and .svg of each table; none when empty")
	if err := flags.Parse(args); err != nil {
		return opts, err
	}
	if flags.NArg() > 0 {
		return opts, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if err := opts.check(); err != nil {
		return opts, err
	}
	var err error
	if opts.tables, err = parseTables(names); err != nil {
		return opts, err
	}
	for _, n := range numbers {
		if *n.to, err = parseNumbers(n.name, n.text, n.least); err != nil {
			return opts, err
		}
	}
	return opts, opts.makeAbsolute()
}

func (o *options) check() error {
	if o.floor == "" || o.floorExec == "" || o.hosts == "" || o.rootfs == "" {
		return errors.New("-floor, -floor-exec, -hosts and -rootfs are needed")
	}
	if o.lives < 1 || o.warmup < 0 || o.pause < 0 {
		return errors.New("-n is at least 1, and -warmup and -pause are not negative")
	}
	return nil
}

func (o *options) makeAbsolute() (err error) {
	for _, path := range []*string{&o.floor, &o.floorExec, &o.hosts, &o.rootfs} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	return nil
}

func parseTables(list string) ([]string, error) {
	names := strings.Split(list, ",")
	for _, name := range names {
		if !slices.Contains(tableNames(), name) {
			return nil, fmt.Errorf("-tables: there is no table %q; there are %s", name, strings.Join(tableNames(), ", "))
		}
	}
	return names, nil
}

func tableNames() []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.name
	}
	return names
}

// parseNumbers gives the numbers in ascending order.
func parseNumbers(name, list string, least int) ([]int, error) {
	var numbers []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < least {
			return nil, fmt.Errorf("-%s: %q is not a number of at least %d", name, text, least)
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
	if err := giveFilter(work); err != nil {
		return err
	}
	if err := checkContainers(ctx, opts, work); err != nil {
		return err
	}
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
