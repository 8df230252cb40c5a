package validate

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

func resources(r *configs.Resources) error {
	for _, check := range []func(*configs.Resources) error{
		resourceDevices,
		resourceMemory,
		resourceCPU,
		resourcePids,
		resourceBlkio,
		resourceFreezer,
		resourceHugetlb,
		resourceNetwork,
		resourceUnified,
	} {
		if err := check(r); err != nil {
			return err
		}
	}
	return nil
}

func resourceDevices(r *configs.Resources) error {
	if err := deviceRules("Cgroups.AllowedDevices", r.AllowedDevices); err != nil {
		return err
	}
	if err := deviceRules("Cgroups.DeniedDevices", r.DeniedDevices); err != nil {
		return err
	}
	return orderedDeviceRules("Cgroups.DeviceRules", r.DeviceRules)
}

func resourceMemory(r *configs.Resources) error {
	for _, limit := range []struct {
		field string
		value int64
	}{
		{"Cgroups.Memory", r.Memory},
		{"Cgroups.MemoryReservation", r.MemoryReservation},
		{"Cgroups.MemorySwap", r.MemorySwap},
		{"Cgroups.KernelMemory", r.KernelMemory},
		{"Cgroups.KernelMemoryTCP", r.KernelMemoryTCP},
		{"Cgroups.MemoryMin", r.MemoryMin},
		{"Cgroups.MemoryLow", r.MemoryLow},
		{"Cgroups.MemoryHigh", r.MemoryHigh},
	} {
		if err := atLeast(limit.field, limit.value, -1); err != nil {
			return err
		}
	}
	if r.MemorySwap > 0 && r.MemorySwap < r.Memory {
		return fmt.Errorf("Cgroups.MemorySwap %d is memory and swap together and below Memory %d", r.MemorySwap, r.Memory)
	}
	return inRange("Cgroups.MemorySwappiness", r.MemorySwappiness, -1, 100)
}

// resourceCPU checks quota and period against the kernel's sched-bwc document:
// a period is 1 ms to 1 s, a quota at least 1 ms.
func resourceCPU(r *configs.Resources) error {
	if err := atLeast("Cgroups.CpuShares", r.CpuShares, 0); err != nil {
		return err
	}
	if r.CpuWeight != 0 {
		if err := inRange("Cgroups.CpuWeight", int64(min(r.CpuWeight, math.MaxInt64)), 1, 10000); err != nil {
			return err
		}
	}
	if r.CpuIdle != nil {
		if err := inRange("Cgroups.CpuIdle", *r.CpuIdle, 0, 1); err != nil {
			return err
		}
	}
	if r.CpuQuota != 0 && r.CpuQuota != -1 {
		if err := atLeast("Cgroups.CpuQuota", r.CpuQuota, 1000); err != nil {
			return err
		}
	}
	if r.CpuPeriod != 0 {
		if err := inRange("Cgroups.CpuPeriod", r.CpuPeriod, 1000, 1000000); err != nil {
			return err
		}
	}
	if err := atLeast("Cgroups.CpuRtRuntime", r.CpuRtRuntime, -1); err != nil {
		return err
	}
	if err := atLeast("Cgroups.CpuRtPeriod", r.CpuRtPeriod, 0); err != nil {
		return err
	}
	if r.CpuRtPeriod > 0 && r.CpuRtRuntime > r.CpuRtPeriod {
		return fmt.Errorf("Cgroups.CpuRtRuntime %d is above CpuRtPeriod %d", r.CpuRtRuntime, r.CpuRtPeriod)
	}
	if err := line("Cgroups.CpusetCpus", r.CpusetCpus); err != nil {
		return err
	}
	return line("Cgroups.CpusetMems", r.CpusetMems)
}

func resourcePids(r *configs.Resources) error {
	return atLeast("Cgroups.PidsLimit", r.PidsLimit, -1)
}

func resourceBlkio(r *configs.Resources) error {
	if err := blkioWeight("Cgroups.BlkioWeight", r.BlkioWeight); err != nil {
		return err
	}
	if err := blkioWeight("Cgroups.BlkioLeafWeight", r.BlkioLeafWeight); err != nil {
		return err
	}
	for i, d := range r.BlkioWeightDevice {
		if err := weightDevice(fmt.Sprintf("Cgroups.BlkioWeightDevice[%d]", i), d); err != nil {
			return err
		}
	}
	for i, d := range r.IoLatencyDevice {
		field := fmt.Sprintf("Cgroups.IoLatencyDevice[%d]", i)
		if d == nil {
			return fmt.Errorf("%s %w", field, errNil)
		}
		if err := deviceNumbers(field, d.Major, d.Minor, 0); err != nil {
			return err
		}
	}
	for _, throttle := range []struct {
		field string
		list  []*configs.ThrottleDevice
	}{
		{"Cgroups.BlkioThrottleReadBpsDevice", r.BlkioThrottleReadBpsDevice},
		{"Cgroups.BlkioThrottleWriteBpsDevice", r.BlkioThrottleWriteBpsDevice},
		{"Cgroups.BlkioThrottleReadIOPSDevice", r.BlkioThrottleReadIOPSDevice},
		{"Cgroups.BlkioThrottleWriteIOPSDevice", r.BlkioThrottleWriteIOPSDevice},
	} {
		if err := throttleDevices(throttle.field, throttle.list); err != nil {
			return err
		}
	}
	return nil
}

// blkioWeight checks a weight as the kernel's blkio-controller document has it.
func blkioWeight(field string, weight uint16) error {
	if weight == 0 {
		return nil
	}
	return inRange(field, int64(weight), 10, 1000)
}

func weightDevice(field string, d *configs.WeightDevice) error {
	if d == nil {
		return fmt.Errorf("%s %w", field, errNil)
	}
	if err := deviceNumbers(field, d.Major, d.Minor, 0); err != nil {
		return err
	}
	if err := blkioWeight(field+".Weight", d.Weight); err != nil {
		return err
	}
	return blkioWeight(field+".LeafWeight", d.LeafWeight)
}

func throttleDevices(field string, list []*configs.ThrottleDevice) error {
	for i, d := range list {
		item := fmt.Sprintf("%s[%d]", field, i)
		if d == nil {
			return fmt.Errorf("%s %w", item, errNil)
		}
		if err := deviceNumbers(item, d.Major, d.Minor, 0); err != nil {
			return err
		}
	}
	return nil
}

func resourceFreezer(r *configs.Resources) error {
	switch r.Freezer {
	case configs.Undefined, configs.Frozen, configs.Thawed:
		return nil
	}
	return invalid("Cgroups.Freezer", string(r.Freezer), errors.New("is not a state of the freezer"))
}

func resourceHugetlb(r *configs.Resources) error {
	for i, limit := range r.HugetlbLimit {
		field := fmt.Sprintf("Cgroups.HugetlbLimit[%d]", i)
		if limit == nil {
			return fmt.Errorf("%s %w", field, errNil)
		}
		if !isPageSize(limit.Pagesize) {
			return invalid(field+".Pagesize", limit.Pagesize, errors.New(`is not a page size, such as "2MB"`))
		}
	}
	return nil
}

// isPageSize tells whether the size is as in the names of the kernel's files,
// hugetlb.2MB.limit_in_bytes.
func isPageSize(size string) bool {
	for _, unit := range []string{"KB", "MB", "GB"} {
		if digits, ok := strings.CutSuffix(size, unit); ok {
			return isDigits(digits) && digits[0] != '0'
		}
	}
	return false
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

func resourceNetwork(r *configs.Resources) error {
	if r.NetClsClassid != "" && !isClassid(r.NetClsClassid) {
		return invalid("Cgroups.NetClsClassid", r.NetClsClassid, errors.New("is not a decimal or 0x-prefixed hexadecimal 32-bit number"))
	}
	for i, p := range r.NetPrioIfpriomap {
		field := fmt.Sprintf("Cgroups.NetPrioIfpriomap[%d]", i)
		if p == nil {
			return fmt.Errorf("%s %w", field, errNil)
		}
		if err := interfaceName(field+".Interface", p.Interface); err != nil {
			return err
		}
		if err := inRange(field+".Priority", p.Priority, 0, math.MaxUint32); err != nil {
			return err
		}
	}
	return nil
}

func isClassid(value string) bool {
	digits, base := value, 10
	if hex, ok := strings.CutPrefix(strings.ToLower(value), "0x"); ok {
		digits, base = hex, 16
	}
	_, err := strconv.ParseUint(digits, base, 32)
	return err == nil
}
