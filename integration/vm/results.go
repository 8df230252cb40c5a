package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/integration/internal/command"
)

// A result is what became of a test or subtest.
type result struct {
	name   string
	action string // pass, fail or skip
	output string // what it wrote, without the runner's own lines
}

// results are those of one run, in the order in which they ended.
type results []result

func (rs results) count(action string) (n int) {
	for _, r := range rs {
		if r.action == action {
			n++
		}
	}
	return n
}

// noEnd ends the output of a test that began and has no end, for the program died.
const noEnd = "it did not end\n"

// died tells that the program did not run all its tests.
func (rs results) died() bool {
	return slices.ContainsFunc(rs, func(r result) bool { return strings.HasSuffix(r.output, noEnd) })
}

// topTest gives the test that a subtest is in.
func topTest(name string) string {
	top, _, _ := strings.Cut(name, "/")
	return top
}

// failedTests gives the tests that have failed, without their subtests.
func (rs results) failedTests() (names []string) {
	for _, r := range rs {
		if top := topTest(r.name); r.action == "fail" && !slices.Contains(names, top) {
			names = append(names, top)
		}
	}
	return names
}

// replace gives the results with those of second for the tests that it ran, and the
// failures which have passed in it.
func (rs results) replace(tests []string, second results) (all, unsure results) {
	for _, r := range rs {
		if !slices.Contains(tests, topTest(r.name)) {
			all = append(all, r)
		}
	}
	for _, r := range rs {
		passed := func(s result) bool { return s.name == r.name && s.action == "pass" }
		if r.action == "fail" && slices.ContainsFunc(second, passed) {
			unsure = append(unsure, r)
		}
	}
	return append(all, second...), unsure
}

// readResults reads what a test binary wrote with -test.v=test2json.
func readResults(ctx context.Context, name string) (results, error) {
	log, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.CommandContext(ctx, "go", "tool", "test2json")
	cmd.Stdin = log
	events, err := command.OutputOf(cmd)
	if err != nil {
		return nil, err
	}
	return parseEvents(strings.NewReader(events))
}

// parseEvents reads the events of test2json. A test that has no end has failed.
func parseEvents(r io.Reader) (results, error) {
	type event struct{ Action, Test, Output string }
	var ended results
	running := make(map[string]*bytes.Buffer)
	var begun []string
	decoder := json.NewDecoder(r)
	for {
		var e event
		if err := decoder.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("events of the tests: %w", err)
		}
		if e.Test == "" {
			continue
		}
		switch e.Action {
		case "run":
			running[e.Test] = new(bytes.Buffer)
			begun = append(begun, e.Test)
		case "output":
			if b := running[e.Test]; b != nil && !isFrame(e.Output) {
				b.WriteString(e.Output)
			}
		case "pass", "fail", "skip":
			if b := running[e.Test]; b != nil {
				ended = append(ended, result{e.Test, e.Action, b.String()})
				delete(running, e.Test)
			}
		}
	}
	for _, name := range begun {
		if b := running[name]; b != nil {
			ended = append(ended, result{name, "fail", b.String() + noEnd})
		}
	}
	return ended, nil
}

// isFrame tells the test runner's own lines.
func isFrame(line string) bool {
	line = strings.TrimLeft(line, " ")
	return strings.HasPrefix(line, "=== ") || strings.HasPrefix(line, "--- ")
}

// report prints a table of all runs, then what failed and why, be it once, and which
// tests were skipped and why.
func report(w io.Writer, runs []*suiteRun) {
	const row = "%-8s%-10s%8v%8v%9v%8v\n"
	fmt.Fprintf(w, row, "world", "manager", "passed", "failed", "skipped", "time")
	for _, r := range runs {
		fmt.Fprintf(w, row, r.world.name, r.manager, r.results.count("pass"), r.results.count("fail"), r.results.count("skip"), r.time)
	}
	for _, r := range runs {
		if r.err != nil {
			fmt.Fprintf(w, "\n%s: %v\n", r.name(), r.err)
		}
		for _, result := range r.results {
			if result.action == "fail" {
				fmt.Fprintf(w, "\n%s: FAIL %s\n%s", r.name(), result.name, ending(result.output, 20))
			}
		}
		for _, result := range r.unsure {
			fmt.Fprintf(w, "\n%s: %s passed when it ran again, after\n%s", r.name(), result.name, ending(result.output, 20))
		}
	}
	reportSkips(w, runs)
}

// reportSkips prints each reason for skipping a test once, with the runs.
func reportSkips(w io.Writer, runs []*suiteRun) {
	where := make(map[string][]string)
	var reasons []string
	for _, r := range runs {
		for _, result := range r.results {
			if result.action != "skip" {
				continue
			}
			reason := result.name + ": " + strings.Join(strings.Fields(result.output), " ")
			if where[reason] == nil {
				reasons = append(reasons, reason)
			}
			where[reason] = append(where[reason], r.name())
		}
	}
	slices.Sort(reasons)
	for i, reason := range reasons {
		if i == 0 {
			fmt.Fprintln(w, "\nskipped:")
		}
		fmt.Fprintf(w, "%s (%s)\n", reason, strings.Join(where[reason], ", "))
	}
}

// printTotal prints a line for programs.
func printTotal(w io.Writer, runs []*suiteRun) {
	var passed, failed, skipped int
	for _, r := range runs {
		passed += r.results.count("pass")
		failed += r.results.count("fail")
		skipped += r.results.count("skip")
	}
	fmt.Fprintf(w, "%d passed, %d failed, %d skipped\n", passed, failed, skipped)
}

// ending gives the last n lines of a text.
func ending(text string, n int) string {
	lines := slices.Collect(strings.Lines(text))
	return strings.Join(lines[max(0, len(lines)-n):], "")
}
