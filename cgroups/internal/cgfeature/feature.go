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

// Set remembers which features the kernel has. The zero value knows of none yet.
// Its methods may be used concurrently.
type Set struct {
	mu    sync.Mutex
	known map[Feature]bool
}

// Without makes the set do without features, as an older kernel would.
func (s *Set) Without(features ...Feature) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range features {
		s.remember(f, false)
	}
}

// Has tells whether the kernel has a feature. It looks once, in dir, a cgroup that
// is not the root and in which the file's controller is enabled.
func (s *Set) Has(dir *cgdir.Dir, f Feature) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if has, known := s.known[f]; known {
		return has
	}
	has := dir.Exists(string(f))
	if has || dir.Exists("cgroup.procs") { // otherwise the cgroup is gone
		s.remember(f, has)
	}
	return has
}

func (s *Set) remember(f Feature, has bool) {
	if s.known == nil {
		s.known = make(map[Feature]bool)
	}
	s.known[f] = has
}
