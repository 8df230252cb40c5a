// Threadends is a host whose containers are to die with it, and that starts them, and
// further processes, from threads which end: a goroutine that ends while it is locked
// to its thread takes that along.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/integration/testdata/hosts/internal/run"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

const rounds = 20

// The main thread never ends: nobody but main runs on it.
func init() { runtime.LockOSThread() }

func main() {
	if err := threadEnds(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(rounds, "lives")
}

// onThread runs f on a thread of its own, and returns when that has ended.
func onThread(f func() error) error {
	type result struct {
		tid int
		err error
	}
	done := make(chan result, 1)
	go func() {
		runtime.LockOSThread()
		done <- result{unix.Gettid(), f()}
	}()
	r := <-done
	for {
		if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", r.tid)); errors.Is(err, os.ErrNotExist) {
			return r.err
		}
		runtime.Gosched()
	}
}

func threadEnds() error {
	factory, err := libcontainer.New(os.Args[2], tested.Manager)
	if err != nil {
		return err
	}
	for i := range rounds {
		if err := life(factory); err != nil {
			return fmt.Errorf("life %d: %w", i, err)
		}
	}
	return nil
}

func life(factory libcontainer.Factory) (err error) {
	config := run.Config()
	config.ParentDeathSignal = int(unix.SIGKILL)
	c, err := factory.Create("threads", config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Destroy()) }()
	stdin, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer write.Close()
	read, stdout, err := os.Pipe()
	if err != nil {
		return err
	}
	defer read.Close()
	p := &libcontainer.Process{Args: []string{"/bin/cat"}, Stdin: stdin, Stdout: stdout}
	err = onThread(func() error { return c.Start(p) })
	stdin.Close()
	stdout.Close()
	if err != nil {
		return err
	}
	further := &libcontainer.Process{Args: []string{"/bin/sh", "-c", "exit 7"}}
	if err := onThread(func() error { return c.Start(further) }); err != nil {
		return err
	}
	if state, err := further.Wait(); state == nil || state.ExitCode() != 7 {
		return fmt.Errorf("further process: state %v, error %w; want exit 7", state, err)
	}
	// The container lives: it answers.
	lines := bufio.NewScanner(read)
	for i := range 10 {
		if _, err := fmt.Fprintln(write, i); err != nil {
			return fmt.Errorf("write to the container: %w", err)
		}
		if !lines.Scan() || lines.Text() != fmt.Sprint(i) {
			return fmt.Errorf("the container has ended: it said %q", lines.Text())
		}
	}
	write.Close()
	if _, err := p.Wait(); err != nil {
		return fmt.Errorf("first process: %w", err)
	}
	return nil
}
