package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// report is what the measurements for a table found.
type report struct {
	of      *table
	form    *form
	rows    []row
	machine string
	each    string
	date    time.Time
}

// row is one candidate's figures. Without them, failure says why.
type row struct {
	name        string
	count       int
	cells       []string
	value, line float64   // of the chart
	ratios      []float64 // to the bases'; 0 without a base
	failure     string
}

func newReport(t *table, opts options, date time.Time) *report {
	r := &report{of: t, form: t.form, machine: machine(), each: t.each, date: date}
	if r.form == nil {
		r.form = &timeForm
	}
	if r.each == "" {
		r.each = fmt.Sprintf("%d %s, interleaved", opts.lives, t.unit)
	}
	scores := make(map[string]float64)
	for _, c := range t.candidates {
		if c.err == nil {
			scores[c.name] = r.form.score(c.samples)
		}
	}
	for _, c := range t.candidates {
		row := r.newRow(c)
		for _, name := range c.bases {
			row.ratios = append(row.ratios, ratio(scores[c.name], scores[name]))
		}
		if c.peer != "" {
			row.name = strings.Replace(c.name, c.peer, version(c.peer), 1)
		}
		r.rows = append(r.rows, row)
	}
	return r
}

// newRow gives no figures for a candidate that failed on the way: half a series is not comparable.
func (r *report) newRow(c *candidate) row {
	if c.err != nil {
		failure := strings.ReplaceAll(c.err.Error(), "\n", "; ")
		return row{name: c.name, count: len(c.samples), failure: failure}
	}
	value, line := r.form.bar(c.samples)
	return row{
		name:  c.name,
		count: len(c.samples),
		cells: r.form.cells(c.samples, c.cells),
		value: value,
		line:  line,
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
	fmt.Fprintf(w, "%s\t%s\n", r.of.name, joined(r.head("to "), "\t"))
	for _, row := range r.rows {
		if row.failure == "" {
			fmt.Fprintf(w, "%s\t%s\n", row.name, joined(row.all(), "\t"))
		}
	}
	w.Flush()
	for _, row := range r.rows {
		if row.failure != "" {
			fmt.Fprintf(&out, "%s: no figures: %s\n", row.name, row.failure)
		}
	}
	return out.String()
}

// head is of all columns but the name's.
func (r *report) head(to string) []string {
	head := append([]string{r.of.unit}, r.form.head...)
	for _, base := range r.of.bases {
		head = append(head, to+base)
	}
	return head
}

// all is what stands below the head.
func (r *row) all() []string {
	all := append([]string{strconv.Itoa(r.count)}, r.cells...)
	return append(all, ratioTexts(r.ratios)...)
}

// joined ends with the separator, too.
func joined(texts []string, separator string) string {
	return strings.Join(texts, separator) + separator
}

// markdown is the report for bench/results.
func (r *report) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "# %s\n\n", r.of.title)
	fmt.Fprintf(&out, "%s. Each %s, on %s, %s.\n",
		r.of.about, r.each, r.date.UTC().Format("2 January 2006"), r.machine)
	for _, note := range append(r.of.notes, r.form.notes...) {
		fmt.Fprintln(&out, note)
	}
	fmt.Fprintf(&out, "Made by `make bench`; only ratios within one run are comparable.\n\n")
	head := r.head("ratio to ")
	fmt.Fprintf(&out, "| | %s\n|---|%s\n", strings.TrimRight(joined(head, " | "), " "), strings.Repeat("--:|", len(head)))
	for _, row := range r.rows {
		if row.failure != "" {
			failure := strings.ReplaceAll(row.failure, "|", `\|`)
			fmt.Fprintf(&out, "| %s | %d | no figures: %s |%s\n",
				row.name, row.count, failure, strings.Repeat(" |", len(head)-2))
			continue
		}
		fmt.Fprintf(&out, "| %s | %s\n", row.name, strings.TrimRight(joined(row.all(), " | "), " "))
	}
	fmt.Fprintf(&out, "\n![%s](%s.svg)\n", r.form.chart, r.of.name)
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
