//go:build linux

package fs

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

// hugetlb is the controller of huge pages, see cgroup-v1/hugetlb.rst.
type hugetlb struct{}

func (hugetlb) key() string { return "hugetlb" }

func (hugetlb) asks(r *configs.Resources) (request, string) {
	if len(r.HugetlbLimit) == 0 {
		return nothing, ""
	}
	return required, "HugetlbLimit"
}

func (hugetlb) set(s *setter, r *configs.Resources) error {
	for i, limit := range r.HugetlbLimit {
		field := fmt.Sprintf("HugetlbLimit[%d]", i)
		if limit == nil {
			return fmt.Errorf("%s is nil", field)
		}
		if !isPageSize(limit.Pagesize) {
			return fmt.Errorf("%s: page size %q is not a number with KB, MB or GB", field, limit.Pagesize)
		}
		file := "hugetlb." + limit.Pagesize + ".limit_in_bytes"
		if err := s.Write(field, file, strconv.FormatUint(limit.Limit, 10)); err != nil {
			return err
		}
	}
	return nil
}

// isPageSize reports whether size is spelled like "2MB". It becomes a part of a
// file name.
func isPageSize(size string) bool {
	if len(size) < 3 {
		return false
	}
	number, unit := size[:len(size)-2], size[len(size)-2:]
	if unit != "KB" && unit != "MB" && unit != "GB" {
		return false
	}
	return strings.Trim(number, "0123456789") == ""
}

func (hugetlb) stats(dir *cgdir.Dir, stats *cgroups.Stats) error {
	sizes, err := hugetlbSizes(dir)
	if err != nil {
		return err
	}
	for _, size := range sizes {
		var values [3]uint64
		for i, name := range []string{"usage_in_bytes", "max_usage_in_bytes", "failcnt"} {
			if values[i], err = cgread.Uint(dir, "hugetlb."+size+"."+name); err != nil {
				return err
			}
		}
		stats.HugetlbStats[size] = cgroups.HugetlbStats{Usage: values[0], MaxUsage: values[1], Failcnt: values[2]}
	}
	return nil
}

// hugetlbSizes returns the page sizes for which dir has files.
func hugetlbSizes(dir *cgdir.Dir) ([]string, error) {
	entries, err := dir.ReadDir()
	if err != nil {
		return nil, err
	}
	var sizes []string
	for _, entry := range entries {
		size, isPrefixed := strings.CutPrefix(entry.Name(), "hugetlb.")
		size, isLimit := strings.CutSuffix(size, ".limit_in_bytes")
		// "hugetlb.2MB.rsvd.limit_in_bytes" is about reservations.
		if isPrefixed && isLimit && isPageSize(size) {
			sizes = append(sizes, size)
		}
	}
	return sizes, nil
}
