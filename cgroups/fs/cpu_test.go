//go:build linux

package fs

import (
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestCpuSet(t *testing.T) {
	files := map[string]string{
		"cpu.shares":        "1024\n",
		"cpu.cfs_quota_us":  "-1\n",
		"cpu.cfs_period_us": "100000\n",
	}
	runSetTests(t, "cpu", []setTest{
		{"shares", files, configs.Resources{CpuShares: 512},
			map[string]string{"cpu.shares": "512", "cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "100000"}, ""},
		{"quota", files, configs.Resources{CpuQuota: 5000},
			map[string]string{"cpu.shares": "1024", "cpu.cfs_quota_us": "5000", "cpu.cfs_period_us": "100000"}, ""},
		{"period", files, configs.Resources{CpuPeriod: 5000},
			map[string]string{"cpu.cfs_quota_us": "-1", "cpu.cfs_period_us": "5000"}, ""},
		{"both, growing", files, configs.Resources{CpuQuota: 5000, CpuPeriod: 200000},
			map[string]string{"cpu.cfs_quota_us": "5000", "cpu.cfs_period_us": "200000"}, ""},
		{"both, shrinking", files, configs.Resources{CpuQuota: 5000, CpuPeriod: 10000},
			map[string]string{"cpu.cfs_quota_us": "5000", "cpu.cfs_period_us": "10000"}, ""},
		{"smallest", files, configs.Resources{CpuShares: 2, CpuQuota: 1000, CpuPeriod: 1000},
			map[string]string{"cpu.shares": "2", "cpu.cfs_quota_us": "1000", "cpu.cfs_period_us": "1000"}, ""},
		{"smallest numbers", files, configs.Resources{CpuShares: 1, CpuQuota: 1, CpuPeriod: 1}, // the kernel's to refuse
			map[string]string{"cpu.shares": "1", "cpu.cfs_quota_us": "1", "cpu.cfs_period_us": "1"}, ""},
		{"no quota", files, configs.Resources{CpuQuota: -1}, map[string]string{"cpu.cfs_quota_us": "-1"}, ""},
		{"negative quota", files, configs.Resources{CpuQuota: -2}, map[string]string{"cpu.cfs_quota_us": "-1"}, "CpuQuota -2"},
		{"negative period", files, configs.Resources{CpuPeriod: -1}, map[string]string{"cpu.cfs_period_us": "100000"}, "CpuPeriod -1"},
		{"negative shares", files, configs.Resources{CpuShares: -1}, map[string]string{"cpu.shares": "1024"}, "262144"},
		{"no realtime", files, configs.Resources{CpuRtRuntime: 1000, CpuShares: 2},
			map[string]string{"cpu.shares": "1024"}, "CpuRtRuntime (cpu.rt_runtime_us) is not supported by this kernel"},
	})
}

func TestCpuStats(t *testing.T) {
	stats, err := fakeStats(t, "cpu", map[string]string{"cpu.stat": "nr_periods 3\nnr_throttled 2\nthrottled_time 77\nnr_bursts 0\n"})
	want := cgroups.ThrottlingData{Periods: 3, ThrottledPeriods: 2, ThrottledTime: 77}
	if err != nil || stats.CpuStats.ThrottlingData != want {
		t.Errorf("got %+v, %v, want %+v", stats, err, want)
	}
}
