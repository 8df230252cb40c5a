package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A log of a test binary, as it writes it: ^V marks the runner's lines.
const log = "\x16=== RUN   TestGood\n\x16=== RUN   TestGood/sub\ngarbage\x16--- PASS: TestGood/sub (0.05s)\n" +
	"\x16=== NAME  TestGood\n\x16--- PASS: TestGood (0.10s)\n\x16=== NAME  \n" +
	"\x16=== RUN   TestBad\n    bad_test.go:7: a value\n\x16--- FAIL: TestBad (0.00s)\n\x16=== NAME  \n" +
	"\x16=== RUN   TestOther\n    other_test.go:9: no such\n        device\n\x16--- SKIP: TestOther (0.00s)\n\x16=== NAME  \n"

func logFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestReadResults(t *testing.T) {
	bad := result{"TestBad", "fail", "    bad_test.go:7: a value\n"}
	other := result{"TestOther", "skip", "    other_test.go:9: no such\n        device\n"}
	good := results{{"TestGood/sub", "pass", "garbage"}, {"TestGood", "pass", ""}, bad, other}
	for name, tt := range map[string]struct {
		log  string
		want results
	}{
		"whole": {log + "FAIL\n", good},
		"died": {
			log + "\x16=== RUN   TestLong\n\x16=== RUN   TestLong/sub\npanic: test timed out\n",
			append(good, result{"TestLong", "fail", "it did not end\n"}, result{"TestLong/sub", "fail", "panic: test timed out\nit did not end\n"}),
		},
		"empty": {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readResults(t.Context(), logFile(t, tt.log))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got, cmp.AllowUnexported(result{})); diff != "" {
				t.Error(diff)
			}
			if got.died() != (name == "died") {
				t.Errorf("died: %v", got.died())
			}
		})
	}
}

func TestReplace(t *testing.T) {
	first := results{
		{"TestA", "pass", ""}, {"TestB/x", "fail", "slow"}, {"TestB/y", "pass", ""}, {"TestB", "fail", ""}, {"TestC", "fail", "why"},
	}
	failed := first.failedTests()
	if diff := cmp.Diff([]string{"TestB", "TestC"}, failed); diff != "" {
		t.Error(diff)
	}
	second := results{{"TestB/x", "pass", ""}, {"TestB/y", "pass", ""}, {"TestB", "pass", ""}, {"TestC", "fail", "why again"}}
	all, unsure := first.replace(failed, second)
	if diff := cmp.Diff(append(results{first[0]}, second...), all, cmp.AllowUnexported(result{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(results{first[1], first[3]}, unsure, cmp.AllowUnexported(result{})); diff != "" {
		t.Error(diff)
	}
}

func TestReport(t *testing.T) {
	runs := []*suiteRun{
		{world: worlds[0], manager: "cgroupfs", time: 61 * time.Second, results: results{
			{"TestGood", "pass", ""}, {"TestBad", "fail", "why\n"}, {"TestOther", "skip", "    a_test.go:9: no such\n        device\n"},
		}},
		{world: worlds[2], manager: "systemd", results: results{
			{"TestOther", "skip", "    a_test.go:9: no such\n        device\n"},
		}, unsure: results{{"TestSlow", "fail", "late\n"}}, err: errors.New("the machine burned")},
	}
	var out bytes.Buffer
	report(&out, runs)
	printTotal(&out, runs)
	want := `world   manager     passed  failed  skipped    time
v2      cgroupfs         1       1        1    1m1s
hybrid  systemd          0       0        1      0s

v2 cgroupfs: FAIL TestBad
why

hybrid systemd: the machine burned

hybrid systemd: TestSlow passed when it ran again, after
late

skipped:
TestOther: a_test.go:9: no such device (v2 cgroupfs, hybrid systemd)
1 passed, 1 failed, 2 skipped
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
	for i, want := range []bool{true, true} {
		if runs[i].failed() != want {
			t.Errorf("run %d failed: %v", i, runs[i].failed())
		}
	}
	if (&suiteRun{results: results{{"TestGood", "pass", ""}}}).failed() {
		t.Error("a run without failures failed")
	}
}

func TestEnding(t *testing.T) {
	text := strings.Repeat("line\n", 30) + "last"
	if got := ending(text, 2); got != "line\nlast" {
		t.Errorf("%q", got)
	}
	if got := ending("one", 2); got != "one" {
		t.Errorf("%q", got)
	}
}

func TestQuote(t *testing.T) {
	if got, want := quote("a'b $c"), `'a'\''b $c'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
