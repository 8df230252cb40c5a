// The supervisor: starts a victim, kills it, starts a collector, and looks for
// what is left; again and again.

package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

const (
	// roundTime bounds a round, also in an emulated machine.
	roundTime = 2 * time.Minute
	// A victim is killed after up to so many steps, and up to so much time into
	// the next one or those after it.
	maxSteps = 40
	maxDelay = 20 * time.Millisecond
)

type supervisor struct {
	options
	reaper *reaper
	dir    string // holds all that follows
	round  round
	tmp    string // TMPDIR of victim and collector
	before snapshot
	tally  *tally
}

func supervise(o options) (err error) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	fmt.Printf("seed %d\n", o.Seed)
	s, err := newSupervisor(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	start := time.Now()
	for n := range o.Kills {
		if err := s.one(ctx, n); err != nil {
			s.clean()
			return fmt.Errorf("kill %d of seed %d: %w", n+1, o.Seed, err)
		}
		if (n+1)%50 == 0 {
			fmt.Printf("%d of %d, %s\n", n+1, o.Kills, time.Since(start).Round(time.Second))
		}
	}
	fmt.Printf("\n%s\n%d kills, nothing left, %s\n", s.tally, o.Kills, time.Since(start).Round(time.Second))
	return nil
}

func newSupervisor(o options) (s *supervisor, err error) {
	s = &supervisor{options: o, tally: newTally()}
	if s.dir, err = os.MkdirTemp("", "libcontainer-chaos-"); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.dir))
	}
	return s, nil
}

func (s *supervisor) prepare() (err error) {
	if err := os.Chmod(s.dir, 0o755); err != nil { // user namespaces look at it as others
		return err
	}
	// Mounts are shared here, as systemd sets the host's up, but not with the
	// host.
	for _, propagation := range []uintptr{unix.MS_SLAVE, unix.MS_SHARED} {
		if err := unix.Mount("", "/", "", propagation|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("set propagation of mounts: %w", err)
		}
	}
	s.round = round{
		Seed:   s.Seed,
		Root:   filepath.Join(s.dir, "state"),
		Rootfs: filepath.Join(s.dir, "rootfs"),
		Cgroup: tested.Parent(os.Getpid()),
	}
	s.tmp = filepath.Join(s.dir, "tmp")
	if err := os.Mkdir(s.tmp, 0o700); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-a", s.Rootfs, s.round.Rootfs).CombinedOutput(); err != nil {
		return fmt.Errorf("copy the root file system: %w: %s", err, out)
	}
	if s.round.Bridge, err = makeNetwork(); err != nil {
		return err
	}
	if s.reaper, err = newReaper(); err != nil {
		return err
	}
	// What a first container leaves for good, such as mount points in its root
	// file system, is there before anything is compared.
	if err := os.Mkdir(s.round.Root, 0o700); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), roundTime)
	defer cancel()
	if err := s.collect(ctx); err != nil {
		return fmt.Errorf("first containers: %w", err)
	}
	s.before, err = s.look()
	return err
}

func (s *supervisor) close() error { return os.RemoveAll(s.dir) }

// clean removes, after a failure, what it can of what is left.
func (s *supervisor) clean() {
	for _, pid := range descendants(os.Getpid()) {
		if p, err := os.FindProcess(pid); err == nil {
			_ = p.Kill()
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), roundTime)
	defer cancel()
	_ = s.collect(ctx)
	_ = s.reaper.awaitIdle(ctx)
	left, err := s.look()
	if err != nil {
		return
	}
	for _, dir := range slices.Backward(left["cgroup"]) {
		_ = unix.Rmdir(dir)
	}
	for _, line := range slices.Backward(left["mount"]) {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], s.dir+"/") {
			_ = unix.Unmount(fields[4], unix.MNT_DETACH)
		}
	}
}

// one is one kill and its consequences.
func (s *supervisor) one(ctx context.Context, number int) error {
	s.round.Number = number
	ctx, cancel := context.WithTimeoutCause(ctx, roundTime, fmt.Errorf("the round takes longer than %s", roundTime))
	defer cancel()
	step, err := s.killVictim(ctx)
	if err != nil {
		return fmt.Errorf("victim: %w", err)
	}
	s.tally.killed(step)
	fail := func(err error) error {
		return fmt.Errorf("killed at step %q: %w\n%s", step, err, s.remains())
	}
	if err := s.collect(ctx); err != nil {
		return fail(fmt.Errorf("collector: %w", err))
	}
	if err := s.reaper.awaitIdle(ctx); err != nil {
		return fail(fmt.Errorf("processes are left: %w", err))
	}
	after, err := s.look()
	if err != nil {
		return fail(err)
	}
	if left := after.beyond(s.before); len(left) > 0 {
		return fail(fmt.Errorf("something is left, or has gone:\n%s", strings.Join(left, "\n")))
	}
	return nil
}

// program is a victim or collector that runs.
type program struct {
	*child
	role  string
	lines <-chan string // what it reports
	log   string        // the file of its output
}

func (s *supervisor) start(role string) (*program, error) {
	argument, err := json.Marshal(s.round)
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer w.Close()
	log, err := os.Create(filepath.Join(s.dir, role+".log"))
	if err != nil {
		r.Close()
		return nil, err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		r.Close()
		return nil, err
	}
	defer null.Close()
	env := append(os.Environ(), "TMPDIR="+s.tmp)
	c, err := s.reaper.start(role, string(argument), env, null, log, log, w)
	if err != nil {
		r.Close()
		return nil, err
	}
	return &program{child: c, role: role, lines: readLines(r), log: log.Name()}, nil
}

// readLines gives all lines of a file until its end, and closes it then.
func readLines(r *os.File) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		defer r.Close()
		for scanner := bufio.NewScanner(r); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return lines
}

// rest reads what is still reported and waits for the end.
func (p *program) rest(ctx context.Context) (lines []string, status syscall.WaitStatus, err error) {
	for open := true; open; {
		var line string
		select {
		case line, open = <-p.lines:
			if open {
				lines = append(lines, line)
			}
		case <-ctx.Done():
			open = false
		}
	}
	status, err = p.wait(ctx)
	for line := range p.lines {
		lines = append(lines, line)
	}
	if err != nil {
		err = fmt.Errorf("%w; it was at %q:\n%s", err, lines, p.output())
	}
	return lines, status, err
}

func (p *program) output() string {
	out, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(out)
}

// killVictim lets a victim work for a while, kills it, and tells what it was about
// to do.
func (s *supervisor) killVictim(ctx context.Context) (step string, err error) {
	random := s.round.random("supervisor")
	v, err := s.start("victim")
	if err != nil {
		return "", err
	}
	steps := random.IntN(maxSteps + 1)
	step = "boot"
	for n, open := 0, true; n < steps && open; n++ {
		var line string
		select {
		case line, open = <-v.lines:
			if open {
				step = line
			}
		case <-ctx.Done():
			open = false
		}
	}
	// It goes on reporting while the time runs.
	reported := make(chan struct{})
	var more []string
	var status syscall.WaitStatus
	go func() {
		defer close(reported)
		more, status, err = v.rest(ctx)
	}()
	linger(ctx, random)
	_ = v.Kill() // one that has ended by itself is known by its status
	<-reported
	if err != nil {
		return step, err
	}
	if len(more) > 0 {
		step = more[len(more)-1]
	}
	if status.Signal() != syscall.SIGKILL {
		return step, fmt.Errorf("it ended by itself, at step %q, with wait status %#x:\n%s", step, uint32(status), v.output())
	}
	return step, nil
}

// linger lets a random time pass: the instant of the kill is what this test is
// about.
func linger(ctx context.Context, random *rand.Rand) {
	timer := time.NewTimer(time.Duration(random.Int64N(int64(maxDelay))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// collect runs a collector.
func (s *supervisor) collect(ctx context.Context) error {
	c, err := s.start("collector")
	if err != nil {
		return err
	}
	found, status, err := c.rest(ctx)
	if err != nil {
		return err
	}
	if !status.Exited() || status.ExitStatus() != 0 {
		return fmt.Errorf("wait status %#x:\n%s", uint32(status), c.output())
	}
	s.tally.found(found)
	return nil
}
