package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

func TestMeanCPU(t *testing.T) {
	if got := meanCPU(nil); got != 0 {
		t.Errorf("of nothing it is %v", got)
	}
	if got := meanCPU([]lives.Sample{{CPU: 1}, {CPU: 2}, {CPU: 9}}); got != 4 {
		t.Errorf("got %v, want 4", got)
	}
}

// In the table of rates more is better: who needs half of the time has twice the ratio.
func TestRates(t *testing.T) {
	ms := time.Millisecond
	table := &table{name: "throughput", unit: "batches", each: "3 batches", form: &rateForm, bases: []string{"floor", "crun"}}
	for _, c := range []*candidate{
		{name: "floor, 8", samples: samples(ms)},
		{name: "library, 8", samples: samples(3*ms, 2*ms, 2*ms)},
		{name: "none, 8", peer: "none", err: errors.New("not installed")},
		{name: "crun, 8", samples: samples(4 * ms)},
	} {
		c.bases = []string{"floor, 8", "crun, 8"}
		table.candidates = append(table.candidates, c)
	}
	text := newReport(table, options{}, time.Time{}).markdown()
	for _, want := range []string{
		". Each 3 batches, on 1 January 0001, ",
		"| | batches | lives a second | CPU ms a life | ratio to floor | ratio to crun |\n|---|--:|--:|--:|--:|--:|\n",
		"| floor, 8 | 1 | 1000 | 2.00 | 1.00 | 4.00 |\n",
		"| library, 8 | 3 | 500 | 4.67 | 0.50 | 2.00 |\n",
		"| none, 8 | 0 | no figures: not installed | | | |\n",
		"| crun, 8 | 1 | 250 | 8.00 | 0.25 | 1.00 |\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
	checkXML(t, newReport(table, options{}, time.Time{}).svg())
}

func TestRatesWithoutBase(t *testing.T) {
	table := &table{form: &rateForm, bases: []string{"floor", "crun"}, candidates: []*candidate{
		{name: "floor, 1", bases: []string{"floor, 1", "crun, 1"}, samples: samples(time.Millisecond)},
		{name: "crun, 1", bases: []string{"floor, 1", "crun, 1"}, samples: samples(1), err: errors.New("broke down")},
	}}
	if text := newReport(table, options{}, time.Time{}).markdown(); !strings.Contains(text, "| 1.00 | - |\n") {
		t.Errorf("there is a ratio to one that failed:\n%s", text)
	}
}

func TestScaleReport(t *testing.T) {
	table := &table{unit: "times", form: &scaleForm, bases: []string{"Start with 10"}, candidates: []*candidate{
		{name: "library, 10", bases: []string{"library, 10"}, samples: samples(2), cells: strings.Split("1.0 2 3 4 5 6 7", " ")},
		{name: "library, 100", bases: []string{"library, 10"}, samples: samples(3), cells: strings.Split("9.0 8 7 6 5 4 3", " ")},
	}}
	text := newReport(table, options{}, time.Time{}).markdown()
	for _, want := range []string{
		"| | times | memory MB | descriptors | threads | Start ms | Stats ms | List ms | Load ms | ratio to Start with 10 |\n",
		"| library, 100 | 1 | 9.0 | 8 | 7 | 6 | 5 | 4 | 3 | 1.50 |\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q:\n%s", want, text)
		}
	}
}
