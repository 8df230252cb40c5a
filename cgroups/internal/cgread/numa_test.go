//go:build linux

package cgread

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
)

func TestParseNumaPages(t *testing.T) {
	got, err := parseNumaPages("total=6 N0=4 N1=2\nfile=1 N0=1 N1=0\nanon=2 N0=2 N1=0\nunevictable=3 N0=1 N1=2\n" +
		"hierarchical_total=60 N0=40 N1=20\nhierarchical_file=10 N0=10\nhierarchical_new=7 N0=7\n")
	pages := func(total uint64, nodes ...uint64) cgroups.NumaPages {
		p := cgroups.NumaPages{Total: total, Nodes: make(map[int]uint64)}
		for i, n := range nodes {
			p.Nodes[i] = n
		}
		return p
	}
	want := cgroups.NumaStats{
		Own:          cgroups.NumaUsage{Total: pages(6, 4, 2), File: pages(1, 1, 0), Anon: pages(2, 2, 0), Unevictable: pages(3, 1, 2)},
		Hierarchical: cgroups.NumaUsage{Total: pages(60, 40, 20), File: pages(10, 10)},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"total\n", "\n", "total=x\n", "total=1 N0\n", "total=1 0=1\n", "total=1 Nx=1\n", "total=1 N0=x\n", "total=1 N99999=1\n", "other=x\n"} {
		if got, err := parseNumaPages("file=1 N0=1\n" + bad); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: got %+v, %v, want an error in line 2", bad, got, err)
		}
	}
}

func TestParseNumaBytes(t *testing.T) {
	got, err := parseNumaBytes("anon N0=1 N1=1\ninactive_anon N0=4096 N1=8192\nactive_anon N0=4096 N1=0\n"+
		"inactive_file N0=0 N1=12288\nactive_file N0=0 N1=0\nunevictable N0=0 N1=4096\nworkingset_refault_anon N0=3 N1=0\n", 4096)
	want := cgroups.NumaStats{Hierarchical: cgroups.NumaUsage{
		Total:       cgroups.NumaPages{Total: 8, Nodes: map[int]uint64{0: 2, 1: 6}},
		File:        cgroups.NumaPages{Total: 3, Nodes: map[int]uint64{0: 0, 1: 3}},
		Anon:        cgroups.NumaPages{Total: 4, Nodes: map[int]uint64{0: 2, 1: 2}},
		Unevictable: cgroups.NumaPages{Total: 1, Nodes: map[int]uint64{0: 0, 1: 1}},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"\n", "x 0=1\n", "x N0\n", "x N0=y\n"} {
		if got, err := parseNumaBytes("anon N0=1\n"+bad, 4096); err == nil || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("%q: got %+v, %v, want an error in line 2", bad, got, err)
		}
	}
}

func FuzzParseNumaPages(f *testing.F) {
	f.Add("total=6 N0=4 N1=2\nfile=1 N0=1 N1=0\nhierarchical_anon=2 N0=2\n")
	f.Fuzz(func(t *testing.T, text string) {
		stats, err := parseNumaPages(text)
		if err != nil {
			return
		}
		again, err := parseNumaPages(formatNumaPages(stats))
		if err != nil || formatNumaPages(again) != formatNumaPages(stats) {
			t.Errorf("%q: got %+v, then %+v, %v", text, stats, again, err)
		}
	})
}

func FuzzParseNumaBytes(f *testing.F) {
	f.Add("inactive_anon N0=4096 N1=8192\nunevictable N0=0\n")
	f.Fuzz(func(t *testing.T, text string) {
		stats, err := parseNumaBytes(text, 1)
		u := stats.Hierarchical
		if err == nil && u.Total.Total != u.File.Total+u.Anon.Total+u.Unevictable.Total {
			t.Errorf("%q: %+v does not add up", text, u)
		}
	})
}

// formatNumaPages is the reverse of parseNumaPages.
func formatNumaPages(stats cgroups.NumaStats) string {
	var b strings.Builder
	for _, part := range []struct {
		prefix string
		usage  cgroups.NumaUsage
	}{{"", stats.Own}, {"hierarchical_", stats.Hierarchical}} {
		for _, kind := range []string{"total", "file", "anon", "unevictable"} {
			pages := pagesOf(&part.usage, kind)
			b.WriteString(part.prefix + kind + "=" + strconv.FormatUint(pages.Total, 10))
			for _, node := range slices.Sorted(maps.Keys(pages.Nodes)) {
				fmt.Fprintf(&b, " N%d=%d", node, pages.Nodes[node])
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}
