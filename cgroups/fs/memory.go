//go:build linux

package fs

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgoom"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	memoryLimit = "memory.limit_in_bytes"
	memswLimit  = "memory.memsw.limit_in_bytes"
	tcpLimit    = "memory.kmem.tcp.limit_in_bytes"

	// maxSwappiness is the highest memory.swappiness of cgroup v1.
	maxSwappiness = 100
)

// memory is the controller of memory, see cgroup-v1/memory.rst.
type memory struct{}

func (memory) key() string { return "memory" }

func (memory) asks(r *configs.Resources) (request, string) {
	switch {
	case r.Memory != 0:
		return required, "Memory"
	case r.MemorySwap != 0:
		return required, "MemorySwap"
	case r.MemoryReservation != 0:
		return required, "MemoryReservation"
	case r.KernelMemory != 0:
		return required, "KernelMemory"
	case r.KernelMemoryTCP != 0:
		return required, "KernelMemoryTCP"
	case r.OomKillDisable:
		return required, "OomKillDisable"
	case r.MemorySwappiness > 0:
		return required, "MemorySwappiness"
	case r.MemorySwappiness == 0:
		return welcome, "MemorySwappiness"
	case r.MemorySwappiness < -1:
		return required, "MemorySwappiness"
	}
	return nothing, ""
}

func (c memory) set(s *setter, r *configs.Resources) error {
	if err := c.setLimits(s, r.Memory, r.MemorySwap); err != nil {
		return err
	}
	if r.MemoryReservation != 0 {
		if err := s.Write("MemoryReservation", "memory.soft_limit_in_bytes", strconv.FormatInt(r.MemoryReservation, 10)); err != nil {
			return err
		}
	}
	if r.KernelMemory != 0 {
		if err := s.Write("KernelMemory", "memory.kmem.limit_in_bytes", strconv.FormatInt(r.KernelMemory, 10)); err != nil {
			return err
		}
	}
	if r.KernelMemoryTCP < -1 {
		return fmt.Errorf("the limit KernelMemoryTCP %d is negative; only -1, for no limit, may be", r.KernelMemoryTCP)
	}
	if err := c.writeLimit(s, "KernelMemoryTCP", tcpLimit, r.KernelMemoryTCP); err != nil {
		return err
	}
	if r.OomKillDisable {
		if err := c.disableOomKill(s); err != nil {
			return err
		}
	}
	return c.setSwappiness(s, r.MemorySwappiness)
}

// setLimits writes the limits of memory and of memory and swap. The kernel
// refuses a moment in which the first exceeds the second, so a growing pair
// begins with the second.
func (c memory) setLimits(s *setter, limit, memsw int64) error {
	if limit < -1 || memsw < -1 {
		return fmt.Errorf("the limit Memory %d or MemorySwap %d is negative; only -1, for no limit, may be", limit, memsw)
	}
	if limit == -1 && memsw == 0 && s.Dir.Exists(memswLimit) {
		// No limit for memory is only possible with none for both.
		memsw = -1
	}
	if memsw == 0 {
		return c.writeLimit(s, "Memory", memoryLimit, limit)
	}
	if limit == 0 {
		return c.writeLimit(s, "MemorySwap", memswLimit, memsw)
	}
	grows, err := c.exceedsMemsw(s.Dir, limit)
	if err != nil {
		return s.Explain("MemorySwap", memswLimit, err)
	}
	if grows {
		if err := c.writeLimit(s, "MemorySwap", memswLimit, memsw); err != nil {
			return err
		}
		return c.writeLimit(s, "Memory", memoryLimit, limit)
	}
	if err := c.writeLimit(s, "Memory", memoryLimit, limit); err != nil {
		return err
	}
	return c.writeLimit(s, "MemorySwap", memswLimit, memsw)
}

// exceedsMemsw reports whether limit is above the present limit of memory and
// swap.
func (memory) exceedsMemsw(dir *cgdir.Dir, limit int64) (bool, error) {
	now, err := cgread.Uint(dir, memswLimit)
	if err != nil {
		return false, err
	}
	return unlimited(limit) > now, nil
}

// unlimited turns -1 into the highest number.
func unlimited(limit int64) uint64 {
	if limit < 0 {
		return math.MaxUint64
	}
	return uint64(limit)
}

// writeLimit writes a limit that is not 0. One below the usage fails with EBUSY
// if the kernel cannot reclaim enough.
func (memory) writeLimit(s *setter, field, file string, limit int64) error {
	if limit == 0 {
		return nil
	}
	err := s.Write(field, file, strconv.FormatInt(limit, 10))
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	usageFile := strings.Replace(file, "limit_in_bytes", "usage_in_bytes", 1)
	usage, usageErr := cgread.Uint(s.Dir, usageFile)
	if usageErr != nil {
		return err
	}
	return fmt.Errorf("%s: the limit of %d bytes is below what is used, %d bytes, and that cannot be reclaimed: %w",
		field, limit, usage, err)
}

// disableOomKill writes memory.oom_control, which reads differently.
func (memory) disableOomKill(s *setter) error {
	const file = "memory.oom_control"
	old, oldErr := cgread.KeyValues(s.Dir, file)
	if err := s.WriteOnly("OomKillDisable", file, "1"); err != nil {
		return err
	}
	if oldErr == nil {
		s.Record(file, strconv.FormatUint(old["oom_kill_disable"], 10))
	}
	return nil
}

// setSwappiness writes memory.swappiness; -1 leaves it alone.
func (memory) setSwappiness(s *setter, swappiness int64) error {
	if swappiness == -1 {
		return nil
	}
	if swappiness < 0 || swappiness > maxSwappiness {
		return fmt.Errorf("MemorySwappiness %d is not between 0 and %d", swappiness, maxSwappiness)
	}
	return s.Write("MemorySwappiness", "memory.swappiness", strconv.FormatInt(swappiness, 10))
}

func (memory) stats(dir *cgdir.Dir, stats *cgroups.Stats) error {
	values, err := cgread.KeyValues(dir, "memory.stat")
	if err != nil {
		return err
	}
	m := &stats.MemoryStats
	m.Stats = values
	m.Cache = values["cache"]
	m.Events.OomKill, err = cgoom.Kills(dir)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, kind := range []struct {
		prefix string
		data   *cgroups.MemoryData
	}{
		{"memory", &m.Usage},
		{"memory.memsw", &m.SwapUsage},
		{"memory.kmem", &m.KernelUsage},
		{"memory.kmem.tcp", &m.KernelTCPUsage},
	} {
		if *kind.data, err = readMemoryData(dir, kind.prefix); err != nil {
			return err
		}
	}
	useHierarchy, err := cgread.OptionalUint(dir, "memory.use_hierarchy")
	if err != nil {
		return err
	}
	m.UseHierarchy = useHierarchy != 0
	m.Numa, err = cgread.NumaPages(dir)
	return err
}

// readMemoryData reads the files of one kind of memory. A kernel without swap
// accounting has none for memory.memsw.
func readMemoryData(dir *cgdir.Dir, prefix string) (cgroups.MemoryData, error) {
	var data cgroups.MemoryData
	for _, f := range []struct {
		name  string
		value *uint64
	}{
		{"usage_in_bytes", &data.Usage},
		{"max_usage_in_bytes", &data.MaxUsage},
		{"failcnt", &data.Failcnt},
		{"limit_in_bytes", &data.Limit},
	} {
		value, err := cgread.OptionalUint(dir, prefix+"."+f.name)
		if err != nil {
			return cgroups.MemoryData{}, err
		}
		*f.value = value
	}
	return data, nil
}
