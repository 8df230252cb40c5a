package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
	results results
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
			runs = append(runs, &suiteRun{world: w, manager: m})
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
	for _, r := range runs {
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

// run runs the tests once. Its error is about the machine; what the tests say is
// in the results.
func (r *suiteRun) run(ctx context.Context, o options, image image, source string, echo bool) error {
	log, err := os.Create(r.log(source, ".log"))
	if err != nil {
		return err
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
		command: fmt.Sprintf(suiteScript, r.manager, inner, quote(o.run)),
		timeout: o.timeout, output: out, console: r.log(source, ".console"),
	}.run(ctx)
	if err != nil && ctx.Err() != nil {
		return err
	}
	results, parseErr := readResults(ctx, log.Name())
	r.results = results
	if err == nil && status != 0 && results.count("fail") == 0 {
		err = fmt.Errorf("the tests ended with status %d", status)
	}
	return errors.Join(err, parseErr)
}

// quote writes a word for the shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
