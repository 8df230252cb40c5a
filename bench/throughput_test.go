package main

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

// meeting is a runner whose lives end when as many as are expected go on at the same time.
type meeting struct {
	expected int64
	there    atomic.Int64
	all      chan struct{}
	lives    atomic.Int64
}

func (m *meeting) once(ctx context.Context) (lives.Sample, error) {
	m.lives.Add(1)
	if m.there.Add(1) == m.expected {
		close(m.all)
	}
	select {
	case <-m.all:
		return lives.Sample{}, nil
	case <-ctx.Done():
		return lives.Sample{}, ctx.Err()
	}
}

func TestBatchRunsInParallel(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	m := &meeting{expected: 8, all: make(chan struct{})}
	l := lanesOf(8, func(int) (closingRunner, error) { return sharedRunner{m}, nil })
	if _, err := batch(ctx, l.runners, 20); err != nil {
		t.Fatal(err)
	}
	if got := m.lives.Load(); got != 20 {
		t.Errorf("there were %d lives, want 20", got)
	}
}

func TestBatchFails(t *testing.T) {
	broken := errors.New("broken")
	good := &fakeRunner{samples: make([]lives.Sample, 100)}
	if _, err := batch(t.Context(), []closingRunner{good, &fakeRunner{err: broken}}, 50); err != nil {
		if !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
		return
	}
	// The good one may have done all before the other came to its turn.
	if good.calls != 50 {
		t.Errorf("no error, and %d lives", good.calls)
	}
}

func TestMeasureRates(t *testing.T) {
	levels := []int{1, 3}
	table := new(table)
	var lanesMade []int
	table.addLanes("library", "", levels, lanesOf(3, func(lane int) (closingRunner, error) {
		lanesMade = append(lanesMade, lane)
		return &fakeRunner{samples: make([]lives.Sample, 1000)}, nil
	}))
	absent := errors.New("not installed")
	table.addLanes("crun", "crun", levels, lanesOf(3, func(int) (closingRunner, error) { return nil, absent }))
	if err := table.measureRates(t.Context(), options{lives: 5, parallel: levels}); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(lanesMade, []int{0, 1, 2}) {
		t.Errorf("lanes made: %v", lanesMade)
	}
	for _, c := range table.candidates {
		if c.peer != "" && (!errors.Is(c.err, absent) || len(c.samples) > 0) {
			t.Errorf("%s: error %v, %d samples", c.name, c.err, len(c.samples))
		}
		if c.peer == "" && (c.err != nil || len(c.samples) != batches) {
			t.Errorf("%s: error %v, %d samples, want %d", c.name, c.err, len(c.samples), batches)
		}
	}
}

func TestLanesAreClosedWhenOneIsMissing(t *testing.T) {
	var closed int
	l := lanesOf(3, func(lane int) (closingRunner, error) {
		if lane == 2 {
			return nil, errors.New("no more")
		}
		return countingCloser{&fakeRunner{}, &closed}, nil
	})
	if l.err == nil || closed != 2 || l.runners != nil {
		t.Errorf("error %v, %d closed, %d left", l.err, closed, len(l.runners))
	}
}

type countingCloser struct {
	runner
	closed *int
}

func (c countingCloser) close() error {
	*c.closed++
	return nil
}
