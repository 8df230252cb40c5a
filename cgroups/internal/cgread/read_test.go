//go:build linux

package cgread

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
)

func TestParseUint(t *testing.T) {
	for text, want := range map[string]uint64{
		"0\n": 0, "12": 12, "18446744073709551615\n": math.MaxUint64, "-1\n": 0,
	} {
		if got, err := parseUint(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "\n", "max", "1 2", "0x1", "1.5", "--1", "18446744073709551616", "-"} {
		if got, err := parseUint(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
}

func TestParseKeyValues(t *testing.T) {
	got, err := parseKeyValues("a 1\nb_c 2\n")
	if want := map[string]uint64{"a": 1, "b_c": 2}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for text, want := range map[string]string{"a 1\nb\n": "line 2", "a x\n": "line 1", " 1\n": "line 1", "a 1\n\n": "line 2", "a 1 2\n": "line 1"} {
		if got, err := parseKeyValues(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, %v, want an error with %q", text, got, err, want)
		}
	}
}

func TestParseBlkio(t *testing.T) {
	got, err := parseBlkio("8:0 Read 1\n(unknown) Read 7\n(unknown) 8\n253:16 2\nTotal 3\n")
	want := []cgroups.BlkioStatEntry{{Major: 8, Op: "Read", Value: 1}, {Major: 253, Minor: 16, Value: 2}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	for _, text := range []string{"8:0 Read 1\n8:0\n", "Total 1\nx 2\n", "Total 1\n8:x 2\n", "Total 1\nx:8 2\n", "Total 1\n8:0 x\n", "Total 1\n\n", "Total 1\n8:0 a b 1\n"} {
		if got, err := parseBlkio(text); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: got %v, %v, want an error in line 2", text, got, err)
		}
	}
}

func FuzzParseKeyValues(f *testing.F) {
	f.Add("cache 4096\nrss 0\nhierarchical_memory_limit 9223372036854771712\n")
	f.Add("oom_kill_disable 0\nunder_oom 0\noom_kill 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := parseKeyValues(text)
		if err != nil {
			return
		}
		var again strings.Builder
		for key, value := range values {
			fmt.Fprintf(&again, "%s %d\n", key, value)
		}
		if got, err := parseKeyValues(again.String()); err != nil || !maps.Equal(got, values) {
			t.Errorf("%q: got %v, then %v, %v", text, values, got, err)
		}
	})
}

func FuzzParseBlkio(f *testing.F) {
	f.Add("8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\nTotal 4096\n")
	f.Add("253:16 2\n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseBlkio(text)
		if err != nil {
			return
		}
		var again strings.Builder
		for _, e := range entries {
			fmt.Fprintf(&again, "%d:%d %s %d\n", e.Major, e.Minor, e.Op, e.Value)
		}
		if got, err := parseBlkio(again.String()); err != nil || !slices.Equal(got, entries) {
			t.Errorf("%q: got %v, then %v, %v", text, entries, got, err)
		}
	})
}

func FuzzParseUintList(f *testing.F) {
	f.Add("12000 345 \n")
	f.Fuzz(func(t *testing.T, text string) {
		values, err := parseUintList(text)
		if err == nil && len(values) != len(strings.Fields(text)) {
			t.Errorf("%q: got %v", text, values)
		}
	})
}

func FuzzParseNested(f *testing.F) {
	f.Add("8:16 rbytes=1 wbytes=2 cost.vrate=100.00 cost.usage=3\n254:0 \n")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseNested(text)
		if err != nil {
			return
		}
		var again strings.Builder
		for _, e := range entries {
			again.WriteString(e.Key)
			for name, value := range e.Values {
				again.WriteString(" " + name + "=" + value)
			}
			again.WriteString("\n")
		}
		got, err := parseNested(again.String())
		if err != nil || !slices.EqualFunc(got, entries, func(a, b Entry) bool { return a.Key == b.Key && maps.Equal(a.Values, b.Values) }) {
			t.Errorf("%q: got %v, then %v, %v", text, entries, got, err)
		}
	})
}
