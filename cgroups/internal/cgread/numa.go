//go:build linux

package cgread

import (
	"fmt"
	"os"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

const numaFile = "memory.numa_stat"

// NumaPages reads memory.numa_stat of cgroup v1. A kernel that knows no nodes has none.
func NumaPages(dir *cgdir.Dir) (cgroups.NumaStats, error) { return numa(dir, parseNumaPages) }

// NumaBytes reads memory.numa_stat of cgroup v2 (Linux 5.10), which is in bytes.
func NumaBytes(dir *cgdir.Dir) (cgroups.NumaStats, error) {
	return numa(dir, func(text string) (cgroups.NumaStats, error) {
		return parseNumaBytes(text, uint64(os.Getpagesize()))
	})
}

func numa(dir *cgdir.Dir, parse func(string) (cgroups.NumaStats, error)) (cgroups.NumaStats, error) {
	text, err := dir.ReadFile(numaFile)
	if dir.Lacks(err) {
		return cgroups.NumaStats{}, nil
	}
	if err != nil {
		return cgroups.NumaStats{}, err
	}
	return inFile(parse(text))(dir, numaFile)
}

// parseNumaPages parses lines such as "total=3 N0=1 N1=2" and "hierarchical_total=3 N0=1
// N1=2". Kinds that are not known are passed over.
func parseNumaPages(text string) (stats cgroups.NumaStats, err error) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		fields := strings.Fields(line)
		if len(fields) == 0 {
			return cgroups.NumaStats{}, fmt.Errorf("line %d is empty", number)
		}
		kind, total, found := strings.Cut(fields[0], "=")
		if !found {
			return cgroups.NumaStats{}, fmt.Errorf("line %d: %q is not a kind and its pages", number, fields[0])
		}
		usage := &stats.Own
		if plain, ok := strings.CutPrefix(kind, "hierarchical_"); ok {
			kind, usage = plain, &stats.Hierarchical
		}
		var pages cgroups.NumaPages
		if pages.Total, err = parseUint(total); err == nil {
			pages.Nodes, err = parseNodes(fields[1:])
		}
		if err != nil {
			return cgroups.NumaStats{}, fmt.Errorf("line %d: %w", number, err)
		}
		if p := pagesOf(usage, kind); p != nil {
			*p = pages
		}
	}
	return stats, nil
}

// pagesOf returns the field of a kind of pages, nil if it is none.
func pagesOf(usage *cgroups.NumaUsage, kind string) *cgroups.NumaPages {
	switch kind {
	case "total":
		return &usage.Total
	case "file":
		return &usage.File
	case "anon":
		return &usage.Anon
	case "unevictable":
		return &usage.Unevictable
	}
	return nil
}

// parseNodes parses words such as "N0=1".
func parseNodes(words []string) (map[int]uint64, error) {
	nodes := make(map[int]uint64, len(words))
	for _, word := range words {
		name, value, found := strings.Cut(word, "=")
		digits, isNode := strings.CutPrefix(name, "N")
		if !found || !isNode {
			return nil, fmt.Errorf("%q is not a node and a number", word)
		}
		node, err := parseListed(digits)
		if err != nil {
			return nil, fmt.Errorf("%q: the node %w", word, err)
		}
		if nodes[node], err = parseUint(value); err != nil {
			return nil, fmt.Errorf("%q: %w", word, err)
		}
	}
	return nodes, nil
}

// parseNumaBytes parses lines such as "inactive_anon N0=4096 N1=8192". Those of the lists
// of least recently used pages are what cgroup v1 has in its file, too. Where they are
// missing there are no pages: the kernel leaves no line out.
func parseNumaBytes(text string, pageSize uint64) (stats cgroups.NumaStats, err error) {
	number := 0
	usage := &stats.Hierarchical
	for line := range strings.Lines(text) {
		number++
		fields := strings.Fields(line)
		if len(fields) == 0 {
			return cgroups.NumaStats{}, fmt.Errorf("line %d is empty", number)
		}
		nodes, err := parseNodes(fields[1:])
		if err != nil {
			return cgroups.NumaStats{}, fmt.Errorf("line %d: %w", number, err)
		}
		switch fields[0] {
		case "inactive_anon", "active_anon":
			addPages(&usage.Anon, nodes, pageSize)
		case "inactive_file", "active_file":
			addPages(&usage.File, nodes, pageSize)
		case "unevictable":
			addPages(&usage.Unevictable, nodes, pageSize)
		default:
			continue
		}
		addPages(&usage.Total, nodes, pageSize)
	}
	return stats, nil
}

func addPages(pages *cgroups.NumaPages, bytes map[int]uint64, pageSize uint64) {
	if pages.Nodes == nil {
		pages.Nodes = make(map[int]uint64, len(bytes))
	}
	for node, n := range bytes {
		pages.Nodes[node] += n / pageSize
		pages.Total += n / pageSize
	}
}
