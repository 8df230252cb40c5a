// What has happened, counted.

package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// tally counts where the kills fell and what was found after them.
type tally struct{ steps, states map[string]int }

func newTally() *tally {
	return &tally{steps: make(map[string]int), states: make(map[string]int)}
}

func (t *tally) killed(step string) { t.steps[step]++ }

func (t *tally) found(states []string) {
	for _, s := range states {
		t.states[s]++
	}
}

// String gives two tables, the most frequent first.
func (t *tally) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, table := range []struct {
		title  string
		counts map[string]int
	}{
		{"killed at, or after the start of, the step", t.steps},
		{"containers found afterwards", t.states},
	} {
		total := 0
		for _, n := range table.counts {
			total += n
		}
		fmt.Fprintf(w, "%s\t\t\n", table.title)
		for _, name := range slices.SortedFunc(maps.Keys(table.counts), func(a, b string) int {
			return cmp.Or(table.counts[b]-table.counts[a], strings.Compare(a, b))
		}) {
			n := table.counts[name]
			fmt.Fprintf(w, "  %s\t%d\t%.1f %%\n", name, n, 100*float64(n)/float64(total))
		}
		fmt.Fprintf(w, "  all\t%d\t\n", total)
	}
	w.Flush()
	return b.String()
}
