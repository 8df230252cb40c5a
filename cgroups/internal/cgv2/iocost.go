//go:build linux

package cgv2

import (
	"fmt"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
)

// costPrefix starts the names of what iocost tells in io.stat.
const costPrefix = "cost."

// addIOCost adds what iocost tells of a device in io.stat, if it is turned on for that.
func addIOCost(b *cgroups.BlkioStats, device cgroups.BlkioStatEntry, e cgread.Entry) (err error) {
	if !hasCost(e) {
		return nil
	}
	cost := cgroups.IoCostStats{Major: device.Major, Minor: device.Minor}
	for name, value := range map[string]*uint64{
		"usage": &cost.Usage, "wait": &cost.Wait, "indebt": &cost.Indebt, "indelay": &cost.Indelay,
	} {
		if *value, err = e.Uint(costPrefix + name); err != nil {
			return err
		}
	}
	if cost.Vrate, err = e.Float(costPrefix + "vrate"); err != nil {
		return err
	}
	b.IoCost = append(b.IoCost, cost)
	return nil
}

func hasCost(e cgread.Entry) bool {
	for name := range e.Values {
		if strings.HasPrefix(name, costPrefix) {
			return true
		}
	}
	return false
}

// ioCostSettings reads io.cost.qos and io.cost.model, which only the root cgroup has.
func ioCostSettings(c *Cgroup, b *cgroups.BlkioStats) error {
	for _, f := range []struct {
		name string
		set  func(*cgroups.IoCostStats, map[string]string)
	}{
		{"io.cost.qos", func(s *cgroups.IoCostStats, values map[string]string) { s.Qos = values }},
		{"io.cost.model", func(s *cgroups.IoCostStats, values map[string]string) { s.Model = values }},
	} {
		entries, err := cgread.Nested(c.Dir, f.name)
		if c.Dir.Lacks(err) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			major, minor, err := cgread.DeviceNumber(e.Key)
			if err != nil {
				return fmt.Errorf("%s: %w", c.Dir.Path(f.name), err)
			}
			f.set(ioCostOf(b, major, minor), e.Values)
		}
	}
	return nil
}

// ioCostOf returns the entry of a device, which it adds if there is none.
func ioCostOf(b *cgroups.BlkioStats, major, minor uint64) *cgroups.IoCostStats {
	i := slices.IndexFunc(b.IoCost, func(s cgroups.IoCostStats) bool { return s.Major == major && s.Minor == minor })
	if i < 0 {
		i = len(b.IoCost)
		b.IoCost = append(b.IoCost, cgroups.IoCostStats{Major: major, Minor: minor})
	}
	return &b.IoCost[i]
}
