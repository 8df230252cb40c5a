package main

import (
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer/bench/internal/lives"
)

func TestQuantile(t *testing.T) {
	tests := []struct {
		name   string
		values []time.Duration
		q      float64
		want   time.Duration
	}{
		{"none", nil, 0.5, 0},
		{"one", []time.Duration{7}, 0.9, 7},
		{"odd median", []time.Duration{9, 1, 5}, 0.5, 5},
		{"even median", []time.Duration{40, 10, 30, 20}, 0.5, 25},
		{"p90", []time.Duration{0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100}, 0.9, 90},
		{"largest", []time.Duration{3, 2, 1}, 1, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := quantile(test.values, test.q); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// fakeRunner gives its samples, then its error.
type fakeRunner struct {
	samples []lives.Sample
	err     error
	calls   int
}

func (f *fakeRunner) once(context.Context) (lives.Sample, error) {
	f.calls++
	if f.calls > len(f.samples) {
		return lives.Sample{}, f.err
	}
	return f.samples[f.calls-1], nil
}

func (f *fakeRunner) close() error { return nil }

// samples have twice as much CPU time as time.
func samples(walls ...time.Duration) []lives.Sample {
	list := make([]lives.Sample, len(walls))
	for i, wall := range walls {
		list[i] = lives.Sample{Wall: wall, CPU: 2 * wall}
	}
	return list
}

func measured(t *testing.T) *table {
	t.Helper()
	ms := time.Millisecond
	candidates := []*candidate{
		{name: "floor", bases: []string{"floor"}, runner: &fakeRunner{samples: samples(9*ms, 2*ms, 2*ms)}},
		{name: "library", bases: []string{"floor"}, runner: &fakeRunner{samples: samples(9*ms, 5*ms, 5*ms)}},
		{name: "absent-peer", peer: "absent-peer", err: errors.New("not installed")},
		{name: "broken-peer", peer: "broken-peer", runner: &fakeRunner{samples: samples(ms, ms), err: errors.New("broke | down\nhere")}},
	}
	if err := rounds(t.Context(), candidates, options{warmup: 1}, 2); err != nil {
		t.Fatal(err)
	}
	return &table{
		name: "life", title: "A life & more", about: "Birth, death", unit: "lives",
		bases: []string{"floor"}, notes: []string{"A note."}, candidates: candidates,
	}
}

func TestMeasureDropsWarmupAndFailures(t *testing.T) {
	candidates := measured(t).candidates
	if got := candidates[0].samples; len(got) != 2 || got[0].Wall != 2*time.Millisecond {
		t.Errorf("the floor's lives are %v", got)
	}
	if candidates[3].err == nil {
		t.Error("the broken peer has no error")
	}
}

func TestMeasureStopsWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &fakeRunner{}
	err := rounds(ctx, []*candidate{{name: "floor", runner: r}}, options{}, 1)
	if !errors.Is(err, context.Canceled) || r.calls != 0 {
		t.Errorf("error %v after %d lives", err, r.calls)
	}
}

func TestReportShowsRatiosAndFailures(t *testing.T) {
	r := newReport(measured(t), options{lives: 2}, time.Unix(0, 0))
	dir := t.TempDir()
	if err := r.write(dir); err != nil {
		t.Fatal(err)
	}
	markdown := read(t, filepath.Join(dir, "life.md"))
	for _, want := range []string{
		"# A life & more\n",
		"Birth, death. Each 2 lives",
		"\nA note.\n",
		"\nCPU is ",
		"| | lives | median ms | p90 ms | CPU ms | ratio to floor |\n|---|--:|--:|--:|--:|--:|\n",
		"| floor | 2 | 2.00 | 2.00 | 4.00 | 1.00 |",
		"| library | 2 | 5.00 | 5.00 | 10.00 | 2.50 |",
		"| absent-peer | 0 | no figures: not installed | | | |\n",
		`no figures: broke \| down; here |`,
	} {
		if !strings.Contains(markdown, want) {
			t.Errorf("life.md lacks %q:\n%s", want, markdown)
		}
	}
	for _, want := range []string{"library", "2.50", "absent-peer: no figures: not installed"} {
		if !strings.Contains(r.table(), want) {
			t.Errorf("the table lacks %q:\n%s", want, r.table())
		}
	}
	svg := read(t, filepath.Join(dir, "life.svg"))
	if !strings.Contains(svg, "5.00 (2.50×)") || strings.Contains(svg, "absent-peer") {
		t.Errorf("life.svg is not of the two that have figures:\n%s", svg)
	}
	checkXML(t, svg)
}

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func checkXML(t *testing.T, text string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("not XML: %v\n%s", err, text)
		}
	}
}
