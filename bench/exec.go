package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

// newExecTable compares the start of a further program in a container that runs.
func newExecTable(ctx context.Context, opts options, work string) *table {
	t := &table{
		name:  "exec",
		title: "A program in a running container",
		about: fmt.Sprintf("Start of `%s` in a container that runs, and wait", lives.ProgramName()),
		unit:  "times",
		bases: []string{"floor"},
	}
	floor, err := newFloorExecRunner(opts, work)
	t.addToFloor("floor", floor, err)
	library, err := newExecRunner(opts.rootfs, work, lives.NewID("exec-library", 0))
	t.addToFloor("library", library, err)
	t.addPeers(func(p peer) (closingRunner, error) {
		return newOCIExecRunner(ctx, p, work, "exec", opts.rootfs)
	})
	return t
}

// execRunner starts the program with the library.
type execRunner struct {
	container libcontainer.Container
	keeping   *lives.Keeping
	null      *os.File
}

func newExecRunner(rootfs, work, id string) (_ *execRunner, err error) {
	factory, err := lives.NewFactory(work)
	if err != nil {
		return nil, err
	}
	k, err := lives.NewKeeping()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.Close())
		}
	}()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	container, err := lives.StartResident(factory, rootfs, id, k)
	if err != nil {
		return nil, errors.Join(err, null.Close())
	}
	return &execRunner{container, k, null}, nil
}

func (r *execRunner) once(context.Context) (lives.Sample, error) {
	process := lives.NewProcess(r.null)
	return lives.Measure(func() error { return lives.StartAndWait(r.container, process) })
}

func (r *execRunner) close() error {
	return errors.Join(r.container.Destroy(), r.keeping.Close(), r.null.Close())
}

// floorExecRunner lets floor-exec.c start the program in a container of its own.
type floorExecRunner struct {
	*servant
	container *execRunner
}

func newFloorExecRunner(opts options, work string) (*floorExecRunner, error) {
	container, err := newExecRunner(opts.rootfs, work, lives.NewID("exec-floor", 0))
	if err != nil {
		return nil, err
	}
	args, err := floorExecArgs(container.container)
	if err != nil {
		return nil, errors.Join(err, container.close())
	}
	floor, err := newServant(opts.floorExec, args...)
	if err != nil {
		return nil, errors.Join(err, container.close())
	}
	return &floorExecRunner{floor, container}, nil
}

func (r *floorExecRunner) close() error {
	return errors.Join(r.servant.close(), r.container.close())
}

// floorExecArgs are floor-exec's arguments for a container.
func floorExecArgs(container libcontainer.Container) ([]string, error) {
	state, err := container.State()
	if err != nil {
		return nil, err
	}
	return []string{strconv.Itoa(state.InitProcessPid), container.ID()}, nil
}
