//go:build linux

package cgv2

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

const rdmaMax = "rdma.max"

// rdma is the controller of RDMA devices. That of cgroup v1 has the same files.
type rdma struct{ plain }

func (rdma) name() string { return "rdma" }

func (rdma) asks(r *configs.Resources) (request, string) {
	if len(r.Rdma) == 0 {
		return nothing, ""
	}
	return required, "Rdma"
}

func (rdma) keyed(string) (reset string, ok bool) { return "hca_handle=max hca_object=max", true }

func (rdma) set(s *setter, r *configs.Resources) error {
	for _, device := range slices.Sorted(maps.Keys(r.Rdma)) {
		field := fmt.Sprintf("Rdma[%q]", device)
		if err := checkKey(field, device); err != nil {
			return err
		}
		limit := r.Rdma[device]
		var values []string
		if limit.HcaHandles != nil {
			values = append(values, fmt.Sprintf("hca_handle=%d", *limit.HcaHandles))
		}
		if limit.HcaObjects != nil {
			values = append(values, fmt.Sprintf("hca_object=%d", *limit.HcaObjects))
		}
		if len(values) == 0 {
			continue
		}
		if err := s.writeKeyed(field, rdmaMax, device, strings.Join(values, " ")); err != nil {
			return err
		}
	}
	return nil
}

func (rdma) stats(c *Cgroup, stats *cgroups.Stats) error {
	usage, err := cgread.Nested(c.Dir, "rdma.current")
	if err != nil {
		return err
	}
	limits, err := cgread.Nested(c.Dir, rdmaMax)
	if err != nil {
		return err
	}
	for _, list := range []struct {
		entries []cgread.Entry
		value   func(*cgroups.CountStats) *uint64
	}{
		{usage, func(c *cgroups.CountStats) *uint64 { return &c.Usage }},
		{limits, func(c *cgroups.CountStats) *uint64 { return &c.Limit }},
	} {
		for _, e := range list.entries {
			device := stats.RdmaStats[e.Key]
			if *list.value(&device.HcaHandles), err = e.Max("hca_handle"); err != nil {
				return err
			}
			if *list.value(&device.HcaObjects), err = e.Max("hca_object"); err != nil {
				return err
			}
			stats.RdmaStats[e.Key] = device
		}
	}
	return nil
}

// checkKey refuses a key of the configuration that would be read as more than
// that.
func checkKey(field, key string) error {
	if key == "" || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fmt.Errorf("%s: %q is not a single word", field, key)
	}
	return nil
}
