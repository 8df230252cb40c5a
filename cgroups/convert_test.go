package cgroups

import "testing"

func TestCpuWeight(t *testing.T) {
	for shares, want := range map[int64]uint64{
		2: 1, 3: 2, 10: 4, 256: 35, 512: 59, 1024: 100, 2048: 174, 4096: 303, 262143: 10000, 262144: 10000,
	} {
		if got, err := CpuWeight(shares); got != want || err != nil {
			t.Errorf("%d shares: weight %d, %v; want %d", shares, got, err, want)
		}
	}
	last := uint64(1)
	for shares := int64(2); shares <= 1<<18; shares++ {
		weight, err := CpuWeight(shares)
		if err != nil || weight < last || weight > 10000 {
			t.Fatalf("%d shares: weight %d after %d, %v", shares, weight, last, err)
		}
		last = weight
	}
	for _, shares := range []int64{-1, 0, 1, 1<<18 + 1} {
		if got, err := CpuWeight(shares); err == nil {
			t.Errorf("%d shares: weight %d", shares, got)
		}
	}
}
