//go:build linux

package cgv2

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	ioMax       = "io.max"
	ioLatency   = "io.latency"
	ioWeight    = "io.weight"
	ioBfqWeight = "io.bfq.weight"
)

// io is the controller of block I/O.
//
// A weight counts where a device's scheduler is BFQ (io.bfq.weight), or where
// iocost is at work (io.weight); both are written where the kernel has both.
type io struct{ plain }

func (io) name() string { return "io" }

func (io) asks(r *configs.Resources) (request, string) {
	switch {
	case r.BlkioWeight != 0:
		return required, "BlkioWeight"
	case len(r.BlkioWeightDevice) > 0:
		return required, "BlkioWeightDevice"
	case len(r.IoLatencyDevice) > 0:
		return required, "IoLatencyDevice"
	}
	for _, list := range throttleLists(r) {
		if len(list.devices) > 0 {
			return required, list.field
		}
	}
	return nothing, ""
}

// throttleList is a list of limits and their name in io.max.
type throttleList struct {
	field, name string
	devices     []*configs.ThrottleDevice
}

func throttleLists(r *configs.Resources) []throttleList {
	return []throttleList{
		{"BlkioThrottleReadBpsDevice", "rbps", r.BlkioThrottleReadBpsDevice},
		{"BlkioThrottleWriteBpsDevice", "wbps", r.BlkioThrottleWriteBpsDevice},
		{"BlkioThrottleReadIOPSDevice", "riops", r.BlkioThrottleReadIOPSDevice},
		{"BlkioThrottleWriteIOPSDevice", "wiops", r.BlkioThrottleWriteIOPSDevice},
	}
}

func (io) v1Only(r *configs.Resources) (field, advice string) {
	const where = "processes are only in cgroups without others below them"
	leaf := func(d *configs.WeightDevice) bool { return d != nil && d.LeafWeight != 0 }
	switch {
	case r.BlkioLeafWeight != 0:
		return "BlkioLeafWeight", where
	case slices.ContainsFunc(r.BlkioWeightDevice, leaf):
		return "BlkioWeightDevice.LeafWeight", where
	}
	return "", ""
}

func (io) v2Only(r *configs.Resources) string {
	if len(r.IoLatencyDevice) > 0 {
		return "IoLatencyDevice"
	}
	return ""
}

func (io) keyed(file string) (reset string, ok bool) {
	switch file {
	case ioMax:
		return "rbps=max wbps=max riops=max wiops=max", true
	case ioLatency:
		return "target=0", true
	case ioWeight, ioBfqWeight:
		return "default", true
	}
	return cgread.NoLimit, true
}

func (c io) set(s *setter, r *configs.Resources) error {
	if r.BlkioWeight != 0 {
		if err := writeWeight(s, "BlkioWeight", "default", r.BlkioWeight); err != nil {
			return err
		}
	}
	for i, d := range r.BlkioWeightDevice {
		field := fmt.Sprintf("BlkioWeightDevice[%d]", i)
		if d == nil {
			return fmt.Errorf("%s is nil", field)
		}
		if d.Weight == 0 {
			continue
		}
		if err := writeWeight(s, field+".Weight", device(d.Major, d.Minor), d.Weight); err != nil {
			return err
		}
	}
	for _, list := range throttleLists(r) {
		if err := c.setThrottle(s, list); err != nil {
			return err
		}
	}
	for i, d := range r.IoLatencyDevice {
		field := fmt.Sprintf("IoLatencyDevice[%d]", i)
		if d == nil {
			return fmt.Errorf("%s is nil", field)
		}
		key, value, _ := strings.Cut(d.String(), " ")
		if err := s.writeKeyed(field, ioLatency, key, value); err != nil {
			return err
		}
	}
	return nil
}

func device(major, minor int64) string { return fmt.Sprintf("%d:%d", major, minor) }

// writeWeight writes the weight of a device, or the default, to each of the files
// that takes it. It is an error if none does.
func writeWeight(s *setter, field, key string, blkio uint16) error {
	weight, err := cgroups.IoWeight(blkio)
	if err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	var errs []error
	for file, value := range map[string]uint64{ioBfqWeight: uint64(blkio), ioWeight: weight} {
		if err := s.writeKeyed(field, file, key, strconv.FormatUint(value, 10)); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) < 2 {
		return nil
	}
	if errors.Is(errs[0], fs.ErrNotExist) && errors.Is(errs[1], fs.ErrNotExist) {
		return fmt.Errorf("%w (there is neither BFQ nor iocost)", errs[0])
	}
	return errors.Join(errs...)
}

// setThrottle writes the limits of a list, one device a write. A rate of 0 removes
// a device's limit.
func (io) setThrottle(s *setter, list throttleList) error {
	for i, d := range list.devices {
		field := fmt.Sprintf("%s[%d]", list.field, i)
		if d == nil {
			return fmt.Errorf("%s is nil", field)
		}
		rate := cgread.NoLimit
		if d.Rate != 0 {
			rate = strconv.FormatUint(d.Rate, 10)
		}
		if err := s.writeKeyed(field, ioMax, device(d.Major, d.Minor), list.name+"="+rate); err != nil {
			return err
		}
	}
	return nil
}

func (io) stats(c *Cgroup, stats *cgroups.Stats) error {
	entries, err := cgread.Nested(c.Dir, "io.stat")
	if err != nil {
		return err
	}
	b := &stats.BlkioStats
	for _, e := range entries {
		if e.Key == cgread.UnknownDevice {
			continue
		}
		var device cgroups.BlkioStatEntry
		if device.Major, device.Minor, err = cgread.DeviceNumber(e.Key); err != nil {
			return fmt.Errorf("%s: %w", c.Dir.Path("io.stat"), err)
		}
		if b.IoServiceBytesRecursive, err = addIO(b.IoServiceBytesRecursive, device, e, "bytes"); err != nil {
			return err
		}
		if b.IoServicedRecursive, err = addIO(b.IoServicedRecursive, device, e, "ios"); err != nil {
			return err
		}
		if err := addIOCost(b, device, e); err != nil {
			return fmt.Errorf("%s: %w", c.Dir.Path("io.stat"), err)
		}
	}
	return ioCostSettings(c, b)
}

// addIO adds the values of a device whose names end with unit, and their sum. A
// device without values has none.
func addIO(list []cgroups.BlkioStatEntry, device cgroups.BlkioStatEntry, e cgread.Entry, unit string) ([]cgroups.BlkioStatEntry, error) {
	total := uint64(0)
	for _, op := range []struct{ prefix, name string }{{"r", "Read"}, {"w", "Write"}, {"d", "Discard"}} {
		if _, ok := e.Values[op.prefix+unit]; !ok {
			continue
		}
		value, err := e.Uint(op.prefix + unit)
		if err != nil {
			return nil, err
		}
		device.Op, device.Value = op.name, value
		list = append(list, device)
		total += value
	}
	if device.Op == "" {
		return list, nil
	}
	device.Op, device.Value = "Total", total
	return append(list, device), nil
}
