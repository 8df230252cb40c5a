package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// cacheDir is where what is built for the machines is, and their logs, below the
// source tree.
const cacheDir = ".cache/vm"

// A suiteRun is the integration tests in one world with one manager of cgroups.
type suiteRun struct {
	world   world
	manager string
	pattern string // of the tests
	one     bool   // it runs more than others, see oneWorld
	results results
	unsure  results // failures of tests that passed when they ran again
	time    time.Duration
	err     error // what kept the tests from running or ending
}

func (r *suiteRun) name() string { return r.world.name + " " + r.manager }

// log gives the file with all that the tests wrote, or with the console's
// messages.
func (r *suiteRun) log(source, suffix string) string {
	return filepath.Join(source, cacheDir, r.world.name+"-"+r.manager+suffix)
}

func (r *suiteRun) failed() bool { return r.err != nil || r.results.count("fail") > 0 }

// runSuite runs the integration tests in all combinations of worlds and managers
// and prints what came of it.
func runSuite(ctx context.Context, o options, image image, worlds []world, source string) (status int, err error) {
	managers, err := findManagers(o.manager)
	if err != nil {
		return 0, err
	}
	if err := buildSuite(ctx, source); err != nil {
		return 0, err
	}
	var runs []*suiteRun
	for _, w := range worlds {
		for _, m := range managers {
			r := &suiteRun{world: w, manager: m, pattern: o.run}
			if o.run == "" && o.world == "all" {
				if r.pattern, err = worldTests(filepath.Join(source, "integration"), len(runs) == 0); err != nil {
					return 0, err
				}
				r.one = len(runs) == 0
			}
			runs = append(runs, r)
		}
	}
	queue := make(chan *suiteRun)
	var workers sync.WaitGroup
	for range o.jobs {
		workers.Go(func() {
			for r := range queue {
				fmt.Fprintf(os.Stderr, "vm: %s: the tests run\n", r.name())
				start := time.Now()
				r.err = r.run(ctx, o, image, source, len(runs) == 1)
				r.time = time.Since(start).Round(time.Second)
			}
		})
	}
	for _, r := range longestFirst(runs) {
		queue <- r
	}
	close(queue)
	workers.Wait()
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	report(os.Stdout, runs)
	fmt.Printf("logs: %s\n", filepath.Join(source, cacheDir))
	printTotal(os.Stdout, runs)
	for _, r := range runs {
		if r.failed() {
			return 1, nil
		}
	}
	return 0, nil
}

// longestFirst puts runs in the order that leaves no machine to run alone at the end:
// systemd has to be asked, and on cgroup v1 there are many hierarchies to enter.
func longestFirst(runs []*suiteRun) []*suiteRun {
	cost := func(r *suiteRun) (c int) {
		if r.manager == "systemd" {
			c += 2
		}
		if r.world.name != "v2" {
			c++
		}
		if r.one {
			c += 4
		}
		return c
	}
	runs = slices.Clone(runs)
	slices.SortStableFunc(runs, func(a, b *suiteRun) int { return cost(b) - cost(a) })
	return runs
}

func findManagers(name string) ([]string, error) {
	switch name {
	case "all":
		return []string{"cgroupfs", "systemd"}, nil
	case "cgroupfs", "systemd":
		return []string{name}, nil
	}
	return nil, fmt.Errorf("no manager %q: there are cgroupfs and systemd", name)
}

// buildSuite compiles the tests and all programs that they run.
func buildSuite(ctx context.Context, source string) error {
	build := filepath.Join(source, cacheDir, "build")
	if err := os.RemoveAll(build); err != nil {
		return err
	}
	programs := filepath.Join(build, "programs")
	if err := os.MkdirAll(programs, 0o755); err != nil {
		return err
	}
	tests := filepath.Join(build, "integration.test")
	compile := exec.CommandContext(ctx, "go", "test", "-c", "-o", tests, ".")
	all := exec.CommandContext(ctx, tests)
	all.Env = append(os.Environ(), "LCTEST_BUILD="+programs)
	for _, cmd := range []*exec.Cmd{compile, all} {
		cmd.Dir = filepath.Join(source, "integration")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build the tests: %s: %w: %s", cmd, err, out)
		}
	}
	return nil
}

// suiteScript runs the tests as the host does, from the source tree, but with
// what they write and run on the machine's own disk.
const suiteScript = `set -e
cp -r /src/` + cacheDir + `/build /var/tmp/build
cd /src/integration
export LCTEST_PROGRAMS=/var/tmp/build/programs LCTEST_MANAGER=%s
exec /var/tmp/build/integration.test -test.v=test2json -test.short -test.timeout=%v -test.run=%s`

// run runs the tests. Its error is about the machine; what the tests say is in the
// results. An emulated machine can be so slow for a moment that a test's own limit
// passes, so the tests that fail, if they are few, run once more in a new one. So do those that
// a test which hangs has kept from running.
func (r *suiteRun) run(ctx context.Context, o options, image image, source string, echo bool) error {
	earlier, err := filepath.Glob(r.log(source, "-*"))
	if err != nil {
		return err
	}
	for _, name := range earlier {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	first, err := r.once(ctx, o, image, source, echo, r.pattern, "")
	for n, last := 2, first; err == nil && last.died() && n <= maxMachines; n++ {
		rest, rerr := restOfTests(filepath.Join(source, "integration"), r.pattern, first)
		if rerr != nil || rest == "" {
			err = rerr
			break
		}
		fmt.Fprintf(os.Stderr, "vm: %s: it died in %s, and goes on\n", r.name(), last[len(last)-1].name)
		last, err = r.once(ctx, o, image, source, echo, rest, fmt.Sprint("-", n))
		first = append(first, last...)
	}
	r.results = first
	failed := first.failedTests()
	if err != nil || len(failed) == 0 || len(failed) > maxAgain {
		return err
	}
	fmt.Fprintf(os.Stderr, "vm: %s: again: %s\n", r.name(), strings.Join(failed, " "))
	second, err := r.once(ctx, o, image, source, echo, "^("+strings.Join(failed, "|")+")$", again)
	if err != nil {
		return err
	}
	r.results, r.unsure = first.replace(failed, second)
	return nil
}

const (
	maxAgain    = 8        // how many tests may fail and run again
	maxMachines = 4        // for the tests of a run, if programs die
	again       = "-again" // in the names of the files of those that run again
)

// once runs the tests that the pattern matches.
func (r *suiteRun) once(ctx context.Context, o options, image image, source string, echo bool, pattern, suffix string) (results, error) {
	log, err := os.Create(r.log(source, suffix+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	var out io.Writer = log
	if echo {
		out = io.MultiWriter(log, os.Stdout)
	}
	// The tests' own limit comes first, for it tells what they were doing.
	inner := o.timeout - o.timeout/10
	status, err := job{
		image: image, world: r.world, cpus: o.cpus, source: source,
		command: fmt.Sprintf(suiteScript, r.manager, inner, quote(pattern)),
		timeout: o.timeout, output: out, console: r.log(source, suffix+".console"),
	}.run(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	results, parseErr := readResults(ctx, log.Name())
	if err == nil && status != 0 && results.count("fail") == 0 {
		err = fmt.Errorf("the tests ended with status %d", status)
	}
	return results, errors.Join(err, parseErr)
}

// quote writes a word for the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
