package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

// newFakeBeside is a table of two levels, whose runners never fail.
func newFakeBeside(levels []int) *table {
	t := new(table)
	for _, name := range []string{"floor", "library"} {
		t.addLevels(name, levels, &fakeRunner{samples: slices.Repeat(samples(time.Millisecond), 1000)}, nil)
	}
	return t
}

func TestMeasureBesideGoesUpAndDown(t *testing.T) {
	for _, lives := range []int{1, 5, 60} {
		opts := options{lives: lives, warmup: 1, beside: []int{0, 10, 100}}
		table := newFakeBeside(opts.beside)
		var sizes []int
		resize := func(_ context.Context, size int) error {
			sizes = append(sizes, size)
			return nil
		}
		if err := table.measureBeside(t.Context(), resize, opts); err != nil {
			t.Fatal(err)
		}
		for _, c := range table.candidates {
			if len(c.samples) != lives {
				t.Errorf("%s has %d lives, want %d", c.name, len(c.samples), lives)
			}
		}
		if lives == 60 && !slices.Equal(sizes[:7], []int{0, 10, 100, 100, 10, 0, 0}) {
			t.Errorf("the numbers of neighbours were %v", sizes)
		}
	}
}

func TestMeasureBesideStops(t *testing.T) {
	opts := options{lives: 6, beside: []int{0, 10}}
	full := errors.New("full")
	err := newFakeBeside(opts.beside).measureBeside(t.Context(), func(_ context.Context, size int) error {
		if size > 0 {
			return full
		}
		return nil
	}, opts)
	if !errors.Is(err, full) {
		t.Errorf("error %v, want that it is full", err)
	}
}

func TestBesideRatios(t *testing.T) {
	table := newFakeBeside([]int{0, 10})
	table.bases = []string{"0", "floor"}
	for i, c := range table.candidates { // floor 1, 2; library 4, 12
		c.samples = samples([]time.Duration{1, 2, 4, 12}[i])
	}
	want := [][]float64{{1, 1}, {2, 1}, {1, 4}, {3, 6}}
	for i, row := range newReport(table, options{}, time.Time{}).rows {
		if !slices.Equal(row.ratios, want[i]) {
			t.Errorf("%s: ratios %v, want %v", row.name, row.ratios, want[i])
		}
	}
}

func TestListed(t *testing.T) {
	for want, numbers := range map[string][]int{"0": {0}, "0 and 3": {0, 3}, "0, 100 and 500": {0, 100, 500}} {
		if got := listed(numbers); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
