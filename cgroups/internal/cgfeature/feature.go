//go:build linux

// Package cgfeature knows which files of cgroup v2 are newer than Linux 5.12, the
// oldest kernel that this library works on. A file that is missing although its
// controller is enabled is a feature that the kernel does not have.
package cgfeature

import (
	"sync"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// Feature is the name of a file.
type Feature string

const (
	// Kill kills all processes of a cgroup.
	Kill Feature = "cgroup.kill"

	// CpuBurst lets a cgroup save up CPU time.
	CpuBurst Feature = "cpu.max.burst"

	// CpuIdle gives a cgroup idle CPU time only.
	CpuIdle Feature = "cpu.idle"

	// MemoryPeak is the highest usage of memory.
	MemoryPeak Feature = "memory.peak"

	// SwapPeak is the highest usage of swap.
	SwapPeak Feature = "memory.swap.peak"

	// Misc limits the misc controller's resources.
	Misc Feature = "misc.max"

	// MiscEvents counts how often they were hit.
	MiscEvents Feature = "misc.events"
)

// Since returns the version of Linux that a feature came with, "" for a file that
// is not one.
func (f Feature) Since() string {
	switch f {
	case Misc:
		return "5.13"
	case Kill, CpuBurst:
		return "5.14"
	case CpuIdle:
		return "5.15"
	case MiscEvents:
		return "5.16"
	case MemoryPeak:
		return "5.19"
	case SwapPeak:
		return "6.5"
	}
	return ""
}

// Set tells which features the kernel has. The zero value does, and its methods may
// be used concurrently.
type Set struct {
	mu      sync.Mutex
	without map[Feature]bool
}

// kernel is what has been found out about the kernel, which does not change: a bool
// for each Feature that somebody has asked for.
var kernel sync.Map

// Without makes the set do without features, as on an older kernel.
func (s *Set) Without(features ...Feature) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.without == nil {
		s.without = make(map[Feature]bool)
	}
	for _, f := range features {
		s.without[f] = true
	}
}

// Has tells whether the kernel has a feature. It looks once a process, in dir, a cgroup
// that is not the root and in which the file's controller is enabled.
func (s *Set) Has(dir *cgdir.Dir, f Feature) bool {
	s.mu.Lock()
	without := s.without[f]
	s.mu.Unlock()
	if without {
		return false
	}
	if has, known := kernel.Load(f); known && dir.Kind() == cgdir.Cgroup {
		return has.(bool)
	}
	has := dir.Exists(string(f))
	if dir.Kind() == cgdir.Cgroup && (has || dir.Exists("cgroup.procs")) { // or else it is gone
		kernel.Store(f, has)
	}
	return has
}
