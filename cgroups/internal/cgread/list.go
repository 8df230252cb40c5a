//go:build linux

package cgread

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// maxListed is above the number of every CPU and memory node: the kernel can be built for
// 8192 CPUs on the biggest machines. It bounds what "0-4294967295" makes.
const maxListed = 1 << 16

// List reads a file that holds numbers and ranges of numbers, such as "0-3,7", and returns
// the numbers in ascending order. It is that of CPUs and of memory nodes. A missing file
// is empty.
func List(dir *cgdir.Dir, file string) ([]int, error) {
	text, err := dir.ReadFile(file)
	if dir.Lacks(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return inFile(parseList(text))(dir, file)
}

// Lists reads several such files.
func Lists(dir *cgdir.Dir, files map[string]*[]int) (err error) {
	for file, list := range files {
		if *list, err = List(dir, file); err != nil {
			return err
		}
	}
	return nil
}

// parseList parses "List format" of cpuset(7).
func parseList(text string) ([]int, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	var list []int
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		from, err := parseListed(first)
		if err != nil {
			return nil, fmt.Errorf("%q: %w", text, err)
		}
		to := from
		if isRange {
			if to, err = parseListed(last); err != nil {
				return nil, fmt.Errorf("%q: %w", text, err)
			}
		}
		if to < from {
			return nil, fmt.Errorf("%q: the range %q ends before it begins", text, part)
		}
		if len(list)+to-from >= maxListed {
			return nil, fmt.Errorf("%q has more than %d numbers", text, maxListed)
		}
		for n := from; n <= to; n++ {
			list = append(list, n)
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// parseListed parses a CPU's or a node's number.
func parseListed(text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n >= maxListed {
		return 0, fmt.Errorf("%q is not a number below %d", text, maxListed)
	}
	return int(n), nil
}
