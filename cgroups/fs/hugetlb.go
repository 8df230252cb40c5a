//go:build linux

package fs

import (
	"fmt"
	"strconv"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
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
		if err := cglimit.CheckHugepage(field, limit); err != nil {
			return err
		}
		file := "hugetlb." + limit.Pagesize + ".limit_in_bytes"
		if err := s.Write(field, file, strconv.FormatUint(limit.Limit, 10)); err != nil {
			return err
		}
	}
	return nil
}

func (hugetlb) stats(dir *cgdir.Dir, stats *cgroups.Stats) error {
	sizes, err := cgread.PageSizes(dir, ".limit_in_bytes")
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
