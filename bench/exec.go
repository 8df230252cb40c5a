package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/libcontainer/libcontainer"
)

// newExecTable compares the start of a further program in a container that runs.
func newExecTable(ctx context.Context, opts options, work string) *table {
	t := &table{
		name:  "exec",
		title: "A program in a running container",
		about: fmt.Sprintf("Start of `%s` in a container that runs, and wait", programName()),
		unit:  "times",
		bases: []string{"floor"},
	}
	floor, err := newFloorExecRunner(opts, work)
	t.add(&candidate{name: "floor", bases: []string{"floor"}}, floor, err)
	library, err := newExecRunner(opts.rootfs, work, newID("exec-library", 0))
	t.add(&candidate{name: "library", bases: []string{"floor"}}, library, err)
	for _, peer := range peers {
		t.addPeer(peer.name, func(program string) (closingRunner, error) {
			return newOCIExecRunner(ctx, program, work, opts.rootfs, peer.args)
		})
	}
	return t
}

// execRunner starts the program with the library.
type execRunner struct {
	container libcontainer.Container
	keeping   *keeping
	null      *os.File
}

func newExecRunner(rootfs, work, id string) (_ *execRunner, err error) {
	factory, err := newFactory(work)
	if err != nil {
		return nil, err
	}
	k, err := newKeeping()
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, k.close())
		}
	}()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	container, err := startResident(factory, rootfs, id, k)
	if err != nil {
		return nil, errors.Join(err, null.Close())
	}
	return &execRunner{container, k, null}, nil
}

func (r *execRunner) once(context.Context) (time.Duration, error) {
	process := newProcess(r.null)
	start := time.Now()
	err := startAndWait(r.container, process)
	return time.Since(start), err
}

func (r *execRunner) close() error {
	return errors.Join(r.container.Destroy(), r.keeping.close(), r.null.Close())
}

// floorExecRunner lets floor-exec.c start the program in a container of its own.
type floorExecRunner struct {
	*floorRunner
	container *execRunner
}

func newFloorExecRunner(opts options, work string) (*floorExecRunner, error) {
	container, err := newExecRunner(opts.rootfs, work, newID("exec-floor", 0))
	if err != nil {
		return nil, err
	}
	args, err := floorExecArgs(container.container)
	if err != nil {
		return nil, errors.Join(err, container.close())
	}
	floor, err := newFloorRunner(opts.floorExec, args...)
	if err != nil {
		return nil, errors.Join(err, container.close())
	}
	return &floorExecRunner{floor, container}, nil
}

func (r *floorExecRunner) close() error {
	return errors.Join(r.floorRunner.close(), r.container.close())
}
