//go:build linux

package fs

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

// The range of cpu.shares, to which the kernel silently brings other values
// (MIN_SHARES and MAX_SHARES in kernel/sched).
const (
	minShares = 2
	maxShares = 1 << 18
)

const cpuIdle = "cpu.idle"

// cpu is the controller of CPU time, see sched-design-CFS.rst and
// sched-bwc.rst in the kernel's Documentation/scheduler.
type cpu struct{}

func (cpu) key() string { return "cpu" }

func (cpu) asks(r *configs.Resources) (request, string) {
	switch {
	case r.CpuShares != 0:
		return required, "CpuShares"
	case r.CpuQuota != 0:
		return required, "CpuQuota"
	case r.CpuPeriod != 0:
		return required, "CpuPeriod"
	case r.CpuBurst != nil && *r.CpuBurst != 0:
		return required, "CpuBurst"
	case r.CpuIdle != nil && *r.CpuIdle != 0:
		return required, "CpuIdle"
	case r.CpuRtRuntime != 0:
		return required, "CpuRtRuntime"
	case r.CpuRtPeriod != 0:
		return required, "CpuRtPeriod"
	}
	return nothing, ""
}

func (c cpu) set(s *setter, r *configs.Resources) error {
	if err := c.setSharesAndIdle(s, r); err != nil {
		return err
	}
	quota := cpuValue{"CpuQuota", "cpu.cfs_quota_us", r.CpuQuota}
	period := cpuValue{"CpuPeriod", "cpu.cfs_period_us", r.CpuPeriod}
	if err := setBandwidth(s, quota, period); err != nil {
		return err
	}
	if r.CpuBurst != nil {
		if err := s.Write("CpuBurst", "cpu.cfs_burst_us", strconv.FormatUint(*r.CpuBurst, 10)); err != nil && !unneeded(err, *r.CpuBurst == 0) {
			return err
		}
	}
	rtRuntime := cpuValue{"CpuRtRuntime", "cpu.rt_runtime_us", r.CpuRtRuntime}
	rtPeriod := cpuValue{"CpuRtPeriod", "cpu.rt_period_us", r.CpuRtPeriod}
	return setBandwidth(s, rtRuntime, rtPeriod)
}

// setSharesAndIdle writes cpu.shares and cpu.idle. The kernel refuses shares for a cgroup
// that is idle, so one that ends to be idle does that first.
func (c cpu) setSharesAndIdle(s *setter, r *configs.Resources) error {
	if r.CpuIdle != nil && *r.CpuIdle == 0 {
		if err := s.Write("CpuIdle", cpuIdle, "0"); err != nil && !unneeded(err, true) {
			return err
		}
	}
	if r.CpuShares != 0 {
		err := c.setShares(s, r.CpuShares)
		if idle, _ := cgread.OptionalUint(s.Dir, cpuIdle); errors.Is(err, unix.EINVAL) && idle == 1 {
			return fmt.Errorf("%w (the cgroup has CpuIdle 1, with which it can have no shares)", err)
		}
		if err != nil {
			return err
		}
	}
	if r.CpuIdle != nil && *r.CpuIdle != 0 {
		return s.Write("CpuIdle", cpuIdle, strconv.FormatInt(*r.CpuIdle, 10))
	}
	return nil
}

// setShares writes cpu.shares and reads it back, because the kernel changes a
// value that is out of range without telling.
func (cpu) setShares(s *setter, shares int64) error {
	const file = "cpu.shares"
	if shares < 0 {
		return fmt.Errorf("CpuShares %d is negative; it must be between %d and %d", shares, minShares, maxShares)
	}
	if err := s.Write("CpuShares", file, strconv.FormatInt(shares, 10)); err != nil {
		return err
	}
	got, err := cgread.Uint(s.Dir, file)
	if err != nil {
		return err
	}
	if got != uint64(shares) {
		return fmt.Errorf("CpuShares %d is out of range: the kernel made it %d in %s; it must be between %d and %d",
			shares, got, s.Dir.Path(file), minShares, maxShares)
	}
	return nil
}

// unneeded tells whether err says that the kernel does not have what is to be
// turned off.
func unneeded(err error, off bool) bool {
	return off && errors.Is(err, fs.ErrNotExist)
}

// cpuValue is a value in microseconds; 0 leaves the file alone.
type cpuValue struct {
	field, file string
	value       int64
}

func (v cpuValue) write(s *setter) error {
	if v.value == 0 {
		return nil
	}
	return s.Write(v.field, v.file, strconv.FormatInt(v.value, 10))
}

// setBandwidth writes a runtime and its period, which the kernel takes one at a
// time and checks together: their ratio must not exceed that of the parent
// cgroup. With a growing period the ratio shrinks at first if the period goes
// first; with a shrinking one, if the runtime does. Should that meet a limit in
// the other direction (a sub-cgroup's ratio), the other order is tried.
func setBandwidth(s *setter, runtime, period cpuValue) error {
	if runtime.value == 0 && period.value == 0 {
		return nil
	}
	if period.value < 0 {
		return fmt.Errorf("%s %d is negative", period.field, period.value)
	}
	if runtime.value < -1 {
		return fmt.Errorf("%s %d is negative; only -1, for no limit, may be", runtime.field, runtime.value)
	}
	first, second := period, runtime
	if runtime.value != 0 && period.value != 0 && shrinks(s.Dir, period) {
		first, second = runtime, period
	}
	err := first.write(s)
	if errors.Is(err, unix.EINVAL) && second.value != 0 {
		first, second = second, first
		err = first.write(s)
	}
	if err != nil {
		return err
	}
	return second.write(s)
}

// shrinks reports whether v is less than what its file holds.
func shrinks(dir *cgdir.Dir, v cpuValue) bool {
	text, err := dir.ReadFile(v.file)
	if err != nil {
		// Writing the file will tell why.
		return false
	}
	now, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return err == nil && v.value < now
}

func (cpu) stats(dir *cgdir.Dir, stats *cgroups.Stats) error {
	values, err := cgread.KeyValues(dir, "cpu.stat")
	if err != nil {
		return err
	}
	stats.CpuStats.ThrottlingData = cgroups.ThrottlingData{
		Periods:          values["nr_periods"],
		ThrottledPeriods: values["nr_throttled"],
		ThrottledTime:    values["throttled_time"],
	}
	return nil
}
