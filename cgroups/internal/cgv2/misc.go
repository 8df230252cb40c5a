//go:build linux

package cgv2

import (
	"fmt"
	"maps"
	"slices"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

// misc is the controller of scalar resources, such as the keys of encrypted
// virtual machines. That of cgroup v1 has the same files.
type misc struct{ plain }

func (misc) name() string { return "misc" }

func (misc) asks(r *configs.Resources) (request, string) {
	if len(r.Misc) == 0 {
		return nothing, ""
	}
	return required, "Misc"
}

func (misc) keyed(string) (reset string, ok bool) { return cgread.NoLimit, true }

func (misc) set(s *setter, r *configs.Resources) error {
	for _, resource := range slices.Sorted(maps.Keys(r.Misc)) {
		field, limit := fmt.Sprintf("Misc[%q]", resource), r.Misc[resource]
		if err := checkKey(field, resource); err != nil {
			return err
		}
		if limit < -1 {
			return fmt.Errorf("%s: the limit %d is negative; only -1, for no limit, may be", field, limit)
		}
		if err := s.writeKeyed(field, string(cgfeature.Misc), resource, limitText(limit)); err != nil {
			return err
		}
	}
	return nil
}

func (misc) stats(c *Cgroup, stats *cgroups.Stats) error {
	current, err := cgread.KeyValues(c.Dir, "misc.current")
	if err != nil {
		return err
	}
	limits, err := cgread.MaxValues(c.Dir, string(cgfeature.Misc))
	if err != nil {
		return err
	}
	var events map[string]uint64
	if c.Features.Has(c.Dir, cgfeature.MiscEvents) {
		if events, err = cgread.KeyValues(c.Dir, string(cgfeature.MiscEvents)); err != nil {
			return err
		}
	}
	for resource, usage := range current {
		stats.MiscStats[resource] = cgroups.CountStats{Usage: usage, Limit: limits[resource], Failcnt: events[resource+".max"]}
	}
	return nil
}
