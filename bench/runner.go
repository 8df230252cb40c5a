package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer"
	_ "github.com/libcontainer/libcontainer/nsenter" // makes this program its containers' init
)

// runner does whole lives of the benchmark's container.
type runner interface {
	// life does one and gives the time that it took.
	life(ctx context.Context) (time.Duration, error)

	// close ends what the runner keeps between lives.
	close() error
}

// floorRunner asks floor.c's program, which runs all the time, for one life after the other: the
// time is what the program measured itself.
type floorRunner struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
	stderr *strings.Builder
}

func newFloorRunner(program, rootfs string) (*floorRunner, error) {
	cmd := exec.Command(program, rootfs)
	cmd.SysProcAttr = ownProcessGroup()
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &floorRunner{cmd, stdin, bufio.NewReader(stdout), stderr}, nil
}

func (r *floorRunner) life(context.Context) (time.Duration, error) {
	if _, err := io.WriteString(r.stdin, "\n"); err != nil {
		return 0, r.died(err)
	}
	line, err := r.stdout.ReadString('\n')
	if err != nil {
		return 0, r.died(err)
	}
	microseconds, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err != nil {
		return 0, fmt.Errorf("read floor's answer: %w", err)
	}
	return time.Duration(microseconds * float64(time.Microsecond)), nil
}

// died reaps the program, after which what it said about its end is there.
func (r *floorRunner) died(cause error) error {
	err := r.close()
	return errors.Join(fmt.Errorf("floor ended: %w", cause), err, said(r.stderr.String()))
}

func (r *floorRunner) close() error {
	if r.cmd.ProcessState != nil {
		return nil
	}
	r.stdin.Close()
	return r.cmd.Wait()
}

// libraryRunner makes the lives in this very process, as a program that embeds the library does.
type libraryRunner struct {
	factory libcontainer.Factory
	rootfs  string
	null    *os.File
	count   int
}

func newLibraryRunner(work, rootfs string) (*libraryRunner, error) {
	factory, err := libcontainer.New(filepath.Join(work, "library"))
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &libraryRunner{factory: factory, rootfs: rootfs, null: null}, nil
}

func (r *libraryRunner) life(context.Context) (time.Duration, error) {
	r.count++
	id := fmt.Sprintf("lctest-bench-%d-%d", os.Getpid(), r.count)
	config := containerConfig(r.rootfs, id)
	process := &libcontainer.Process{
		Args:   program,
		Env:    environment,
		User:   "0:0",
		Cwd:    "/",
		Stdin:  r.null,
		Stdout: r.null,
		Stderr: r.null,
	}
	start := time.Now()
	container, err := r.factory.Create(id, config)
	if err != nil {
		return 0, fmt.Errorf("create: %w", err)
	}
	err = startAndWait(container, process)
	err = errors.Join(err, container.Destroy())
	return time.Since(start), err
}

func startAndWait(container libcontainer.Container, process *libcontainer.Process) error {
	if err := container.Start(process); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	state, err := process.Wait()
	if err != nil {
		return fmt.Errorf("wait: %w", err)
	}
	if !state.Success() {
		return fmt.Errorf("the container ended with %v", state)
	}
	return nil
}

func (r *libraryRunner) close() error {
	return r.null.Close()
}

// ociRunner executes an OCI runtime's run command on a bundle; the time is that of the command.
type ociRunner struct {
	program string
	args    []string
	bundle  string
	rootfs  string
	stderr  *os.File // a file, so that no goroutine copies while the time is taken
	count   int
}

func newOCIRunner(program, work, rootfs string, args ...string) (*ociRunner, error) {
	name := filepath.Base(program)
	bundle := filepath.Join(work, name+"-bundle")
	if err := os.Mkdir(bundle, 0o700); err != nil {
		return nil, err
	}
	stderr, err := os.OpenFile(filepath.Join(work, name+"-stderr"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	args = append([]string{"--root", filepath.Join(work, name+"-root")}, args...)
	return &ociRunner{program: program, args: args, bundle: bundle, rootfs: rootfs, stderr: stderr}, nil
}

func (r *ociRunner) life(ctx context.Context) (time.Duration, error) {
	r.count++
	id := fmt.Sprintf("lctest-%s-%d-%d", filepath.Base(r.program), os.Getpid(), r.count)
	if err := writeBundle(r.bundle, containerConfig(r.rootfs, id)); err != nil {
		return 0, err
	}
	if err := r.stderr.Truncate(0); err != nil {
		return 0, err
	}
	cmd := r.command(ctx, "run", "--bundle", r.bundle, id)
	start := time.Now()
	err := cmd.Run()
	elapsed := time.Since(start)
	if err != nil {
		err = errors.Join(fmt.Errorf("%s run: %w", filepath.Base(r.program), err), r.said())
		// What a failed run left, if anything: there may be nothing to delete.
		_ = r.command(ctx, "delete", "--force", id).Run()
	}
	return elapsed, err
}

func (r *ociRunner) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.program, append(slices.Clone(r.args), args...)...)
	cmd.SysProcAttr = ownProcessGroup()
	cmd.Stderr = r.stderr
	return cmd
}

// said is what the runtime wrote to its standard error, as an error.
func (r *ociRunner) said() error {
	text, err := os.ReadFile(r.stderr.Name())
	if err != nil {
		return err
	}
	return said(string(text))
}

func (r *ociRunner) close() error { return r.stderr.Close() }

// ownProcessGroup keeps a terminal's interrupt from reaching a program in the middle of a life.
func ownProcessGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}

// said makes an error of what a program said; nil when it said nothing.
func said(text string) error {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	return errors.New(text)
}
