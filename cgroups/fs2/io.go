//go:build linux

package fs2

import (
	"errors"
	"fmt"
	"io/fs"
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

// resetOf returns what brings a line of a file with a line a key back to its default.
func resetOf(file string) string {
	switch file {
	case ioMax:
		return "rbps=max wbps=max riops=max wiops=max"
	case ioLatency:
		return "target=0"
	case ioWeight, ioBfqWeight:
		return "default"
	case rdmaMax:
		return "hca_handle=max hca_object=max"
	}
	return cgread.NoLimit
}

// io is the controller of block I/O.
//
// A weight counts where a device's scheduler is BFQ (io.bfq.weight), or where
// iocost is at work (io.weight); both are written where the kernel has both.
type io struct{}

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

func (io) stats(r *reader, stats *cgroups.Stats) error {
	entries, err := cgread.Nested(r.dir, "io.stat")
	if err != nil {
		return err
	}
	b := &stats.BlkioStats
	for _, e := range entries {
		var device cgroups.BlkioStatEntry
		if device.Major, device.Minor, err = cgread.DeviceNumber(e.Key); err != nil {
			return fmt.Errorf("%s: %w", r.dir.Path("io.stat"), err)
		}
		if b.IoServiceBytesRecursive, err = addIO(b.IoServiceBytesRecursive, device, e, "bytes"); err != nil {
			return err
		}
		if b.IoServicedRecursive, err = addIO(b.IoServicedRecursive, device, e, "ios"); err != nil {
			return err
		}
	}
	return nil
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
