//go:build linux

package cgv2

import (
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/configs"
)

func TestCpuSet(t *testing.T) {
	files := map[string]string{cpuWeight: "100\n", cpuMax: "max 100000\n", "cpu.max.burst": "0\n", "cpu.idle": "0\n"}
	runSetTests(t, files, []setTest{
		{"nothing", configs.Resources{}, map[string]string{cpuWeight: "100", cpuMax: "max 100000"}, ""},
		{"weight", configs.Resources{CpuWeight: 10000}, map[string]string{cpuWeight: "10000"}, ""},
		{"fewest shares", configs.Resources{CpuShares: 2}, map[string]string{cpuWeight: "1"}, ""},
		{"default shares", configs.Resources{CpuShares: 1024}, map[string]string{cpuWeight: "100"}, ""},
		{"most shares", configs.Resources{CpuShares: 262144}, map[string]string{cpuWeight: "10000"}, ""},
		{"too many shares", configs.Resources{CpuShares: 262145}, map[string]string{cpuWeight: "100"}, "CpuShares 262145"},
		{"weight before shares", configs.Resources{CpuShares: 2, CpuWeight: 7}, map[string]string{cpuWeight: "7"}, ""},
		{"quota", configs.Resources{CpuQuota: 5000}, map[string]string{cpuMax: "5000"}, ""},
		{"quota and period", configs.Resources{CpuQuota: 5000, CpuPeriod: 10000}, map[string]string{cpuMax: "5000 10000"}, ""},
		{"period alone keeps the quota", configs.Resources{CpuPeriod: 10000}, map[string]string{cpuMax: "max 10000"}, ""},
		{"no quota", configs.Resources{CpuQuota: -1, CpuPeriod: 20000}, map[string]string{cpuMax: "max 20000"}, ""},
		{"negative quota", configs.Resources{CpuQuota: -2}, map[string]string{cpuMax: "max 100000"}, "CpuQuota -2"},
		{"burst", configs.Resources{CpuQuota: 5000, CpuBurst: ptr(uint64(100))}, map[string]string{cpuMax: "5000", "cpu.max.burst": "100"}, ""},
		{"idle", configs.Resources{CpuIdle: ptr(int64(1))}, map[string]string{"cpu.idle": "1"}, ""},
	})
}

// What an old kernel does not have is an error only if it is asked for.
func TestCpuFeatures(t *testing.T) {
	for _, test := range []struct {
		name      string
		resources configs.Resources
		wantErr   string
	}{
		{"no burst", configs.Resources{CpuBurst: ptr(uint64(0))}, ""},
		{"burst", configs.Resources{CpuBurst: ptr(uint64(1))}, "came with Linux 5.14"},
		{"not idle", configs.Resources{CpuIdle: ptr(int64(0))}, ""},
		{"idle", configs.Resources{CpuIdle: ptr(int64(1))}, "came with Linux 5.15"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := fakeCgroup(t, map[string]string{"cpu.max.burst": "0\n", "cpu.idle": "0\n"})
			c.Features.Without(cgfeature.CpuBurst, cgfeature.CpuIdle)
			test.resources.AllowAllDevices = true
			checkErr(t, set(c, All(&test.resources)), test.wantErr)
		})
	}
}

func TestCpuStats(t *testing.T) {
	stats, err := fakeStats(t, "", map[string]string{
		"cpu.stat": "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnr_periods 3\nnr_throttled 2\nthrottled_usec 7\nnr_bursts 1\nburst_usec 5\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := stats.CpuStats.ThrottlingData, (cgroups.ThrottlingData{
		Periods: 3, ThrottledPeriods: 2, ThrottledTime: 7000, Bursts: 1, BurstTime: 5000,
	}); got != want {
		t.Errorf("throttling %+v, want %+v", got, want)
	}
	if u := stats.CpuStats.CpuUsage; u.TotalUsage != 30000 || u.UsageInUsermode != 10000 || u.UsageInKernelmode != 20000 {
		t.Errorf("usage %+v", u)
	}
}
