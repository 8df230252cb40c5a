//go:build linux

package systemd

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// infinity is how systemd takes "no limit".
const infinity = uint64(math.MaxUint64)

// The versions of systemd that properties came in, see "History" in
// systemd.resource-control(5) and systemd's NEWS. The oldest that is supported is
// 231, which has the properties for cgroup v2.
const (
	oldestVersion      = 231
	sinceSwapMax       = 232
	sinceCPUWeight     = 232
	sinceCollectMode   = 236
	sinceMemoryMin     = 240
	sinceIOLatency     = 240
	sinceQuotaPeriod   = 242
	sinceAllowedCPUs   = 244
	sinceCPUIdle       = 252
	sinceScopeOOM      = 253
	sinceZSwapMax      = 253
	withoutLegacyProps = 258
)

// property is a property of a unit for a field of configs.Resources.
type property struct {
	name  string
	value any

	// since is the version that has it, 0 for all that are supported.
	since int

	// late says that the set-up of a container must not meet it.
	late bool
}

// deviceValue is an element of a property with a value for each device.
type deviceValue struct {
	Path  string
	Value uint64
}

// properties gives what systemd has to know of r, so that it does not put other
// values in the place of those that were written to the cgroup's files, as it does
// when it reads its configuration again. What systemd has no property for it leaves
// alone. The former limits are those in force; some of r can only be understood
// with them.
func properties(r, former *configs.Resources, layout cgroups.Layout, version int) ([]property, error) {
	var list []property
	var err error
	if layout == cgroups.LayoutV2 {
		list, err = unifiedLayoutProperties(r, former)
	} else {
		list = legacyProperties(r, version)
	}
	if err != nil {
		return nil, err
	}
	if r.PidsLimit != 0 {
		list = append(list, property{name: "TasksMax", value: limitValue(r.PidsLimit), late: true})
	}
	quota, err := quotaProperties(r, former)
	if err != nil {
		return nil, err
	}
	list = append(list, quota...)
	return slices.DeleteFunc(list, func(p property) bool { return version < p.since }), nil
}

// legacyProperties are those of cgroup v1's own, which systemd 258 has no more.
func legacyProperties(r *configs.Resources, version int) (list []property) {
	add := func(name string, value any) { list = append(list, property{name: name, value: value}) }
	if r.Memory != 0 {
		list = append(list, property{name: "MemoryMax", value: limitValue(r.Memory), late: true})
	}
	if version >= withoutLegacyProps {
		return list
	}
	if r.CpuShares != 0 {
		add("CPUShares", uint64(r.CpuShares))
	}
	if r.BlkioWeight != 0 {
		add("BlockIOWeight", uint64(r.BlkioWeight))
	}
	if weights := deviceWeights(r, func(w uint16) uint64 { return uint64(w) }); len(weights) > 0 {
		add("BlockIODeviceWeight", weights)
	}
	if limits := throttles(r.BlkioThrottleReadBpsDevice); len(limits) > 0 {
		add("BlockIOReadBandwidth", limits)
	}
	if limits := throttles(r.BlkioThrottleWriteBpsDevice); len(limits) > 0 {
		add("BlockIOWriteBandwidth", limits)
	}
	return list
}

// unifiedLayoutProperties are those of cgroup v2. Rules for devices are not among
// them: they are in a program that systemd leaves alone, see package
// cgroups/devices.
func unifiedLayoutProperties(r, former *configs.Resources) ([]property, error) {
	list, err := weightProperties(r)
	if err != nil {
		return nil, err
	}
	for _, p := range []struct {
		name string
		text string
	}{{"AllowedCPUs", r.CpusetCpus}, {"AllowedMemoryNodes", r.CpusetMems}} {
		if p.text == "" {
			continue
		}
		if mask, err := cpuMask(p.text); err == nil { // else the kernel says what is wrong
			list = append(list, property{name: p.name, value: mask, since: sinceAllowedCPUs})
		}
	}
	list = append(list, memoryProperties(r, former)...)
	list = append(list, ioProperties(r)...)
	return append(list, unifiedProperties(r.Unified)...), nil
}

func weightProperties(r *configs.Resources) ([]property, error) {
	weight := r.CpuWeight
	if weight == 0 && r.CpuShares != 0 {
		var err error
		if weight, err = cgroups.CpuWeight(r.CpuShares); err != nil {
			return nil, err
		}
	}
	if r.CpuIdle != nil && *r.CpuIdle == 1 {
		// systemd takes the weight 0 for idle.
		return []property{{name: "CPUWeight", value: uint64(0), since: sinceCPUIdle}}, nil
	}
	if weight == 0 {
		return nil, nil
	}
	return []property{{name: "CPUWeight", value: weight, since: sinceCPUWeight}}, nil
}

func memoryProperties(r, former *configs.Resources) (list []property) {
	low := r.MemoryLow
	if low == 0 {
		low = r.MemoryReservation
	}
	for _, p := range []struct {
		property
		limit int64
	}{
		{property{name: "MemoryMin", since: sinceMemoryMin}, protectionOf(r.MemoryMin)},
		{property{name: "MemoryLow"}, protectionOf(low)},
		{property{name: "MemoryHigh", late: true}, r.MemoryHigh},
		{property{name: "MemoryMax", late: true}, r.Memory},
	} {
		if p.limit == 0 {
			continue
		}
		p.value = limitValue(p.limit)
		if p.limit == noProtection {
			p.value = uint64(0)
		}
		list = append(list, p.property)
	}
	if r.MemorySwap == 0 {
		return list
	}
	memory := r.Memory
	if memory == 0 && former != nil {
		memory = former.Memory
	}
	if swap, err := cgroups.SwapMax(r.MemorySwap, memory); err == nil { // else the cgroup's files tell
		list = append(list, property{name: "MemorySwapMax", value: limitValue(swap), since: sinceSwapMax, late: true})
	}
	return list
}

// noProtection asks for none, which is -1 in a configuration and 0 for the kernel.
const noProtection = math.MinInt64

func protectionOf(value int64) int64 {
	if value == -1 {
		return noProtection
	}
	return value
}

func ioProperties(r *configs.Resources) (list []property) {
	weight := func(w uint16) uint64 {
		converted, err := cgroups.IoWeight(w)
		if err != nil {
			return 0
		}
		return converted
	}
	if w := weight(r.BlkioWeight); w != 0 {
		list = append(list, property{name: "IOWeight", value: w})
	}
	if weights := deviceWeights(r, weight); len(weights) > 0 {
		list = append(list, property{name: "IODeviceWeight", value: weights})
	}
	for _, p := range []struct {
		name    string
		devices []*configs.ThrottleDevice
	}{
		{"IOReadBandwidthMax", r.BlkioThrottleReadBpsDevice},
		{"IOWriteBandwidthMax", r.BlkioThrottleWriteBpsDevice},
		{"IOReadIOPSMax", r.BlkioThrottleReadIOPSDevice},
		{"IOWriteIOPSMax", r.BlkioThrottleWriteIOPSDevice},
	} {
		if limits := throttles(p.devices); len(limits) > 0 {
			list = append(list, property{name: p.name, value: limits})
		}
	}
	var targets []deviceValue
	for _, d := range r.IoLatencyDevice {
		if d != nil {
			targets = append(targets, deviceValue{blockPath(d.Major, d.Minor), d.Target})
		}
	}
	if len(targets) > 0 {
		list = append(list, property{name: "IODeviceLatencyTargetUSec", value: targets, since: sinceIOLatency})
	}
	return list
}

func deviceWeights(r *configs.Resources, convert func(uint16) uint64) (list []deviceValue) {
	for _, d := range r.BlkioWeightDevice {
		if d == nil {
			continue
		}
		if w := convert(d.Weight); w != 0 {
			list = append(list, deviceValue{blockPath(d.Major, d.Minor), w})
		}
	}
	return list
}

// throttles gives limits by device. A rate of 0 takes a limit away.
func throttles(devices []*configs.ThrottleDevice) (list []deviceValue) {
	for _, d := range devices {
		if d == nil {
			continue
		}
		rate := d.Rate
		if rate == 0 {
			rate = infinity
		}
		list = append(list, deviceValue{blockPath(d.Major, d.Minor), rate})
	}
	return list
}

// blockPath names a device by its number. systemd reads the number from the path,
// see "DeviceAllow=" in systemd.resource-control(5).
func blockPath(major, minor int64) string { return fmt.Sprintf("/dev/block/%d:%d", major, minor) }

// limitValue is how systemd takes a limit of which -1 is none.
func limitValue(limit int64) uint64 {
	if limit < 0 {
		return infinity
	}
	return uint64(limit)
}

// defaultPeriod is the kernel's period of a quota in microseconds.
const defaultPeriod = 100000

// quotaProperties are the processor time for each second, and the period of the
// quota. Rounding up makes systemd come to the same quota again.
func quotaProperties(r, former *configs.Resources) (list []property, err error) {
	if r.CpuQuota < -1 || r.CpuPeriod < 0 {
		return nil, fmt.Errorf("CpuQuota %d or CpuPeriod %d is negative; only a quota of -1, for no limit, may be", r.CpuQuota, r.CpuPeriod)
	}
	quota, period := r.CpuQuota, r.CpuPeriod
	if former != nil && period == 0 {
		period = former.CpuPeriod
	}
	if former != nil && quota == 0 && r.CpuPeriod != 0 {
		quota = former.CpuQuota // the time for each second depends on both
	}
	if period == 0 {
		period = defaultPeriod
	}
	if quota != 0 {
		perSecond := infinity
		if quota > 0 {
			perSecond = perSecondOf(quota, period)
		}
		list = append(list, property{name: "CPUQuotaPerSecUSec", value: perSecond})
	}
	if r.CpuPeriod != 0 {
		list = append(list, property{name: "CPUQuotaPeriodUSec", value: uint64(r.CpuPeriod), since: sinceQuotaPeriod})
	}
	return list, nil
}

func perSecondOf(quota, period int64) uint64 {
	product := new(big.Int).Mul(big.NewInt(quota), big.NewInt(1e6))
	product.Add(product, big.NewInt(period-1))
	product.Quo(product, big.NewInt(period))
	if !product.IsUint64() {
		return infinity
	}
	return product.Uint64()
}

// cpuMask makes a mask of a list such as "0-3,7": bit n%8 of byte n/8 is for n.
func cpuMask(list string) ([]byte, error) {
	const most = 1 << 16
	var mask []byte
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		if !isRange {
			last = first
		}
		from, err := strconv.ParseUint(first, 10, 32)
		if err != nil {
			return nil, err
		}
		to, err := strconv.ParseUint(last, 10, 32)
		if err != nil {
			return nil, err
		}
		if to < from || to >= most {
			return nil, fmt.Errorf("%q is not a range below %d", part, most)
		}
		for n := from; n <= to; n++ {
			for uint64(len(mask)) <= n/8 {
				mask = append(mask, 0)
			}
			mask[n/8] |= 1 << (n % 8)
		}
	}
	return mask, nil
}

// pick gives the properties that are late, or those that are not, as systemd takes
// them.
func pick(list []property, late bool) (out []sd.Property) {
	for _, p := range list {
		if p.late == late {
			out = append(out, sd.Property{Name: p.name, Value: dbus.MakeVariant(p.value)})
		}
	}
	return out
}

// names lists properties for errors.
func names(props []sd.Property) string {
	var list []string
	for _, p := range props {
		list = append(list, p.Name)
	}
	return strings.Join(list, ", ")
}
