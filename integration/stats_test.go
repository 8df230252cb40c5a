package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/cgroups"
)

// kernelFiles reads the files of a container's cgroups as a test sees them, by
// "file", "file key" or "file key field", with nothing of the library's.
type kernelFiles struct {
	t    *testing.T
	dirs []string
}

func newKernelFiles(t *testing.T, c libcontainer.Container) *kernelFiles {
	t.Helper()
	state, err := c.State()
	if err != nil {
		t.Fatal(err)
	}
	k := &kernelFiles{t: t}
	for key, dir := range state.CgroupPaths {
		if key != "" {
			k.dirs = append(k.dirs, dir)
		}
	}
	// The v2 mount of the hybrid layout has a cpu.stat of its own; so it comes last.
	if dir, ok := state.CgroupPaths[""]; ok {
		k.dirs = append(k.dirs, dir)
	}
	return k
}

// text returns the content of a file, false if the kernel has none of that name.
func (k *kernelFiles) text(file string) (string, bool) {
	for _, dir := range k.dirs {
		if text, err := os.ReadFile(filepath.Join(dir, file)); err == nil {
			return string(text), true
		}
	}
	return "", false
}

// number returns a number, false if there is none. "max" is the highest.
func (k *kernelFiles) number(name string) (uint64, bool) {
	k.t.Helper()
	words := strings.Fields(name)
	text, ok := k.text(words[0])
	if !ok {
		return 0, false
	}
	value := strings.TrimSpace(text)
	if len(words) > 1 {
		if value, ok = lineOf(text, words[1]); !ok {
			return 0, false
		}
	}
	if len(words) > 2 {
		if value, ok = fieldOf(value, words[2]); !ok {
			return 0, false
		}
	}
	if value == "max" {
		return 1<<64 - 1, true
	}
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		k.t.Fatalf("%s: %v", name, err)
	}
	return n, true
}

func lineOf(text, key string) (string, bool) {
	for line := range strings.Lines(text) {
		if rest, ok := strings.CutPrefix(line, key+" "); ok {
			return strings.TrimSpace(rest), true
		}
	}
	return "", false
}

func fieldOf(line, key string) (string, bool) {
	for _, word := range strings.Fields(line) {
		if value, ok := strings.CutPrefix(word, key+"="); ok {
			return value, true
		}
	}
	return "", false
}

// statField is a field of the statistics, and where the kernel has it.
type statField struct {
	name  string
	value func(*cgroups.Stats) uint64
	// files are the names in cgroup v1 and v2; "" for what the version does not have.
	v1, v2 string
	// unit1 and unit2 are what one of the kernel's units is in the field's.
	unit1, unit2 uint64
	// gauge is for what may also become less.
	gauge bool
}

const tick = 10_000_000 // nanoseconds, USER_HZ

var statFields = []statField{
	{"CpuUsage.TotalUsage", func(s *cgroups.Stats) uint64 { return s.CpuStats.CpuUsage.TotalUsage }, "cpuacct.usage", "cpu.stat usage_usec", 1, 1000, false},
	{"CpuUsage.UsageInUsermode", func(s *cgroups.Stats) uint64 { return s.CpuStats.CpuUsage.UsageInUsermode }, "cpuacct.stat user", "cpu.stat user_usec", tick, 1000, false},
	{"CpuUsage.UsageInKernelmode", func(s *cgroups.Stats) uint64 { return s.CpuStats.CpuUsage.UsageInKernelmode }, "cpuacct.stat system", "cpu.stat system_usec", tick, 1000, false},
	{"ThrottlingData.Periods", func(s *cgroups.Stats) uint64 { return s.CpuStats.ThrottlingData.Periods }, "cpu.stat nr_periods", "cpu.stat nr_periods", 1, 1, false},
	{"ThrottlingData.ThrottledPeriods", func(s *cgroups.Stats) uint64 { return s.CpuStats.ThrottlingData.ThrottledPeriods }, "cpu.stat nr_throttled", "cpu.stat nr_throttled", 1, 1, false},
	{"ThrottlingData.ThrottledTime", func(s *cgroups.Stats) uint64 { return s.CpuStats.ThrottlingData.ThrottledTime }, "cpu.stat throttled_time", "cpu.stat throttled_usec", 1, 1000, false},
	{"CpuStats.PSI.Some.Total", psi(func(s *cgroups.Stats) *cgroups.PSI { return s.CpuStats.PSI }, false), "cpu.pressure some total", "cpu.pressure some total", 1, 1, false},
	{"MemoryStats.Usage.Usage", func(s *cgroups.Stats) uint64 { return s.MemoryStats.Usage.Usage }, "memory.usage_in_bytes", "memory.current", 1, 1, true},
	{"MemoryStats.Usage.MaxUsage", func(s *cgroups.Stats) uint64 { return s.MemoryStats.Usage.MaxUsage }, "memory.max_usage_in_bytes", "memory.peak", 1, 1, false},
	{"MemoryStats.Usage.Failcnt", func(s *cgroups.Stats) uint64 { return s.MemoryStats.Usage.Failcnt }, "memory.failcnt", "memory.events max", 1, 1, false},
	{"MemoryStats.Usage.Limit", func(s *cgroups.Stats) uint64 { return s.MemoryStats.Usage.Limit }, "memory.limit_in_bytes", "memory.max", 1, 1, false},
	{"MemoryStats.SwapUsage.Usage", func(s *cgroups.Stats) uint64 { return s.MemoryStats.SwapUsage.Usage }, "memory.memsw.usage_in_bytes", "", 1, 1, true},
	{"MemoryStats.SwapUsage.Limit", func(s *cgroups.Stats) uint64 { return s.MemoryStats.SwapUsage.Limit }, "memory.memsw.limit_in_bytes", "", 1, 1, false},
	{"MemoryStats.SwapOnlyUsage.Usage", func(s *cgroups.Stats) uint64 { return s.MemoryStats.SwapOnlyUsage.Usage }, "", "memory.swap.current", 1, 1, true},
	{"MemoryStats.KernelUsage.Usage", func(s *cgroups.Stats) uint64 { return s.MemoryStats.KernelUsage.Usage }, "memory.kmem.usage_in_bytes", "memory.stat kernel", 1, 1, true},
	{"MemoryStats.Cache", func(s *cgroups.Stats) uint64 { return s.MemoryStats.Cache }, "memory.stat cache", "memory.stat file", 1, 1, true},
	{"MemoryStats.Stats[rss]", func(s *cgroups.Stats) uint64 { return s.MemoryStats.Stats["rss"] }, "memory.stat rss", "memory.stat anon", 1, 1, true},
	{"MemoryStats.Stats[pgfault]", func(s *cgroups.Stats) uint64 { return s.MemoryStats.Stats["pgfault"] }, "memory.stat pgfault", "memory.stat pgfault", 1, 1, false},
	{"MemoryStats.Events.High", func(s *cgroups.Stats) uint64 { return s.MemoryStats.Events.High }, "", "memory.events high", 1, 1, false},
	{"MemoryStats.Events.OomKill", func(s *cgroups.Stats) uint64 { return s.MemoryStats.Events.OomKill }, "", "memory.events oom_kill", 1, 1, false},
	{"MemoryStats.PSI.Full.Total", psi(func(s *cgroups.Stats) *cgroups.PSI { return s.MemoryStats.PSI }, true), "memory.pressure full total", "memory.pressure full total", 1, 1, false},
	{"PidsStats.Current", func(s *cgroups.Stats) uint64 { return s.PidsStats.Current }, "pids.current", "pids.current", 1, 1, true},
	{"PidsStats.Limit", func(s *cgroups.Stats) uint64 { return s.PidsStats.Limit }, "pids.max", "pids.max", 1, 1, false},
	{"PidsStats.Failcnt", func(s *cgroups.Stats) uint64 { return s.PidsStats.Failcnt }, "", "pids.events max", 1, 1, false},
	{"BlkioStats.PSI.Some.Total", psi(func(s *cgroups.Stats) *cgroups.PSI { return s.BlkioStats.PSI }, false), "io.pressure some total", "io.pressure some total", 1, 1, false},
	{"HugetlbStats[2MB].Usage", func(s *cgroups.Stats) uint64 { return s.HugetlbStats["2MB"].Usage }, "hugetlb.2MB.usage_in_bytes", "hugetlb.2MB.current", 1, 1, true},
}

func psi(of func(*cgroups.Stats) *cgroups.PSI, full bool) func(*cgroups.Stats) uint64 {
	return func(s *cgroups.Stats) uint64 {
		p := of(s)
		switch {
		case p == nil:
			return 0
		case full:
			return p.Full.Total
		}
		return p.Some.Total
	}
}

// kernelValue returns the kernel's value in the field's unit.
func (f statField) kernelValue(k *kernelFiles, v2 bool) (uint64, bool) {
	name, unit := f.v1, f.unit1
	if v2 {
		name, unit = f.v2, f.unit2
	}
	if name == "" {
		return 0, false
	}
	value, ok := k.number(name)
	return value * unit, ok
}

// Each field of the statistics is what the kernel says: while the container works,
// between what the kernel says before and after; and the same when it is paused.
func TestStatsAreTheKernels(t *testing.T) {
	layout, err := cgroups.DetectLayout()
	if err != nil {
		t.Fatal(err)
	}
	v2 := layout == cgroups.LayoutV2
	config := newConfig(t)
	r := config.Cgroups.Resources
	r.Memory, r.PidsLimit, r.CpuQuota, r.CpuPeriod = 128<<20, 20, 20000, 50000
	container := newContainer(t, config)
	p, _ := shell(`dd if=/dev/zero of=/file bs=64k count=64 conv=fsync 2>/dev/null
while :; do dd if=/dev/zero of=/dev/null bs=16M count=1 2>/dev/null; cat /file >/dev/null; done & while :; do :; done`)
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	k := newKernelFiles(t, container)
	// The load is on when the container has been held back by its quota.
	for throttled := uint64(0); throttled < 3; {
		throttled, _ = k.number("cpu.stat nr_throttled")
	}
	for range 20 {
		compareStats(t, container, k, v2, false)
	}
	if err := container.Pause(); err != nil {
		t.Fatal(err)
	}
	compareStats(t, container, k, v2, true)
	compareIO(t, container, k, v2)
	if err := container.Resume(); err != nil {
		t.Fatal(err)
	}
}

func compareStats(t *testing.T, c libcontainer.Container, k *kernelFiles, v2, paused bool) {
	t.Helper()
	before := make([]uint64, len(statFields))
	for i, f := range statFields {
		before[i], _ = f.kernelValue(k, v2)
	}
	all, err := c.Stats()
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range statFields {
		after, ok := f.kernelValue(k, v2)
		got := f.value(all.CgroupStats)
		switch {
		case v2 && f.v2 == "": // made of other fields
		case !ok && got != 0:
			t.Errorf("%s is %d, and the kernel has no such thing", f.name, got)
		case !ok:
		case f.gauge && !paused: // it may have been anything in between
		// What falls does so while the container is paused, too: the kernel frees memory late.
		case got < min(before[i], after), got > max(before[i], after), !f.gauge && after < before[i]:
			t.Errorf("%s is %d, not between %d and %d as the kernel has it", f.name, got, before[i], after)
		}
	}
}

// compareIO compares the lists of a container that is paused.
func compareIO(t *testing.T, c libcontainer.Container, k *kernelFiles, v2 bool) {
	t.Helper()
	all, err := c.Stats()
	if err != nil {
		t.Fatal(err)
	}
	b := all.CgroupStats.BlkioStats
	for _, list := range []struct {
		name    string
		entries []cgroups.BlkioStatEntry
		v1, v2  string
	}{
		{"IoServiceBytesRecursive", b.IoServiceBytesRecursive, "blkio.throttle.io_service_bytes_recursive", "bytes"},
		{"IoServicedRecursive", b.IoServicedRecursive, "blkio.throttle.io_serviced_recursive", "ios"},
	} {
		for _, e := range list.entries {
			device := fmt.Sprintf("%d:%d", e.Major, e.Minor)
			name := list.v1 + " " + device + " " + e.Op
			if v2 {
				name = "io.stat " + device + " " + strings.ToLower(e.Op[:1]) + list.v2
			}
			if e.Op == "Total" && v2 {
				continue // the kernel has no sum
			}
			want, ok := ioNumber(k, name, v2)
			if ok && want != e.Value {
				t.Errorf("%s: %s of %s is %d, and the kernel's %q is %d", list.name, e.Op, device, e.Value, name, want)
			}
		}
	}
}

// ioNumber reads "file device op" of cgroup v1, whose lines have two keys, or of v2.
func ioNumber(k *kernelFiles, name string, v2 bool) (uint64, bool) {
	if v2 {
		return k.number(name)
	}
	file, key, _ := strings.Cut(name, " ")
	text, ok := k.text(file)
	if !ok {
		return 0, false
	}
	value, ok := lineOf(text, key)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(value, 10, 64)
	return n, err == nil
}
