package cgroups

import "fmt"

// The ranges of cgroup v1, see sched-design and blkio-controller.rst.
const (
	minShares, maxShares           = 2, 1 << 18
	minBlkioWeight, maxBlkioWeight = 10, 1000
)

// CpuWeight converts cpu.shares of cgroup v1, 2 to 262144, to cpu.weight of
// cgroup v2, 1 to 10000, linearly:
//
//	weight = 1 + (shares-2)*9999/262142
//
// That is the formula which the OCI's runtimes have documented for cgroup v2.
// The defaults of the two do not meet: 1024 shares become 39, while the default
// weight is 100. Whoever wants an exact weight sets configs.Resources.CpuWeight.
func CpuWeight(shares int64) (uint64, error) {
	if shares < minShares || shares > maxShares {
		return 0, fmt.Errorf("CpuShares %d is not between %d and %d", shares, minShares, maxShares)
	}
	return 1 + uint64(shares-minShares)*9999/(maxShares-minShares), nil
}

// IoWeight converts blkio.weight of cgroup v1, 10 to 1000, to io.weight of cgroup
// v2, 1 to 10000, linearly:
//
//	weight = 1 + (blkio-10)*9999/990
//
// The file io.bfq.weight takes 1 to 1000 and gets blkio unchanged.
func IoWeight(blkio uint16) (uint64, error) {
	if blkio < minBlkioWeight || blkio > maxBlkioWeight {
		return 0, fmt.Errorf("the block I/O weight %d is not between %d and %d", blkio, minBlkioWeight, maxBlkioWeight)
	}
	return 1 + uint64(blkio-minBlkioWeight)*9999/(maxBlkioWeight-minBlkioWeight), nil
}

// SwapMax converts a limit of memory and swap together, as cgroup v1 has it, to
// one of swap alone: memsw - memory. -1 is no limit, of either.
func SwapMax(memsw, memory int64) (int64, error) {
	switch {
	case memsw == -1:
		return -1, nil
	case memory < 0:
		return 0, fmt.Errorf("MemorySwap %d is memory and swap together, and cannot be a limit of swap without one of memory", memsw)
	case memsw < memory:
		return 0, fmt.Errorf("MemorySwap %d is memory and swap together and below Memory %d", memsw, memory)
	}
	return memsw - memory, nil
}
