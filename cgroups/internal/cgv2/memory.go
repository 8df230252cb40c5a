//go:build linux

package cgv2

import (
	"fmt"
	"maps"
	"math"
	"os"
	"strconv"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	memoryMax     = "memory.max"
	memoryHigh    = "memory.high"
	memoryLow     = "memory.low"
	memoryMin     = "memory.min"
	memoryCurrent = "memory.current"
	memoryEvents  = "memory.events"
	swapMax       = "memory.swap.max"
	swapCurrent   = "memory.swap.current"
)

// memory is the controller of memory.
type memory struct{ plain }

func (memory) name() string { return "memory" }

func (memory) asks(r *configs.Resources) (request, string) {
	wish, field := nothing, ""
	for _, limit := range []struct {
		field string
		value int64
	}{
		{"Memory", r.Memory},
		{"MemorySwap", r.MemorySwap},
		{"MemoryReservation", r.MemoryReservation},
		{"MemoryMin", r.MemoryMin},
		{"MemoryLow", r.MemoryLow},
		{"MemoryHigh", r.MemoryHigh},
	} {
		switch {
		case limit.value == -1 && wish == nothing:
			// Without the controller there is no limit either.
			wish, field = welcome, limit.field
		case limit.value != 0 && limit.value != -1:
			return required, limit.field
		}
	}
	return wish, field
}

func (memory) v1Only(r *configs.Resources) (field, advice string) {
	switch {
	case r.KernelMemory > 0:
		return "KernelMemory", "the kernel's memory is a part of Memory there"
	case r.KernelMemoryTCP > 0:
		return "KernelMemoryTCP", "buffers of TCP connections are a part of Memory there"
	case r.OomKillDisable:
		return "OomKillDisable", "MemoryHigh slows processes down without killing them"
	case r.MemorySwappiness > 0:
		return "MemorySwappiness", "the machine's vm.swappiness holds for all"
	}
	return "", ""
}

func (memory) v2Only(r *configs.Resources) string {
	switch {
	case r.MemoryMin > 0:
		return "MemoryMin"
	case r.MemoryLow > 0:
		return "MemoryLow"
	case r.MemoryHigh > 0:
		return "MemoryHigh"
	}
	return ""
}

func (memory) late() []string { return []string{memoryMax, memoryHigh, swapMax, "memory.swap.high"} }

func (c memory) set(s *setter, r *configs.Resources) error {
	for _, limit := range []int64{r.Memory, r.MemorySwap, r.MemoryReservation, r.MemoryMin, r.MemoryLow, r.MemoryHigh} {
		if limit < -1 {
			return fmt.Errorf("the memory limit %d is negative; only -1, for no limit, may be", limit)
		}
	}
	if err := c.setProtection(s, r); err != nil {
		return err
	}
	if r.MemoryHigh != 0 {
		if err := s.writeLate("MemoryHigh", memoryHigh, limitText(r.MemoryHigh)); err != nil {
			return err
		}
	}
	return c.setLimits(s, r)
}

// setProtection writes memory.min and memory.low. None is 0 there.
func (memory) setProtection(s *setter, r *configs.Resources) error {
	low := protection{"MemoryLow", memoryLow, r.MemoryLow}
	if low.value == 0 {
		low = protection{"MemoryReservation", memoryLow, r.MemoryReservation}
	}
	for _, p := range []protection{{"MemoryMin", memoryMin, r.MemoryMin}, low} {
		if p.value == 0 {
			continue
		}
		if err := s.write(p.field, p.file, strconv.FormatInt(max(p.value, 0), 10)); err != nil {
			return err
		}
	}
	return nil
}

type protection struct {
	field, file string
	value       int64
}

// setLimits writes the limits of memory and of swap, whose order does not matter
// to the kernel.
func (c memory) setLimits(s *setter, r *configs.Resources) error {
	if r.Memory > 0 && r.MemoryCheckBeforeUpdate {
		if err := c.checkUsage(s, r.Memory); err != nil {
			return err
		}
	}
	if r.MemorySwap != 0 {
		if err := c.setSwap(s, r); err != nil {
			return err
		}
	}
	if r.Memory == 0 {
		return nil
	}
	return s.writeLate("Memory", memoryMax, limitText(r.Memory))
}

// checkUsage refuses a limit below what is used, which the kernel would reach by
// killing.
func (memory) checkUsage(s *setter, limit int64) error {
	usage, err := cgread.Uint(s.Dir, memoryCurrent)
	if err != nil {
		return s.explain("MemoryCheckBeforeUpdate", memoryCurrent, err)
	}
	if usage > uint64(limit) {
		return fmt.Errorf("the limit Memory of %d bytes is below what is used, %d bytes (%s)", limit, usage, s.Dir.Path(memoryCurrent))
	}
	return nil
}

// setSwap writes the limit of swap alone.
func (memory) setSwap(s *setter, r *configs.Resources) error {
	limit := r.Memory
	if limit == 0 && r.MemorySwap > 0 {
		now, err := cgread.Max(s.Dir, memoryMax)
		if err != nil {
			return s.explain("MemorySwap", memoryMax, err)
		}
		limit = -1
		if now <= math.MaxInt64 {
			limit = int64(now)
		}
	}
	swap, err := cgroups.SwapMax(r.MemorySwap, limit)
	if err != nil {
		return err
	}
	return s.writeLate("MemorySwap", swapMax, limitText(swap))
}

// limitText is how the kernel takes a limit.
func limitText(limit int64) string {
	if limit < 0 {
		return cgread.NoLimit
	}
	return strconv.FormatInt(limit, 10)
}

func (memory) stats(c *Cgroup, stats *cgroups.Stats) error {
	m := &stats.MemoryStats
	values, err := cgread.KeyValues(c.Dir, "memory.stat")
	if err != nil {
		return err
	}
	if !isRoot(c.Dir) { // for that the kernel counts no more
		if err := readLimited(c, m); err != nil {
			return err
		}
	}
	m.KernelUsage.Usage = kernelMemory(values)
	m.Cache = values["file"]
	m.Stats = maps.Clone(values)
	m.Stats["cache"], m.Stats["rss"], m.Stats["mapped_file"] = values["file"], values["anon"], values["file_mapped"]
	m.Stats["swap"] = m.SwapOnlyUsage.Usage
	m.UseHierarchy = true
	m.Numa, err = cgread.NumaBytes(c.Dir)
	return err
}

// readLimited reads the usage of what can have a limit, and the limits.
func readLimited(c *Cgroup, m *cgroups.MemoryStats) error {
	events, err := cgread.KeyValues(c.Dir, memoryEvents)
	if err != nil {
		return err
	}
	m.Events = cgroups.MemoryEvents{
		Low: events["low"], High: events["high"], Max: events["max"],
		Oom: events["oom"], OomKill: events["oom_kill"], OomGroupKill: events["oom_group_kill"],
	}
	m.Usage.Failcnt = events["max"]
	if err := readUsage(c, &m.Usage, memoryCurrent, memoryMax, cgfeature.MemoryPeak); err != nil {
		return err
	}
	// A kernel without swap accounting has no files for it.
	if !c.Dir.Exists(swapCurrent) {
		return nil
	}
	if err := readUsage(c, &m.SwapOnlyUsage, swapCurrent, swapMax, cgfeature.SwapPeak); err != nil {
		return err
	}
	if events, err = cgread.KeyValues(c.Dir, "memory.swap.events"); err != nil {
		return err
	}
	m.SwapOnlyUsage.Failcnt = events["max"]
	m.SwapUsage = sum(m.Usage, m.SwapOnlyUsage)
	return nil
}

// readUsage reads all but Failcnt.
func readUsage(c *Cgroup, data *cgroups.MemoryData, current, limit string, peak cgfeature.Feature) (err error) {
	if data.Usage, err = cgread.Uint(c.Dir, current); err != nil {
		return err
	}
	if data.Limit, err = cgread.Max(c.Dir, limit); err != nil {
		return err
	}
	data.Limit = min(data.Limit, noMemoryLimit())
	if c.Features.Has(c.Dir, peak) {
		data.MaxUsage, err = cgread.Uint(c.Dir, string(peak))
	}
	return err
}

// noMemoryLimit is how cgroup v1 shows that there is no limit: 2^63-1 in whole
// pages.
func noMemoryLimit() uint64 {
	return math.MaxInt64 &^ uint64(os.Getpagesize()-1)
}

// sum returns the usage of memory and swap together.
func sum(memory, swap cgroups.MemoryData) cgroups.MemoryData {
	return cgroups.MemoryData{
		Usage:   memory.Usage + swap.Usage,
		Failcnt: swap.Failcnt,
		Limit:   min(memory.Limit+swap.Limit, noMemoryLimit()),
	}
}

// kernelMemory returns the kernel's memory. The sum is in memory.stat since Linux
// 5.18.
func kernelMemory(values map[string]uint64) uint64 {
	if kernel, ok := values["kernel"]; ok {
		return kernel
	}
	return values["kernel_stack"] + values["pagetables"] + values["percpu"] + values["slab"]
}
