package main

import (
	"context"
	"fmt"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

// scaleRequests are what the host program is asked to do beside the containers, a column each.
var scaleRequests = []string{"start", "stats", "list", "load"}

// newScaleTable tells what running containers cost the program that has them.
func newScaleTable(_ context.Context, opts options, work string) *table {
	t := &table{
		name:  "scale",
		title: "A host program with many containers",
		about: fmt.Sprintf("Resident memory, descriptors and threads of a program with nothing but the library, which has "+
			"started %s containers that run, and the time there of a further container's Start, and of Stats, List and Load",
			listed(opts.scale)),
		unit: "times",
		each: fmt.Sprintf("%d times", opts.lives),
		form: &scaleForm,
	}
	host, err := newHost(opts, work, "plain")
	if err == nil {
		t.closers = append(t.closers, host.close)
	}
	first := ""
	for _, level := range opts.scale {
		c := &candidate{name: levelName("library", level), err: err}
		if first == "" {
			first, t.bases = c.name, []string{fmt.Sprintf("Start with %d", level)}
		}
		c.bases = []string{first}
		t.candidates = append(t.candidates, c)
	}
	t.measure = func(ctx context.Context, opts options) error {
		for i, c := range t.candidates {
			if err := ctx.Err(); err != nil {
				return err
			}
			if c.err == nil {
				c.err = c.measureScale(ctx, host, opts.scale[i], opts)
			}
		}
		return nil
	}
	return t
}

// measureScale fills the cells, and samples with the starts.
func (c *candidate) measureScale(ctx context.Context, host *servant, level int, opts options) error {
	if _, err := host.ask(fmt.Sprintf("resize %d", level), 1); err != nil {
		return err
	}
	footprint, err := host.ask("footprint", 3)
	if err != nil {
		return err
	}
	c.cells = []string{
		fmt.Sprintf("%.1f", footprint[0]/1024),
		fmt.Sprintf("%.0f", footprint[1]),
		fmt.Sprintf("%.0f", footprint[2]),
	}
	for _, request := range scaleRequests {
		samples, err := host.samples(ctx, request, opts)
		if err != nil {
			return fmt.Errorf("%s: %w", request, err)
		}
		if c.samples == nil {
			c.samples = samples
		}
		c.cells = append(c.cells, milliseconds(quantile(walls(samples), 0.5)))
	}
	return nil
}

// samples are those of a request, without the warm-up.
func (s *servant) samples(ctx context.Context, request string, opts options) ([]lives.Sample, error) {
	var samples []lives.Sample
	for round := range opts.warmup + opts.lives {
		if err := idle(ctx, opts.pause); err != nil {
			return nil, err
		}
		sample, err := s.sample(request)
		if err != nil {
			return nil, err
		}
		if round >= opts.warmup {
			samples = append(samples, sample)
		}
	}
	return samples, nil
}
