//go:build linux

package cgread

import (
	"strings"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// IsPageSize reports whether size is spelled like "2MB". It becomes a part of a
// file name.
func IsPageSize(size string) bool {
	if len(size) < 3 {
		return false
	}
	number, unit := size[:len(size)-2], size[len(size)-2:]
	if unit != "KB" && unit != "MB" && unit != "GB" {
		return false
	}
	return strings.Trim(number, "0123456789") == ""
}

// PageSizes returns the huge page sizes for which dir has a file that ends with
// suffix.
func PageSizes(dir *cgdir.Dir, suffix string) ([]string, error) {
	entries, err := dir.ReadDir()
	if err != nil {
		return nil, err
	}
	var sizes []string
	for _, entry := range entries {
		size, isPrefixed := strings.CutPrefix(entry.Name(), "hugetlb.")
		size, isLimit := strings.CutSuffix(size, suffix)
		// "hugetlb.2MB.rsvd.max" is about reservations.
		if isPrefixed && isLimit && IsPageSize(size) {
			sizes = append(sizes, size)
		}
	}
	return sizes, nil
}
