//go:build linux

package cgv2

import (
	"fmt"
	"strconv"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

// hugetlb is the controller of huge pages.
type hugetlb struct{ plain }

func (hugetlb) name() string { return "hugetlb" }

func (hugetlb) asks(r *configs.Resources) (request, string) {
	if len(r.HugetlbLimit) == 0 {
		return nothing, ""
	}
	return required, "HugetlbLimit"
}

// set writes the limits of pages in use and, as the OCI wants it, of pages
// reserved.
func (hugetlb) set(s *setter, r *configs.Resources) error {
	for i, limit := range r.HugetlbLimit {
		field := fmt.Sprintf("HugetlbLimit[%d]", i)
		if err := cglimit.CheckHugepage(field, limit); err != nil {
			return err
		}
		value := strconv.FormatUint(limit.Limit, 10)
		for _, name := range []string{".max", ".rsvd.max"} {
			if err := s.write(field, "hugetlb."+limit.Pagesize+name, value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (hugetlb) stats(c *Cgroup, stats *cgroups.Stats) error {
	sizes, err := cgread.PageSizes(c.Dir, ".max")
	if err != nil {
		return err
	}
	for _, size := range sizes {
		h, err := hugetlbStats(c, "hugetlb."+size)
		if err != nil {
			return err
		}
		stats.HugetlbStats[size] = h
	}
	return nil
}

func hugetlbStats(c *Cgroup, prefix string) (h cgroups.HugetlbStats, err error) {
	if h.Usage, err = cgread.Uint(c.Dir, prefix+".current"); err != nil {
		return h, err
	}
	if h.Limit, err = cgread.Max(c.Dir, prefix+".max"); err != nil {
		return h, err
	}
	events, err := cgread.KeyValues(c.Dir, prefix+".events")
	h.Failcnt = events["max"]
	return h, err
}
