//go:build linux

package fs

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

// blkio is the controller of block I/O, see cgroup-v1/blkio-controller.rst.
//
// Weights are the business of an I/O scheduler. CFQ, which is gone since Linux
// 5.0, had blkio.weight; BFQ has blkio.bfq.weight, and that only while a device
// uses it.
type blkio struct{}

func (blkio) key() string { return "blkio" }

func (blkio) asks(r *configs.Resources) (request, string) {
	switch {
	case r.BlkioWeight != 0:
		return required, "BlkioWeight"
	case r.BlkioLeafWeight != 0:
		return required, "BlkioLeafWeight"
	case len(r.BlkioWeightDevice) > 0:
		return required, "BlkioWeightDevice"
	}
	for _, list := range throttleLists(r) {
		if len(list.devices) > 0 {
			return required, list.field
		}
	}
	return nothing, ""
}

// throttleList is a list of limits and the file they go to.
type throttleList struct {
	field, file string
	devices     []*configs.ThrottleDevice
}

func throttleLists(r *configs.Resources) []throttleList {
	return []throttleList{
		{"BlkioThrottleReadBpsDevice", "blkio.throttle.read_bps_device", r.BlkioThrottleReadBpsDevice},
		{"BlkioThrottleWriteBpsDevice", "blkio.throttle.write_bps_device", r.BlkioThrottleWriteBpsDevice},
		{"BlkioThrottleReadIOPSDevice", "blkio.throttle.read_iops_device", r.BlkioThrottleReadIOPSDevice},
		{"BlkioThrottleWriteIOPSDevice", "blkio.throttle.write_iops_device", r.BlkioThrottleWriteIOPSDevice},
	}
}

func (c blkio) set(s *setter, r *configs.Resources) error {
	if r.BlkioWeight != 0 {
		file := firstExisting(s.Dir, "blkio.weight", "blkio.bfq.weight")
		if err := s.Write("BlkioWeight", file, strconv.Itoa(int(r.BlkioWeight))); err != nil {
			return err
		}
	}
	if r.BlkioLeafWeight != 0 {
		if err := s.Write("BlkioLeafWeight", "blkio.leaf_weight", strconv.Itoa(int(r.BlkioLeafWeight))); err != nil {
			return err
		}
	}
	if err := c.setWeightDevices(s, r.BlkioWeightDevice); err != nil {
		return err
	}
	for _, list := range throttleLists(r) {
		if err := c.setThrottle(s, list); err != nil {
			return err
		}
	}
	return nil
}

// firstExisting returns the first of names that dir has, or the first of all,
// for an error message.
func firstExisting(dir *cgdir.Dir, names ...string) string {
	for _, name := range names {
		if dir.Exists(name) {
			return name
		}
	}
	return names[0]
}

func (blkio) setWeightDevices(s *setter, list []*configs.WeightDevice) error {
	for i, d := range list {
		field := fmt.Sprintf("BlkioWeightDevice[%d]", i)
		if d == nil {
			return fmt.Errorf("%s is nil", field)
		}
		if d.Weight != 0 {
			file := firstExisting(s.Dir, "blkio.weight_device", "blkio.bfq.weight_device")
			if err := s.WriteOnly(field+".Weight", file, d.WeightString()); err != nil {
				return err
			}
		}
		if d.LeafWeight != 0 {
			if err := s.WriteOnly(field+".LeafWeight", "blkio.leaf_weight_device", d.LeafWeightString()); err != nil {
				return err
			}
		}
	}
	return nil
}

// setThrottle writes the limits of a list, one device a write. A rate of 0
// removes a device's limit.
func (blkio) setThrottle(s *setter, list throttleList) error {
	if len(list.devices) == 0 {
		return nil
	}
	f, err := s.Dir.OpenFile(list.file, unix.O_WRONLY)
	if err != nil {
		return s.Explain(list.field, list.file, err)
	}
	defer f.Close()
	for i, d := range list.devices {
		if d == nil {
			return fmt.Errorf("%s[%d] is nil", list.field, i)
		}
		if err := f.Write(d.String() + "\n"); err != nil {
			return s.Explain(fmt.Sprintf("%s[%d]", list.field, i), list.file, err)
		}
	}
	return nil
}

// stats reads the values with those of sub-cgroups. The first file of a row
// which exists and has values is used: BFQ's, CFQ's of old kernels, and for
// bytes and operations those of the throttling layer, which all devices have.
func (blkio) stats(dir *cgdir.Dir, stats *cgroups.Stats) error {
	b := &stats.BlkioStats
	for _, row := range []struct {
		entries *[]cgroups.BlkioStatEntry
		files   []string
	}{
		{&b.IoServiceBytesRecursive, []string{"blkio.bfq.io_service_bytes_recursive", "blkio.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_service_bytes"}},
		{&b.IoServicedRecursive, []string{"blkio.bfq.io_serviced_recursive", "blkio.io_serviced_recursive", "blkio.throttle.io_serviced_recursive", "blkio.throttle.io_serviced"}},
		{&b.IoQueuedRecursive, []string{"blkio.bfq.io_queued_recursive", "blkio.io_queued_recursive"}},
		{&b.IoServiceTimeRecursive, []string{"blkio.bfq.io_service_time_recursive", "blkio.io_service_time_recursive"}},
		{&b.IoWaitTimeRecursive, []string{"blkio.bfq.io_wait_time_recursive", "blkio.io_wait_time_recursive"}},
		{&b.IoMergedRecursive, []string{"blkio.bfq.io_merged_recursive", "blkio.io_merged_recursive"}},
		{&b.IoTimeRecursive, []string{"blkio.bfq.time_recursive", "blkio.time_recursive"}},
		{&b.SectorsRecursive, []string{"blkio.bfq.sectors_recursive", "blkio.sectors_recursive"}},
	} {
		entries, err := firstBlkio(dir, row.files)
		if err != nil {
			return err
		}
		*row.entries = entries
	}
	return nil
}

// firstBlkio returns the entries of the first file that has any.
func firstBlkio(dir *cgdir.Dir, files []string) ([]cgroups.BlkioStatEntry, error) {
	for _, file := range files {
		entries, err := cgread.Blkio(dir, file)
		if err != nil {
			return nil, err
		}
		if len(entries) > 0 {
			return entries, nil
		}
	}
	return nil, nil
}
