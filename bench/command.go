package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

// newCommandTable compares nsinit, the library's command, with those of other runtimes, as engines
// call them.
func newCommandTable(ctx context.Context, opts options, work string) *table {
	t := &table{
		name:  "command",
		title: "The command of an OCI runtime",
		about: fmt.Sprintf("Commands for a container that executes `%s`, on equivalent bundles", lives.ProgramName()),
		unit:  "times",
		bases: []string{"nsinit"},
	}
	runtimes := append([]peer{{name: "nsinit", program: opts.nsinit}}, peers...)
	for _, step := range []struct {
		name string
		make func(p peer) (closingRunner, error)
	}{
		{"run", func(p peer) (closingRunner, error) {
			return newOCILifeRunner(p, work, "command-run", opts.rootfs, lives.Config)
		}},
		{"create, start, delete", func(p peer) (closingRunner, error) {
			r, err := newOCILifeRunner(p, work, "command-steps", opts.rootfs, lives.Config)
			return &ociStepsRunner{r}, err
		}},
		{"exec", func(p peer) (closingRunner, error) {
			return newOCIExecRunner(ctx, p, work, "command-exec", opts.rootfs)
		}},
	} {
		for _, p := range runtimes {
			c := &candidate{name: p.name + " " + step.name, bases: []string{"nsinit " + step.name}}
			if p.program != opts.nsinit {
				c.peer = p.name
				if err := p.find(); err != nil {
					t.add(c, nil, err)
					continue
				}
			}
			r, err := step.make(p)
			t.add(c, r, err)
		}
	}
	t.notes = append(t.notes, peerNotes()...)
	return t
}

// ociStepsRunner makes a container by the commands that engines use, and ends it.
type ociStepsRunner struct{ *ociLifeRunner }

func (r *ociStepsRunner) once(ctx context.Context) (sample lives.Sample, err error) {
	r.count++
	id := lives.NewID(r.use, r.count)
	if err := writeBundle(r.bundle, r.config(r.rootfs, id), lives.Program); err != nil {
		return sample, err
	}
	for _, args := range [][]string{{"create", "--bundle", r.bundle, id}, {"start", id}, {"delete", "--force", id}} {
		took, err := r.timed(r.command(ctx, args...), args[0])
		if err != nil {
			return sample, errors.Join(err, r.remove(context.WithoutCancel(ctx), id))
		}
		sample.Wall += took.Wall
		sample.CPU += took.CPU
	}
	return sample, nil
}
