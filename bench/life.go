package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/libcontainer/libcontainer"
	_ "github.com/libcontainer/libcontainer/nsenter" // makes this program its containers' init
)

// newLifeTable compares whole lives of a container.
func newLifeTable(_ context.Context, opts options, work string) *table {
	t := &table{
		name:  "life",
		title: "One container's life",
		about: fmt.Sprintf("Create, start of `%s`, wait and destroy", programName()),
		unit:  "lives",
		bases: []string{"floor"},
	}
	floor, err := newFloorRunner(opts.floor, opts.rootfs)
	t.add(&candidate{name: "floor", bases: []string{"floor"}}, floor, err)
	library, err := newLifeRunner(work, opts.rootfs)
	t.add(&candidate{name: "library", bases: []string{"floor"}}, library, err)
	for _, peer := range peers {
		t.addPeer(peer.name, func(program string) (closingRunner, error) {
			return newOCILifeRunner(program, work, opts.rootfs, peer.args)
		})
	}
	return t
}

// lifeRunner makes the lives in this very process, as a program that embeds the library does.
type lifeRunner struct {
	factory libcontainer.Factory
	rootfs  string
	null    *os.File
	count   int
}

func newLifeRunner(work, rootfs string) (*lifeRunner, error) {
	factory, err := newFactory(work)
	if err != nil {
		return nil, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	return &lifeRunner{factory: factory, rootfs: rootfs, null: null}, nil
}

func newFactory(work string) (libcontainer.Factory, error) {
	return libcontainer.New(filepath.Join(work, "library"))
}

func (r *lifeRunner) once(context.Context) (time.Duration, error) {
	r.count++
	id := newID("life", r.count)
	config := containerConfig(r.rootfs, id)
	process := newProcess(r.null)
	start := time.Now()
	container, err := r.factory.Create(id, config)
	if err != nil {
		return 0, fmt.Errorf("create: %w", err)
	}
	err = startAndWait(container, process)
	err = errors.Join(err, container.Destroy())
	return time.Since(start), err
}

// newProcess is the program that is measured, with null as its standard descriptors.
func newProcess(null *os.File) *libcontainer.Process {
	return &libcontainer.Process{
		Args:   program,
		Env:    environment,
		User:   "0:0",
		Cwd:    "/",
		Stdin:  null,
		Stdout: null,
		Stderr: null,
	}
}

func startAndWait(container libcontainer.Container, process *libcontainer.Process) error {
	if err := container.Start(process); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if _, err := process.Wait(); err != nil {
		return fmt.Errorf("wait: %w", err)
	}
	return nil
}

func (r *lifeRunner) close() error { return r.null.Close() }
