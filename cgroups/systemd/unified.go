//go:build linux

package systemd

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// unifiedProperties gives the properties for files of configs.Resources.Unified
// that systemd would write, too. A value that is not understood here is left to
// the kernel, which refuses it or not.
func unifiedProperties(files map[string]string) (list []property) {
	for _, file := range slices.Sorted(maps.Keys(files)) {
		value := strings.TrimSpace(files[file])
		if file == "cpu.max" {
			list = append(list, cpuMaxProperties(value)...)
			continue
		}
		p, ok := unifiedProperty(file)
		if !ok {
			continue
		}
		if p.value, ok = unifiedValue(file, value); ok {
			list = append(list, p)
		}
	}
	return list
}

// unifiedProperty gives the property for a file with a single value.
func unifiedProperty(file string) (property, bool) {
	switch file {
	case "cpu.weight":
		return property{name: "CPUWeight", since: sinceCPUWeight}, true
	case "cpuset.cpus":
		return property{name: "AllowedCPUs", since: sinceAllowedCPUs}, true
	case "cpuset.mems":
		return property{name: "AllowedMemoryNodes", since: sinceAllowedCPUs}, true
	case "memory.min":
		return property{name: "MemoryMin", since: sinceMemoryMin}, true
	case "memory.low":
		return property{name: "MemoryLow"}, true
	case "memory.high":
		return property{name: "MemoryHigh", late: true}, true
	case "memory.max":
		return property{name: "MemoryMax", late: true}, true
	case "memory.swap.max":
		return property{name: "MemorySwapMax", since: sinceSwapMax, late: true}, true
	case "memory.zswap.max":
		return property{name: "MemoryZSwapMax", since: sinceZSwapMax, late: true}, true
	case "pids.max":
		return property{name: "TasksMax", late: true}, true
	case "io.weight":
		return property{name: "IOWeight"}, true
	}
	return property{}, false
}

func unifiedValue(file, value string) (any, bool) {
	switch {
	case strings.HasPrefix(file, "cpuset."):
		mask, err := cpuMask(value)
		return mask, err == nil
	case file == "io.weight":
		value = strings.TrimSpace(strings.TrimPrefix(value, "default"))
	case value == "max":
		return infinity, true
	}
	number, err := strconv.ParseUint(value, 10, 64)
	return number, err == nil
}

// cpuMaxProperties are for "quota" or "quota period" in microseconds.
func cpuMaxProperties(value string) (list []property) {
	words := strings.Fields(value)
	if len(words) == 0 || len(words) > 2 {
		return nil
	}
	period := int64(defaultPeriod)
	if len(words) == 2 {
		var err error
		if period, err = strconv.ParseInt(words[1], 10, 64); err != nil || period <= 0 {
			return nil
		}
		list = append(list, property{name: "CPUQuotaPeriodUSec", value: uint64(period), since: sinceQuotaPeriod})
	}
	if words[0] == "max" {
		return append(list, property{name: "CPUQuotaPerSecUSec", value: infinity})
	}
	quota, err := strconv.ParseInt(words[0], 10, 64)
	if err != nil || quota <= 0 {
		return nil
	}
	return append(list, property{name: "CPUQuotaPerSecUSec", value: perSecondOf(quota, period)})
}
