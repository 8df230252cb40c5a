package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What was measured in rounds that do not count is left out.
func TestMoves(t *testing.T) {
	var m moves
	for _, ms := range []time.Duration{900, 10, 30, 20} {
		m.add(ms*time.Millisecond, 2*ms*time.Millisecond)
	}
	got := m.counted(3).cells(samples(time.Millisecond, 2*time.Millisecond, 3*time.Millisecond))
	if strings.Join(got, " ") != "2.00 20.00 40.00" {
		t.Errorf("cells are %q", got)
	}
}

func TestLastErrors(t *testing.T) {
	log := filepath.Join(t.TempDir(), "dump.log")
	if err := lastErrors(log); err != nil {
		t.Errorf("without a log: %v", err)
	}
	text := "(00.1) Error (a.c:1): harmless\n(00.1) Warn  (b.c:1): x\n(00.2) Error (c.c:1): one\n(00.2) Error (c.c:2): two\n(00.3) Error (d.c:3): three\n"
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := lastErrors(log); err == nil || err.Error() != "criu's log: (c.c:1): one; (c.c:2): two; (d.c:3): three" {
		t.Errorf("it tells %v", err)
	}
}

// Without a criu there are no figures, and no failure of the benchmark.
func TestCheckpointTableWithoutCriu(t *testing.T) {
	work := t.TempDir()
	table := newCheckpointTable(t.Context(), options{criu: "/nosuch/criu", rootfs: work, lives: 60}, work)
	if len(table.candidates) != 2*len(movedSizes) || table.each != "10 times, interleaved" {
		t.Errorf("there are %d candidates, each %s", len(table.candidates), table.each)
	}
	for _, c := range table.candidates {
		if c.err == nil || c.peer == "" && (!c.optional || !errors.Is(c.err, os.ErrNotExist)) {
			t.Errorf("%s: optional %v, error %v", c.name, c.optional, c.err)
		}
	}
}
