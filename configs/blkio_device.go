package configs

import "fmt"

// blockIODevice gives the types below their Major and Minor, and the JSON fields
// of those names.
type blockIODevice struct {
	// Major and Minor are the block device's numbers.
	Major int64 `json:"major"`
	Minor int64 `json:"minor"`
}

// WeightDevice is the share of a block device's time that the container gets
// relative to others.
type WeightDevice struct {
	blockIODevice

	// Weight is the container's share, 10 to 1000. 0 leaves it alone.
	Weight uint16 `json:"weight"`

	// LeafWeight is the share of the container's own processes against its child
	// cgroups, 10 to 1000. 0 leaves it alone. Cgroup v2 has no such thing.
	LeafWeight uint16 `json:"leafWeight"`
}

// NewWeightDevice returns a WeightDevice for the block device major:minor.
func NewWeightDevice(major, minor int64, weight, leafWeight uint16) *WeightDevice {
	return &WeightDevice{
		blockIODevice: blockIODevice{Major: major, Minor: minor},
		Weight:        weight,
		LeafWeight:    leafWeight,
	}
}

// WeightString returns what is written to blkio.weight_device, such as
// "8:0 500".
func (wd *WeightDevice) WeightString() string {
	return fmt.Sprintf("%d:%d %d", wd.Major, wd.Minor, wd.Weight)
}

// LeafWeightString returns what is written to blkio.leaf_weight_device, such as
// "8:0 500".
func (wd *WeightDevice) LeafWeightString() string {
	return fmt.Sprintf("%d:%d %d", wd.Major, wd.Minor, wd.LeafWeight)
}

// LatencyDevice protects the latency of a block device: while the container's
// operations take longer, cgroups beside it that have a higher target are slowed
// down.
type LatencyDevice struct {
	blockIODevice

	// Target is the latency in microseconds. 0 ends the protection.
	Target uint64 `json:"target"`
}

// NewLatencyDevice returns a LatencyDevice for the block device major:minor.
func NewLatencyDevice(major, minor int64, target uint64) *LatencyDevice {
	return &LatencyDevice{
		blockIODevice: blockIODevice{Major: major, Minor: minor},
		Target:        target,
	}
}

// String returns what is written to io.latency, such as "8:0 target=10000".
func (ld *LatencyDevice) String() string {
	return fmt.Sprintf("%d:%d target=%d", ld.Major, ld.Minor, ld.Target)
}

// ThrottleDevice is an upper limit for the use of a block device.
type ThrottleDevice struct {
	blockIODevice

	// Rate is in bytes per second or operations per second, depending on the
	// list that the device is in. 0 is no limit.
	Rate uint64 `json:"rate"`
}

// NewThrottleDevice returns a ThrottleDevice for the block device major:minor.
func NewThrottleDevice(major, minor int64, rate uint64) *ThrottleDevice {
	return &ThrottleDevice{
		blockIODevice: blockIODevice{Major: major, Minor: minor},
		Rate:          rate,
	}
}

// String returns what is written to the blkio.throttle.* files, such as
// "8:0 1048576".
func (td *ThrottleDevice) String() string {
	return fmt.Sprintf("%d:%d %d", td.Major, td.Minor, td.Rate)
}
