package cgroups

import (
	"fmt"
	"math"
)

// The ranges of cgroup v1, see sched-design and blkio-controller.rst.
const (
	minShares, maxShares           = 2, 1 << 18
	minBlkioWeight, maxBlkioWeight = 10, 1000
)

// CpuWeight converts cpu.shares of cgroup v1, 2 to 262144, to cpu.weight of
// cgroup v2, 1 to 10000:
//
//	l = log2(shares)
//	weight = ceil(10^((l*l+125*l)/612 - 7/34))
//
// The ends of the ranges meet, and so do the defaults: 2 shares become 1, 1024 become
// 100, 262144 become 10000. It is the formula that the OCI's runtimes use since 2025,
// see "New Conversion from cgroup v1 CPU Shares to v2 CPU Weight" in the blog of
// Kubernetes. Before they had the linear 1+(shares-2)*9999/262142, by which 1024 became
// 39, less than what a cgroup has that nobody gave any shares. Whoever wants an exact
// weight sets configs.Resources.CpuWeight.
func CpuWeight(shares int64) (uint64, error) {
	if shares < minShares || shares > maxShares {
		return 0, fmt.Errorf("CpuShares %d is not between %d and %d", shares, minShares, maxShares)
	}
	const rounding = 1e-9 // of what is a whole number but for that
	l := math.Log2(float64(shares))
	return uint64(math.Ceil(math.Pow(10, (l*l+125*l)/612-7.0/34) - rounding)), nil
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
