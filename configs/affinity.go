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
func ParseCPUs(list string) ([]int, error) { return parseNumbers(list, "CPU", maxCPU) }

// parseNumbers parses a list of things that have numbers up to highest.
func parseNumbers(list, thing string, highest int) ([]int, error) {
	if list == "" {
		return nil, nil
	}
	var numbers []int
	for part := range strings.SplitSeq(list, ",") {
		low, high, isRange := strings.Cut(part, "-")
		first, err := parseNumber(low, thing, highest)
		last := first
		if err == nil && isRange {
			last, err = parseNumber(high, thing, highest)
		}
		if err != nil {
			return nil, fmt.Errorf("list of %ss %q: %w", thing, list, err)
		}
		if last < first {
			return nil, fmt.Errorf("list of %ss %q: the range %q ends before it begins", thing, list, part)
		}
		for n := first; n <= last; n++ {
			numbers = append(numbers, n)
		}
		if len(numbers) > math.MaxUint16 {
			numbers = ascending(numbers) // a long list may name the same ones again and again
		}
	}
	return ascending(numbers), nil
}

func ascending(numbers []int) []int {
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

func parseNumber(text, thing string, highest int) (int, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not the number of a %s", text, thing)
	}
	if n > uint64(highest) {
		return 0, fmt.Errorf("the number %s is above %d, the largest of any kernel", text, highest)
	}
	return int(n), nil
}
