package configs

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// CPUAffinity says on which CPUs a process of a container runs, see
// sched_setaffinity(2). The lists have the format of cpuset(7): numbers and
// ranges, such as "0-3,7". It is what the OCI runtime specification calls
// process.execCPUAffinity.
type CPUAffinity struct {
	// Initial are the CPUs that what becomes the process runs on before it enters
	// the container's cgroups. Empty changes nothing.
	Initial string `json:"initial,omitempty"`

	// Final are the CPUs that the process runs on from then on. They must be among
	// those of the container's cpuset cgroup. Empty stands for all of these.
	Final string `json:"final,omitempty"`
}

// maxCPU is the largest number of a CPU that any kernel is built for: NR_CPUS is
// 8192 at most (arch/x86/Kconfig).
const maxCPU = 8191

// ParseCPUs gives the numbers of a list of CPUs in the format of cpuset(7), such
// as "0-3,7", in ascending order and each once. An empty list has none.
func ParseCPUs(list string) ([]int, error) {
	if list == "" {
		return nil, nil
	}
	var cpus []int
	for part := range strings.SplitSeq(list, ",") {
		low, high, isRange := strings.Cut(part, "-")
		first, err := parseCPU(low)
		last := first
		if err == nil && isRange {
			last, err = parseCPU(high)
		}
		if err != nil {
			return nil, fmt.Errorf("list of CPUs %q: %w", list, err)
		}
		if last < first {
			return nil, fmt.Errorf("list of CPUs %q: the range %q ends before it begins", list, part)
		}
		for cpu := first; cpu <= last; cpu++ {
			cpus = append(cpus, cpu)
		}
		if len(cpus) > math.MaxUint16 {
			cpus = ascending(cpus) // a long list may name the same ones again and again
		}
	}
	return ascending(cpus), nil
}

func ascending(cpus []int) []int {
	slices.Sort(cpus)
	return slices.Compact(cpus)
}

func parseCPU(text string) (int, error) {
	cpu, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not the number of a CPU", text)
	}
	if cpu > maxCPU {
		return 0, fmt.Errorf("the number %s is above %d, the largest of any kernel", text, maxCPU)
	}
	return int(cpu), nil
}
