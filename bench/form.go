package main

import (
	"fmt"
	"time"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

// form is what the columns of a table are, beside the ratios, and what the bars of its chart are.
type form struct {
	head  []string // of the cells
	notes []string // whole sentences for below the table
	cells func(samples []lives.Sample, more []string) []string
	// score is what ratios are of.
	score func(samples []lives.Sample) float64
	// chart says what the bars and, in those that have one, the lines at them are, bar how long they
	// are, and label what is written at them.
	chart string
	bar   func(samples []lives.Sample) (value, line float64)
	label func(value float64) string
}

const cpuNote = "CPU is user and system time, with children, as a mean; what the kernel does later on threads of its own is not in it."

// timeForm has the times of one thing after the other.
var timeForm = form{
	head:  []string{"median ms", "p90 ms", "CPU ms"},
	notes: []string{cpuNote},
	cells: func(samples []lives.Sample, _ []string) []string {
		times := walls(samples)
		return []string{
			milliseconds(quantile(times, 0.5)),
			milliseconds(quantile(times, 0.9)),
			milliseconds(meanCPU(samples)),
		}
	},
	score: medianWall,
	chart: "ms: median (bar) and p90 (line)",
	bar: func(samples []lives.Sample) (value, line float64) {
		return medianWall(samples), float64(quantile(walls(samples), 0.9))
	},
	label: func(value float64) string { return milliseconds(time.Duration(value)) },
}

// rateForm has how many things are done in a second, of samples whose time is a batch's for each.
var rateForm = form{
	head:  []string{"lives a second", "CPU ms a life"},
	notes: []string{cpuNote},
	cells: func(samples []lives.Sample, _ []string) []string {
		return []string{fmt.Sprintf("%.0f", rate(samples)), milliseconds(meanCPU(samples))}
	},
	score: rate,
	chart: "lives a second",
	bar: func(samples []lives.Sample) (value, line float64) {
		return rate(samples), rate(samples)
	},
	label: func(value float64) string { return fmt.Sprintf("%.0f", value) },
}

// scaleForm has what a candidate has found by itself; its samples are the starts.
var scaleForm = form{
	head:  []string{"memory MB", "descriptors", "threads", "Start ms", "Stats ms", "List ms", "Load ms"},
	cells: func(_ []lives.Sample, more []string) []string { return more },
	score: medianWall,
	chart: "ms of a start: median (bar) and p90 (line)",
	bar:   timeForm.bar,
	label: timeForm.label,
}

func walls(samples []lives.Sample) []time.Duration {
	times := make([]time.Duration, len(samples))
	for i, s := range samples {
		times[i] = s.Wall
	}
	return times
}

func medianWall(samples []lives.Sample) float64 { return float64(quantile(walls(samples), 0.5)) }

// rate is 0 for no samples.
func rate(samples []lives.Sample) float64 { return ratio(float64(time.Second), medianWall(samples)) }

// meanCPU is a mean, and no median, for some of it is spent for several at once: a collection of
// garbage.
func meanCPU(samples []lives.Sample) time.Duration {
	if len(samples) == 0 {
		return 0
	}
	var sum time.Duration
	for _, s := range samples {
		sum += s.CPU
	}
	return sum / time.Duration(len(samples))
}

// ratio is 0 without a base.
func ratio(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond))
}

func ratioTexts(ratios []float64) []string {
	texts := make([]string, len(ratios))
	for i, ratio := range ratios {
		texts[i] = "-"
		if ratio != 0 {
			texts[i] = fmt.Sprintf("%.2f", ratio)
		}
	}
	return texts
}
