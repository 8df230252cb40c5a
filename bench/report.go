package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// report is what the measurements for a table found.
type report struct {
	of      *table
	rows    []row
	machine string
	lives   int
	date    time.Time
}

// row is one candidate's figures. Without lives, failure says why.
type row struct {
	name        string
	count       int
	median, p90 time.Duration
	ratios      []float64 // of the medians, to the bases'; 0 without a base
	failure     string
}

func newReport(t *table, opts options, date time.Time) *report {
	r := &report{of: t, machine: machine(), lives: opts.lives, date: date}
	medians := make(map[string]time.Duration)
	for _, c := range t.candidates {
		row := newRow(c)
		medians[c.name] = row.median
		for _, name := range c.bases {
			row.ratios = append(row.ratios, ratio(row.median, medians[name]))
		}
		if c.peer && c.runner != nil {
			row.name = version(c.name)
		}
		r.rows = append(r.rows, row)
	}
	return r
}

func ratio(a, b time.Duration) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// newRow gives no figures for a candidate that failed on the way: half a series is not comparable.
func newRow(c *candidate) row {
	if c.err != nil {
		failure := strings.ReplaceAll(c.err.Error(), "\n", "; ")
		return row{name: c.name, count: len(c.times), failure: failure}
	}
	return row{
		name:   c.name,
		count:  len(c.times),
		median: quantile(c.times, 0.5),
		p90:    quantile(c.times, 0.9),
	}
}

// quantile is the value below which the share q of values lies, interpolated between the two
// nearest ones. It is 0 for no values.
func quantile(values []time.Duration, q float64) time.Duration {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	position := q * float64(len(sorted)-1)
	below := int(position)
	if below == len(sorted)-1 {
		return sorted[below]
	}
	rest := position - float64(below)
	return sorted[below] + time.Duration(rest*float64(sorted[below+1]-sorted[below]))
}

// table is the report for a terminal.
func (r *report) table() string {
	var out bytes.Buffer
	w := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "%s\t%s\tmedian ms\tp90 ms\tto %s\t\n", r.of.name, r.of.unit, strings.Join(r.of.bases, "\tto "))
	for _, row := range r.rows {
		if row.failure != "" {
			continue
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t\n",
			row.name, row.count, milliseconds(row.median), milliseconds(row.p90), times(row.ratios, "\t"))
	}
	w.Flush()
	for _, row := range r.rows {
		if row.failure != "" {
			fmt.Fprintf(&out, "%s: no figures: %s\n", row.name, row.failure)
		}
	}
	return out.String()
}

// markdown is the report for bench/results.
func (r *report) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n\n", r.of.title)
	fmt.Fprintf(&out, "%s. Each %d %s, interleaved, on %s, %s.\n",
		r.of.about, r.lives, r.of.unit, r.date.UTC().Format("2 January 2006"), r.machine)
	fmt.Fprintf(&out, "Made by `make bench`; only ratios within one run are comparable.\n\n")
	fmt.Fprintf(&out, "| | %s | median ms | p90 ms | ratio to %s |\n|---|--:|--:|--:|%s\n",
		r.of.unit, strings.Join(r.of.bases, " | ratio to "), strings.Repeat("--:|", len(r.of.bases)))
	for _, row := range r.rows {
		if row.failure != "" {
			failure := strings.ReplaceAll(row.failure, "|", `\|`)
			fmt.Fprintf(&out, "| %s | %d | no figures: %s | |%s\n",
				row.name, row.count, failure, strings.Repeat(" |", len(r.of.bases)))
			continue
		}
		fmt.Fprintf(&out, "| %s | %d | %s | %s | %s |\n",
			row.name, row.count, milliseconds(row.median), milliseconds(row.p90), times(row.ratios, " | "))
	}
	fmt.Fprintf(&out, "\n![median and p90 of each](%s.svg)\n", r.of.name)
	return out.String()
}

// write puts the report into dir, or nowhere when dir is empty.
func (r *report) write(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	path := filepath.Join(dir, r.of.name)
	if err := os.WriteFile(path+".md", []byte(r.markdown()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(path+".svg", []byte(r.svg()), 0o644)
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond))
}

func times(ratios []float64, separator string) string {
	texts := make([]string, len(ratios))
	for i, ratio := range ratios {
		texts[i] = "-"
		if ratio != 0 {
			texts[i] = fmt.Sprintf("%.2f", ratio)
		}
	}
	return strings.Join(texts, separator)
}

// machine tells what the figures depend on most.
func machine() string {
	release := "unknown"
	var name unix.Utsname
	if err := unix.Uname(&name); err == nil {
		release, _, _ = strings.Cut(unix.ByteSliceToString(name.Release[:]), "-")
	}
	return fmt.Sprintf("Linux %s %s, %d CPUs, %s", release, runtime.GOARCH, runtime.NumCPU(), runtime.Version())
}

// version is the first line of what a runtime says about itself.
func version(name string) string {
	out, err := exec.Command(name, "--version").Output()
	if err != nil {
		return name
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.Replace(line, " version", "", 1)
}
