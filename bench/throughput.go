package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

const (
	// batches is how often each candidate does a batch of lives at each level, after one that does
	// not count.
	batches = 5
	// perLane is how many lives a batch has at least for each of those that go on at the same time.
	perLane = 4
)

// newThroughputTable compares how many lives are done in a second when several go on at the same time.
func newThroughputTable(_ context.Context, opts options, work string) *table {
	t := &table{
		name:  "throughput",
		title: "Containers' lives at the same time",
		about: fmt.Sprintf("%s, %s at the same time; a batch has %d lives, or %d times as many as are at the same time",
			lifeText(), listed(opts.parallel), opts.lives, perLane),
		unit:  "batches",
		each:  fmt.Sprintf("%d batches, interleaved", batches),
		form:  &rateForm,
		bases: []string{"floor", "crun"},
	}
	lanes := opts.parallel[len(opts.parallel)-1]
	t.addLanes("floor", "", opts.parallel, lanesOf(lanes, func(int) (closingRunner, error) {
		return newServant(opts.floor, opts.rootfs)
	}))
	library, err := newLifeRunner(work, opts.rootfs, "throughput", lives.Config)
	t.addLanes("library", "", opts.parallel, lanesOf(lanes, func(lane int) (closingRunner, error) {
		if lane > 0 {
			return sharedRunner{library}, err
		}
		return library, err
	}))
	for _, p := range peers {
		t.addPeerLanes(p, opts, work, lanes)
	}
	t.notes = peerNotes()
	t.measure = func(ctx context.Context, opts options) error { return t.measureRates(ctx, opts) }
	return t
}

func (t *table) addPeerLanes(p peer, opts options, work string, lanes int) {
	err := p.find()
	t.addLanes(p.name, p.name, opts.parallel, lanesOf(lanes, func(lane int) (closingRunner, error) {
		if err != nil {
			return nil, err
		}
		return newOCILifeRunner(p, work, fmt.Sprintf("throughput-%d", lane), opts.rootfs, lives.Config)
	}))
}

// sharedRunner is one of several lanes with the same runner, which another one closes.
type sharedRunner struct{ runner }

func (sharedRunner) close() error { return nil }

// lanes are runners that run at the same time.
type lanes struct {
	runners []closingRunner
	err     error
}

func lanesOf(count int, newRunner func(lane int) (closingRunner, error)) lanes {
	var l lanes
	for lane := range count {
		r, err := newRunner(lane)
		if err != nil {
			l.err = errors.Join(err, l.close())
			return l
		}
		l.runners = append(l.runners, r)
	}
	return l
}

func (l *lanes) close() error {
	var errs []error
	for _, r := range l.runners {
		errs = append(errs, r.close())
	}
	l.runners = nil
	return errors.Join(errs...)
}

// addLanes adds a candidate for each level, which uses as many of the lanes.
func (t *table) addLanes(name, peer string, levels []int, l lanes) {
	t.closers = append(t.closers, l.close)
	for _, level := range levels {
		c := &candidate{
			name:  levelName(name, level),
			bases: []string{levelName("floor", level), levelName("crun", level)},
			peer:  peer,
			err:   l.err,
		}
		if l.err == nil {
			c.lanes = l.runners[:level]
		}
		t.candidates = append(t.candidates, c)
	}
}

// measureRates lets each candidate do batches, in turn at each level.
func (t *table) measureRates(ctx context.Context, opts options) error {
	for round := range batches + 1 {
		for _, level := range opts.parallel {
			candidates := t.atLevel(level)
			for i := range candidates {
				c := candidates[(round+i)%len(candidates)]
				if c.err != nil {
					continue
				}
				if err := idle(ctx, opts.pause); err != nil {
					return err
				}
				sample, err := batch(ctx, c.lanes, max(opts.lives, perLane*level))
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					c.err = err
				} else if round > 0 {
					c.samples = append(c.samples, sample)
				}
			}
		}
	}
	return nil
}

// batch does count lives, as many at the same time as there are lanes, and gives what each of them took
// of the time of all. The CPU time of servants is what they say, that of the others is this process's.
func batch(ctx context.Context, lanes []closingRunner, count int) (lives.Sample, error) {
	var (
		next, servants atomic.Int64
		errs           = make([]error, len(lanes))
		group          sync.WaitGroup
	)
	_, outside := lanes[0].(*servant)
	sample, _ := lives.Measure(func() error {
		for i, lane := range lanes {
			group.Go(func() {
				for errs[i] == nil && next.Add(1) <= int64(count) && ctx.Err() == nil {
					var one lives.Sample
					one, errs[i] = lane.once(ctx)
					servants.Add(int64(one.CPU))
				}
			})
		}
		group.Wait()
		return nil
	})
	if outside {
		sample.CPU = time.Duration(servants.Load())
	}
	sample.Wall /= time.Duration(count)
	sample.CPU /= time.Duration(count)
	return sample, errors.Join(errs...)
}
