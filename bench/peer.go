package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// peers are the runtimes that are measured where they are installed.
var peers = []struct {
	name string
	args []string
}{
	{"runc", nil},
	{"crun", []string{"--cgroup-manager=cgroupfs"}},
}

// ociRuntime is an OCI runtime's command with a bundle.
type ociRuntime struct {
	program string
	args    []string
	bundle  string
	stderr  *os.File // a file, so that no goroutine copies while the time is taken
}

// newOCIRuntime makes an empty bundle; use keeps those of several tables apart.
func newOCIRuntime(program, work, use string, args []string) (*ociRuntime, error) {
	name := filepath.Base(program)
	bundle := filepath.Join(work, name+"-"+use)
	if err := os.Mkdir(bundle, 0o700); err != nil {
		return nil, err
	}
	stderr, err := os.OpenFile(bundle+"-stderr", os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	args = append([]string{"--root", filepath.Join(work, name+"-root")}, args...)
	return &ociRuntime{program: program, args: args, bundle: bundle, stderr: stderr}, nil
}

func (r *ociRuntime) name() string { return filepath.Base(r.program) }

// timed runs a command of the runtime and gives the time that it took.
func (r *ociRuntime) timed(cmd *exec.Cmd, step string) (time.Duration, error) {
	if err := r.stderr.Truncate(0); err != nil {
		return 0, err
	}
	start := time.Now()
	err := cmd.Run()
	elapsed := time.Since(start)
	if err != nil {
		err = errors.Join(fmt.Errorf("%s %s: %w", r.name(), step, err), r.said())
	}
	return elapsed, err
}

func (r *ociRuntime) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.program, append(slices.Clone(r.args), args...)...)
	cmd.SysProcAttr = ownProcessGroup()
	cmd.Stderr = r.stderr
	return cmd
}

// remove ends a container, also one that was made by half.
func (r *ociRuntime) remove(ctx context.Context, id string) error {
	return r.command(ctx, "delete", "--force", id).Run()
}

// said is what the runtime wrote to its standard error, as an error.
func (r *ociRuntime) said() error {
	text, err := os.ReadFile(r.stderr.Name())
	if err != nil {
		return err
	}
	return said(string(text))
}

func (r *ociRuntime) close() error { return r.stderr.Close() }

// ociLifeRunner executes the run command.
type ociLifeRunner struct {
	*ociRuntime
	rootfs string
	count  int
}

func newOCILifeRunner(program, work, rootfs string, args []string) (*ociLifeRunner, error) {
	runtime, err := newOCIRuntime(program, work, "life", args)
	return &ociLifeRunner{ociRuntime: runtime, rootfs: rootfs}, err
}

func (r *ociLifeRunner) once(ctx context.Context) (time.Duration, error) {
	r.count++
	id := newID(r.name(), r.count)
	if err := writeBundle(r.bundle, containerConfig(r.rootfs, id), program); err != nil {
		return 0, err
	}
	elapsed, err := r.timed(r.command(ctx, "run", "--bundle", r.bundle, id), "run")
	if err != nil {
		// What a failed run left, if anything: there may be nothing to delete.
		_ = r.remove(context.WithoutCancel(ctx), id)
	}
	return elapsed, err
}

// ociExecRunner executes the exec command in a container that runs all the time.
type ociExecRunner struct {
	*ociRuntime
	id      string
	keeping *keeping
}

func newOCIExecRunner(ctx context.Context, program, work, rootfs string, args []string) (_ *ociExecRunner, err error) {
	runtime, err := newOCIRuntime(program, work, "exec", args)
	if err != nil {
		return nil, err
	}
	r := &ociExecRunner{ociRuntime: runtime, id: newID("exec-"+runtime.name(), 0)}
	defer func() {
		if err != nil {
			err = errors.Join(err, runtime.close())
		}
	}()
	if err := writeBundle(r.bundle, containerConfig(rootfs, r.id), residentProgram); err != nil {
		return nil, err
	}
	if r.keeping, err = newKeeping(); err != nil {
		return nil, err
	}
	cmd := r.command(ctx, "run", "--detach", "--bundle", r.bundle, r.id)
	cmd.Stdin = r.keeping.stdin
	if _, err := r.timed(cmd, "run --detach"); err != nil {
		_ = r.remove(context.WithoutCancel(ctx), r.id)
		return nil, errors.Join(err, r.keeping.close())
	}
	return r, nil
}

func (r *ociExecRunner) once(ctx context.Context) (time.Duration, error) {
	cmd := r.command(ctx, append([]string{"exec", r.id}, program...)...)
	return r.timed(cmd, "exec")
}

func (r *ociExecRunner) close() error {
	err := r.remove(context.Background(), r.id)
	return errors.Join(err, r.keeping.close(), r.ociRuntime.close())
}
