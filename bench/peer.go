package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
	"github.com/libcontainer/libcontainer/configs"
)

// peer is a runtime that is measured where it is installed.
type peer struct {
	name    string
	args    []string
	program string // its path, where it is installed
	// alone keeps it from seeing the cgroup v2 mount of the hybrid layout, see namespace.go.
	alone bool
}

var peers = []peer{
	{name: "runc"},
	{name: "crun", args: []string{"--cgroup-manager=cgroupfs"}, alone: true},
}

// find looks for the command.
func (p *peer) find() (err error) {
	p.program, err = exec.LookPath(p.name)
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("not installed")
	}
	return err
}

// peerNotes tells which of them are not quite given what the others are.
func peerNotes() []string {
	if !hasHybridUnified() {
		return nil
	}
	var notes []string
	for _, p := range peers {
		if p.alone {
			notes = append(notes, p.name+" refuses the hybrid layout's cgroup v2 mount, and is measured without it.")
		}
	}
	return notes
}

// configFunc is lives.Config or lives.UserConfig.
type configFunc = func(rootfs, cgroup string) *configs.Config

// ociRuntime is an OCI runtime's command with a bundle.
type ociRuntime struct {
	program string
	args    []string
	bundle  string
	stderr  *os.File // a file, so that no goroutine copies while the time is taken
	place   *place
}

// newOCIRuntime makes an empty bundle; use keeps those of several tables apart.
func newOCIRuntime(p peer, work, use string) (_ *ociRuntime, err error) {
	bundle := filepath.Join(work, p.name+"-"+use)
	if err := os.Mkdir(bundle, 0o700); err != nil {
		return nil, err
	}
	stderr, err := os.OpenFile(bundle+"-stderr", os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	r := &ociRuntime{program: p.program, bundle: bundle, stderr: stderr}
	r.args = append([]string{"--root", filepath.Join(work, p.name+"-root")}, p.args...)
	if p.alone && hasHybridUnified() {
		if r.place, err = newPlace(); err != nil {
			return nil, errors.Join(err, stderr.Close())
		}
	}
	return r, nil
}

func (r *ociRuntime) name() string { return filepath.Base(r.program) }

// timed runs a command of the runtime and gives what it took.
func (r *ociRuntime) timed(cmd *exec.Cmd, step string) (sample lives.Sample, err error) {
	if err := r.stderr.Truncate(0); err != nil {
		return sample, err
	}
	r.place.do(func() { sample, err = lives.Measure(cmd.Run) })
	if err != nil {
		err = errors.Join(fmt.Errorf("%s %s: %w", r.name(), step, err), r.said())
	}
	return sample, err
}

func (r *ociRuntime) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.program, append(slices.Clone(r.args), args...)...)
	cmd.SysProcAttr = ownProcessGroup()
	cmd.Stderr = r.stderr
	return cmd
}

// remove ends a container, also one that was made by half.
func (r *ociRuntime) remove(ctx context.Context, id string) (err error) {
	r.place.do(func() { err = r.command(ctx, "delete", "--force", id).Run() })
	return err
}

// said is what the runtime wrote to its standard error, as an error.
func (r *ociRuntime) said() error {
	text, err := os.ReadFile(r.stderr.Name())
	if err != nil {
		return err
	}
	return said(string(text))
}

func (r *ociRuntime) close() error {
	r.place.close()
	return r.stderr.Close()
}

// ociLifeRunner executes the run command.
type ociLifeRunner struct {
	*ociRuntime
	rootfs string
	use    string
	config configFunc
	count  int
}

func newOCILifeRunner(p peer, work, use, rootfs string, config configFunc) (*ociLifeRunner, error) {
	runtime, err := newOCIRuntime(p, work, use)
	return &ociLifeRunner{ociRuntime: runtime, rootfs: rootfs, use: p.name + "-" + use, config: config}, err
}

func (r *ociLifeRunner) once(ctx context.Context) (lives.Sample, error) {
	r.count++
	id := lives.NewID(r.use, r.count)
	if err := writeBundle(r.bundle, r.config(r.rootfs, id), lives.Program); err != nil {
		return lives.Sample{}, err
	}
	sample, err := r.timed(r.command(ctx, "run", "--bundle", r.bundle, id), "run")
	if err != nil {
		// What a failed run left, if anything: there may be nothing to delete.
		_ = r.remove(context.WithoutCancel(ctx), id)
	}
	return sample, err
}

// ociExecRunner executes the exec command in a container that runs all the time.
type ociExecRunner struct {
	*ociRuntime
	id      string
	keeping *lives.Keeping
}

func newOCIExecRunner(ctx context.Context, p peer, work, use, rootfs string) (_ *ociExecRunner, err error) {
	runtime, err := newOCIRuntime(p, work, use)
	if err != nil {
		return nil, err
	}
	r := &ociExecRunner{ociRuntime: runtime, id: lives.NewID(use+"-"+p.name, 0)}
	defer func() {
		if err != nil {
			err = errors.Join(err, runtime.close())
		}
	}()
	if err := writeBundle(r.bundle, lives.Config(rootfs, r.id), lives.ResidentProgram); err != nil {
		return nil, err
	}
	if r.keeping, err = lives.NewKeeping(); err != nil {
		return nil, err
	}
	cmd := r.command(ctx, "run", "--detach", "--bundle", r.bundle, r.id)
	cmd.Stdin = r.keeping.Stdin
	if _, err := r.timed(cmd, "run --detach"); err != nil {
		_ = r.remove(context.WithoutCancel(ctx), r.id)
		return nil, errors.Join(err, r.keeping.Close())
	}
	return r, nil
}

func (r *ociExecRunner) once(ctx context.Context) (lives.Sample, error) {
	cmd := r.command(ctx, append([]string{"exec", r.id}, lives.Program...)...)
	return r.timed(cmd, "exec")
}

func (r *ociExecRunner) close() error {
	err := r.remove(context.Background(), r.id)
	return errors.Join(err, r.keeping.Close(), r.ociRuntime.close())
}
