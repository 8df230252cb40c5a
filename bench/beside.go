package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

// sweeps is how often the table is measured from one end to the other: up and down in turn, so that
// a machine that becomes slower in the course of the run is not taken for one that is full.
const sweeps = 6

// newBesideTable compares lives beside more and more containers that run. The floor beside the same
// ones tells what of the difference is the kernel's.
func newBesideTable(_ context.Context, opts options, work string) *table {
	t := &table{
		name:  "beside",
		title: "One container's life beside others",
		about: fmt.Sprintf("%s, while %s other containers of the library run", lifeText(), listed(opts.beside)),
		unit:  "lives",
		bases: []string{fmt.Sprint(opts.beside[0]), "floor"},
	}
	floor, err := newServant(opts.floor, opts.rootfs)
	t.addLevels("floor", opts.beside, floor, err)
	library, err := newLifeRunner(work, opts.rootfs, "life", lives.Config)
	t.addLevels("library", opts.beside, library, err)
	crowd, err := lives.NewCrowd(work, opts.rootfs, "beside")
	if err != nil {
		t.measure = func(context.Context, options) error { return err }
		return t
	}
	t.closers = append(t.closers, crowd.Close)
	t.measure = func(ctx context.Context, opts options) error { return t.measureBeside(ctx, crowd.Resize, opts) }
	return t
}

// addLevels adds a candidate for each number of neighbours.
func (t *table) addLevels(name string, levels []int, r closingRunner, err error) {
	if err == nil {
		t.closers = append(t.closers, r.close)
	}
	for _, level := range levels {
		t.candidates = append(t.candidates, &candidate{
			name:   levelName(name, level),
			bases:  []string{levelName(name, levels[0]), levelName("floor", level)},
			runner: r,
			err:    err,
		})
	}
}

func levelName(name string, level int) string { return fmt.Sprintf("%s, %d", name, level) }

// measureBeside lets those of each level do a share of the lives at each sweep.
func (t *table) measureBeside(ctx context.Context, resize func(context.Context, int) error, opts options) error {
	for sweep := range sweeps {
		levels := slices.Clone(opts.beside)
		if sweep%2 == 1 {
			slices.Reverse(levels)
		}
		share := opts.lives*(sweep+1)/sweeps - opts.lives*sweep/sweeps
		if share == 0 {
			continue
		}
		for _, level := range levels {
			if err := resize(ctx, level); err != nil {
				return err
			}
			if err := rounds(ctx, t.atLevel(level), opts, share); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *table) atLevel(level int) []*candidate {
	suffix := levelName("", level)
	var list []*candidate
	for _, c := range t.candidates {
		if strings.HasSuffix(c.name, suffix) {
			list = append(list, c)
		}
	}
	return list
}

// listed is numbers as words: "0, 100 and 500".
func listed(numbers []int) string {
	words := make([]string, len(numbers))
	for i, n := range numbers {
		words[i] = fmt.Sprint(n)
	}
	if len(words) == 1 {
		return words[0]
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
