//go:build linux

package cgv2

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	cpuWeight = "cpu.weight"
	cpuMax    = "cpu.max"
)

// cpu is the controller of CPU time.
type cpu struct{ plain }

func (cpu) name() string { return "cpu" }

func (cpu) asks(r *configs.Resources) (request, string) {
	switch {
	case r.CpuShares != 0:
		return required, "CpuShares"
	case r.CpuWeight != 0:
		return required, "CpuWeight"
	case r.CpuQuota > 0:
		return required, "CpuQuota"
	case r.CpuPeriod != 0:
		return required, "CpuPeriod"
	case r.CpuBurst != nil && *r.CpuBurst != 0:
		return required, "CpuBurst"
	case r.CpuIdle != nil && *r.CpuIdle != 0:
		return required, "CpuIdle"
	case r.CpuQuota < 0, r.CpuBurst != nil, r.CpuIdle != nil:
		// Without the controller that is how it is.
		return welcome, "CpuQuota"
	}
	return nothing, ""
}

func (cpu) v1Only(r *configs.Resources) (field, advice string) {
	const none = "there is no limit for realtime processes"
	switch {
	case r.CpuRtRuntime > 0:
		return "CpuRtRuntime", none
	case r.CpuRtPeriod != 0:
		return "CpuRtPeriod", none
	}
	return "", ""
}

func (cpu) v2Only(r *configs.Resources) string {
	if r.CpuWeight != 0 {
		return "CpuWeight"
	}
	return ""
}

func (c cpu) set(s *setter, r *configs.Resources) error {
	idle := func() error { return nil }
	if r.CpuIdle != nil {
		idle = func() error { return c.setIdle(s, *r.CpuIdle) }
	}
	weight := func() error { return c.setWeight(s, r) }
	first, second := weight, idle
	if r.CpuIdle != nil && *r.CpuIdle == 0 {
		first, second = idle, weight // the kernel refuses a weight of the idle
	}
	if err := first(); err != nil {
		return err
	}
	if err := second(); err != nil {
		return err
	}
	return c.setBandwidth(s, r)
}

func (cpu) setIdle(s *setter, idle int64) error {
	if err := s.needs("CpuIdle", cgfeature.CpuIdle); err != nil {
		if idle == 0 {
			return nil // the kernel has no idle cgroups
		}
		return err
	}
	return s.write("CpuIdle", string(cgfeature.CpuIdle), strconv.FormatInt(idle, 10))
}

func (cpu) setWeight(s *setter, r *configs.Resources) error {
	field, weight := "CpuWeight", r.CpuWeight
	if weight == 0 {
		if r.CpuShares == 0 {
			return nil
		}
		var err error
		if weight, err = cgroups.CpuWeight(r.CpuShares); err != nil {
			return err
		}
		field = "CpuShares"
	}
	err := s.write(field, cpuWeight, strconv.FormatUint(weight, 10))
	if idle, _ := cgread.OptionalUint(s.Dir, string(cgfeature.CpuIdle)); errors.Is(err, unix.EINVAL) && idle == 1 {
		return fmt.Errorf("%w (the cgroup has CpuIdle 1, with which it can have no weight)", err)
	}
	return err
}

// setBandwidth writes quota and burst. The kernel refuses a moment in which the
// burst exceeds the quota, so if the one order does not work the other does.
func (c cpu) setBandwidth(s *setter, r *configs.Resources) error {
	quota := func() error { return c.setQuota(s, r.CpuQuota, r.CpuPeriod) }
	if r.CpuBurst == nil {
		return quota()
	}
	burst := func() error { return c.setBurst(s, *r.CpuBurst) }
	first, second := quota, burst
	err := first()
	if errors.Is(err, unix.EINVAL) {
		first, second = second, first
		err = first()
	}
	if err != nil {
		return err
	}
	return second()
}

func (cpu) setBurst(s *setter, burst uint64) error {
	if err := s.needs("CpuBurst", cgfeature.CpuBurst); err != nil {
		if burst == 0 {
			return nil
		}
		return err
	}
	return s.write("CpuBurst", string(cgfeature.CpuBurst), strconv.FormatUint(burst, 10))
}

// setQuota writes cpu.max, "quota period". The kernel keeps the period if only the
// quota is written; a quota to be kept has to be written again.
func (cpu) setQuota(s *setter, quota, period int64) error {
	if quota < -1 || period < 0 {
		return fmt.Errorf("CpuQuota %d or CpuPeriod %d is negative; only a quota of -1, for no limit, may be", quota, period)
	}
	field, value := "CpuQuota", strconv.FormatInt(quota, 10)
	switch quota {
	case -1:
		value = cgread.NoLimit
	case 0:
		if period == 0 {
			return nil
		}
		text, err := s.Dir.ReadFile(cpuMax)
		if err != nil {
			return s.explain("CpuPeriod", cpuMax, err)
		}
		field = "CpuPeriod"
		value, _, _ = strings.Cut(strings.TrimSpace(text), " ")
	}
	if period != 0 {
		value += " " + strconv.FormatInt(period, 10)
	}
	return s.write(field, cpuMax, value)
}

// cpuStats reads cpu.stat, which is there without the controller, but for what is
// about bandwidth.
func cpuStats(c *Cgroup, stats *cgroups.Stats) error {
	values, err := cgread.KeyValues(c.Dir, "cpu.stat")
	if err != nil {
		return err
	}
	const perMicrosecond = 1000
	stats.CpuStats.CpuUsage = cgroups.CpuUsage{
		TotalUsage:        values["usage_usec"] * perMicrosecond,
		UsageInUsermode:   values["user_usec"] * perMicrosecond,
		UsageInKernelmode: values["system_usec"] * perMicrosecond,
	}
	stats.CpuStats.ThrottlingData = cgroups.ThrottlingData{
		Periods:          values["nr_periods"],
		ThrottledPeriods: values["nr_throttled"],
		ThrottledTime:    values["throttled_usec"] * perMicrosecond,
		Bursts:           values["nr_bursts"],
		BurstTime:        values["burst_usec"] * perMicrosecond,
	}
	return nil
}
