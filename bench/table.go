package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

// table is one comparison: its candidates do the same thing in different ways, or beside different
// neighbours.
type table struct {
	name       string // of the files, and for -tables
	title      string
	about      string   // what is done, as the beginning of a sentence
	unit       string   // what the figures are counted in: "lives"
	each       string   // how often; empty is opts.lives, interleaved
	form       *form    // the columns; nil is timeForm
	bases      []string // what the ratios are to, a column each
	notes      []string // whole sentences for below the table
	candidates []*candidate

	// measure does what is to be measured; nil is rounds of all candidates.
	measure func(ctx context.Context, opts options) error

	closers []func() error
}

// runner does one thing again and again.
type runner interface {
	// once does it and gives what it took.
	once(ctx context.Context) (lives.Sample, error)
}

// candidate is a runner with what became of it.
type candidate struct {
	name  string
	bases []string // the candidates that the ratios are to
	peer  string   // the runtime's command, if it is another runtime
	// optional says that it does not matter if it fails: what it needs is not installed.
	optional bool
	runner   runner
	lanes    []closingRunner // of the table throughput, instead of a runner
	samples  []lives.Sample
	cells    []string // of a form that has more than what samples tell
	err      error    // why it ended, or never began
}

// tables are those that there are, in the order in which they are made.
var tables = []struct {
	name string
	make func(ctx context.Context, opts options, work string) *table
}{
	{"life", newLifeTable},
	{"exec", newExecTable},
	{"user", newUserTable},
	{"hosts", newHostsTable},
	{"throughput", newThroughputTable},
	{"beside", newBesideTable},
	{"command", newCommandTable},
	{"checkpoint", newCheckpointTable},
	{"scale", newScaleTable},
}

// add takes a runner that is closed with the table, or the reason why there is none.
func (t *table) add(c *candidate, r closingRunner, err error) {
	t.candidates = append(t.candidates, c)
	if err != nil {
		c.err = err
		return
	}
	c.runner = r
	t.closers = append(t.closers, r.close)
}

// addToFloor is add for one whose ratio is to the floor.
func (t *table) addToFloor(name string, r closingRunner, err error) {
	t.add(&candidate{name: name, bases: []string{"floor"}}, r, err)
}

// closingRunner is a runner that keeps something between the times.
type closingRunner interface {
	runner
	close() error
}

// addPeers adds the other runtimes, those that are installed. Their ratio is to the floor.
func (t *table) addPeers(newRunner func(p peer) (closingRunner, error)) {
	for _, p := range peers {
		c := &candidate{name: p.name, bases: []string{"floor"}, peer: p.name}
		if err := p.find(); err != nil {
			t.add(c, nil, err)
			continue
		}
		r, err := newRunner(p)
		t.add(c, r, err)
	}
	t.notes = append(t.notes, peerNotes()...)
}

// run measures, reports, and fails when the floor or the library did; a peer's failure is only
// reported.
func (t *table) run(ctx context.Context, opts options) (err error) {
	defer func() {
		for _, c := range t.closers {
			err = errors.Join(err, c())
		}
	}()
	measure := t.measure
	if measure == nil {
		measure = func(ctx context.Context, opts options) error {
			return rounds(ctx, t.candidates, opts, opts.lives)
		}
	}
	if err := measure(ctx, opts); err != nil {
		return err
	}
	report := newReport(t, opts, time.Now())
	fmt.Print(report.table())
	if err := report.write(opts.out); err != nil {
		return err
	}
	for _, c := range t.candidates {
		if c.err != nil && c.peer == "" && !c.optional {
			err = errors.Join(err, fmt.Errorf("%s: %w", c.name, c.err))
		}
	}
	return err
}

// rounds lets each candidate do its thing once a round. Each round begins with another one, for what
// comes after a slow one finds the machine in another state than what comes after a fast one. Who
// fails is out.
func rounds(ctx context.Context, candidates []*candidate, opts options, count int) error {
	for round := range opts.warmup + count {
		for i := range candidates {
			c := candidates[(round+i)%len(candidates)]
			if c.err != nil {
				continue
			}
			if err := idle(ctx, opts.pause); err != nil {
				return err
			}
			sample, err := c.runner.once(ctx)
			if err != nil {
				c.err = err
				continue
			}
			if round >= opts.warmup {
				c.samples = append(c.samples, sample)
			}
		}
	}
	return nil
}

func idle(ctx context.Context, pause time.Duration) error {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
	return ctx.Err()
}
