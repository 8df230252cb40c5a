//go:build linux

package systemd

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// values gives properties by name, late ones with a "+".
func values(list []property) map[string]any {
	got := make(map[string]any)
	for _, p := range list {
		name := p.name
		if p.late {
			name += "+"
		}
		got[name] = p.value
	}
	return got
}

func pointer[T any](v T) *T { return &v }

// fieldTests has a case for each field of configs.Resources.
var fieldTests = []struct {
	field string
	r     configs.Resources
	v2    map[string]any // with cgroup v2
	v1    map[string]any
	since int // the version of systemd that has all of v2
}{
	{field: "AllowAllDevices", r: configs.Resources{AllowAllDevices: true}},
	{field: "DeviceRules", r: configs.Resources{DeviceRules: []*configs.DeviceRule{{Allow: true, Type: 'c', Major: 1, Minor: 3, Permissions: "r"}}}},
	{field: "SkipDevices", r: configs.Resources{SkipDevices: true}},
	{field: "AllowedDevices", r: configs.Resources{AllowedDevices: configs.DefaultAllowedDevices}},
	{field: "DeniedDevices", r: configs.Resources{DeniedDevices: configs.DefaultAllowedDevices}},
	{field: "Memory", r: configs.Resources{Memory: 1 << 30}, v2: map[string]any{"MemoryMax+": uint64(1 << 30)}, v1: map[string]any{"MemoryMax+": uint64(1 << 30)}},
	{field: "MemoryReservation", r: configs.Resources{MemoryReservation: 5}, v2: map[string]any{"MemoryLow": uint64(5)}},
	{field: "MemorySwap", r: configs.Resources{Memory: 10, MemorySwap: 15}, since: 232,
		v2: map[string]any{"MemoryMax+": uint64(10), "MemorySwapMax+": uint64(5)}, v1: map[string]any{"MemoryMax+": uint64(10)}},
	{field: "KernelMemory", r: configs.Resources{KernelMemory: 1}},
	{field: "KernelMemoryTCP", r: configs.Resources{KernelMemoryTCP: 1}},
	{field: "CpuShares", r: configs.Resources{CpuShares: 1024}, since: 232, v2: map[string]any{"CPUWeight": uint64(100)}, v1: map[string]any{"CPUShares": uint64(1024)}},
	{field: "CpuQuota", r: configs.Resources{CpuQuota: 50000}, v2: map[string]any{"CPUQuotaPerSecUSec": uint64(500000)}, v1: map[string]any{"CPUQuotaPerSecUSec": uint64(500000)}},
	{field: "CpuPeriod", r: configs.Resources{CpuPeriod: 50000}, since: 242, v2: map[string]any{"CPUQuotaPeriodUSec": uint64(50000)}, v1: map[string]any{"CPUQuotaPeriodUSec": uint64(50000)}},
	{field: "CpuRtRuntime", r: configs.Resources{CpuRtRuntime: 1}},
	{field: "CpuRtPeriod", r: configs.Resources{CpuRtPeriod: 1}},
	{field: "CpusetCpus", r: configs.Resources{CpusetCpus: "0-2,9"}, since: 244, v2: map[string]any{"AllowedCPUs": []byte{7, 2}}},
	{field: "CpusetMems", r: configs.Resources{CpusetMems: "1"}, since: 244, v2: map[string]any{"AllowedMemoryNodes": []byte{2}}},
	{field: "PidsLimit", r: configs.Resources{PidsLimit: -1}, v2: map[string]any{"TasksMax+": infinity}, v1: map[string]any{"TasksMax+": infinity}},
	{field: "BlkioWeight", r: configs.Resources{BlkioWeight: 1000}, v2: map[string]any{"IOWeight": uint64(10000)}, v1: map[string]any{"BlockIOWeight": uint64(1000)}},
	{field: "BlkioLeafWeight", r: configs.Resources{BlkioLeafWeight: 10}},
	{field: "BlkioWeightDevice", r: configs.Resources{BlkioWeightDevice: []*configs.WeightDevice{configs.NewWeightDevice(8, 1, 10, 0), nil}},
		v2: map[string]any{"IODeviceWeight": []deviceValue{{"/dev/block/8:1", 1}}}, v1: map[string]any{"BlockIODeviceWeight": []deviceValue{{"/dev/block/8:1", 10}}}},
	{field: "BlkioThrottleReadBpsDevice", r: configs.Resources{BlkioThrottleReadBpsDevice: throttle(7)},
		v2: map[string]any{"IOReadBandwidthMax": limited(7)}, v1: map[string]any{"BlockIOReadBandwidth": limited(7)}},
	{field: "BlkioThrottleWriteBpsDevice", r: configs.Resources{BlkioThrottleWriteBpsDevice: throttle(0)},
		v2: map[string]any{"IOWriteBandwidthMax": limited(infinity)}, v1: map[string]any{"BlockIOWriteBandwidth": limited(infinity)}},
	{field: "BlkioThrottleReadIOPSDevice", r: configs.Resources{BlkioThrottleReadIOPSDevice: throttle(7)}, v2: map[string]any{"IOReadIOPSMax": limited(7)}},
	{field: "BlkioThrottleWriteIOPSDevice", r: configs.Resources{BlkioThrottleWriteIOPSDevice: throttle(7)}, v2: map[string]any{"IOWriteIOPSMax": limited(7)}},
	{field: "Freezer", r: configs.Resources{Freezer: configs.Frozen}},
	{field: "HugetlbLimit", r: configs.Resources{HugetlbLimit: []*configs.HugepageLimit{{Pagesize: "2MB", Limit: 1}}}},
	{field: "OomKillDisable", r: configs.Resources{OomKillDisable: true}},
	{field: "MemorySwappiness", r: configs.Resources{MemorySwappiness: 50}},
	{field: "NetPrioIfpriomap", r: configs.Resources{NetPrioIfpriomap: []*configs.IfPrioMap{{Interface: "lo", Priority: 1}}}},
	{field: "NetClsClassid", r: configs.Resources{NetClsClassid: "1"}},
	{field: "MemoryMin", r: configs.Resources{MemoryMin: -1}, since: 240, v2: map[string]any{"MemoryMin": uint64(0)}},
	{field: "MemoryLow", r: configs.Resources{MemoryLow: 6, MemoryReservation: 5}, v2: map[string]any{"MemoryLow": uint64(6)}},
	{field: "MemoryHigh", r: configs.Resources{MemoryHigh: -1}, v2: map[string]any{"MemoryHigh+": infinity}},
	{field: "MemoryCheckBeforeUpdate", r: configs.Resources{MemoryCheckBeforeUpdate: true}},
	{field: "CpuWeight", r: configs.Resources{CpuWeight: 200, CpuShares: 2}, since: 232, v2: map[string]any{"CPUWeight": uint64(200)}, v1: map[string]any{"CPUShares": uint64(2)}},
	{field: "CpuBurst", r: configs.Resources{CpuBurst: pointer(uint64(1))}},
	{field: "CpuIdle", r: configs.Resources{CpuIdle: pointer(int64(1)), CpuWeight: 200}, since: 252, v2: map[string]any{"CPUWeight": uint64(0)}},
	{field: "IoLatencyDevice", r: configs.Resources{IoLatencyDevice: []*configs.LatencyDevice{configs.NewLatencyDevice(8, 0, 9)}}, since: 240,
		v2: map[string]any{"IODeviceLatencyTargetUSec": limited(9)}},
	{field: "Rdma", r: configs.Resources{Rdma: map[string]configs.RdmaLimit{"mlx5_1": {}}}},
	{field: "Misc", r: configs.Resources{Misc: map[string]int64{"sev": 1}}},
	{field: "Unified", r: configs.Resources{Unified: map[string]string{
		"cpu.weight": "3", "cpu.max": "max 20000", "cpuset.cpus": "0", "cpuset.mems": "0", "memory.min": "1", "memory.low": "2",
		"memory.high": "max", "memory.max": "3\n", "memory.swap.max": "4", "memory.zswap.max": "5", "pids.max": "max",
		"io.weight": "default 7", "io.max": "8:0 rbps=1", "memory.oom.group": "1", "hugetlb.2MB.max": "1",
	}}, since: 253, v2: map[string]any{
		"CPUWeight": uint64(3), "CPUQuotaPeriodUSec": uint64(20000), "CPUQuotaPerSecUSec": infinity, "AllowedCPUs": []byte{1},
		"AllowedMemoryNodes": []byte{1}, "MemoryMin": uint64(1), "MemoryLow": uint64(2), "MemoryHigh+": infinity, "MemoryMax+": uint64(3),
		"MemorySwapMax+": uint64(4), "MemoryZSwapMax+": uint64(5), "TasksMax+": infinity, "IOWeight": uint64(7),
	}},
}

func throttle(rate uint64) []*configs.ThrottleDevice {
	return []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 0, rate), nil}
}

func limited(value uint64) []deviceValue { return []deviceValue{{"/dev/block/8:0", value}} }

func TestPropertiesOfEachField(t *testing.T) {
	tested := make(map[string]bool)
	for _, test := range fieldTests {
		tested[test.field] = true
		for layout, want := range map[cgroups.Layout]map[string]any{cgroups.LayoutV2: test.v2, cgroups.LayoutV1: test.v1, cgroups.LayoutHybrid: test.v1} {
			got, err := properties(&test.r, nil, layout, 257)
			if err != nil {
				t.Errorf("%s with %v: %v", test.field, layout, err)
			}
			if want == nil {
				want = map[string]any{}
			}
			if diff := cmp.Diff(want, values(got)); diff != "" {
				t.Errorf("%s with %v, want(-) and got(+):\n%s", test.field, layout, diff)
			}
		}
	}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[configs.Resources]()) {
		if !tested[f.Name] {
			t.Errorf("there is no case for the field %s", f.Name)
		}
	}
}

// The smallest limit is one, and none that is not there.
func TestSmallestProperties(t *testing.T) {
	r := &configs.Resources{Memory: 1, MemorySwap: 1, MemoryReservation: 1, PidsLimit: 1, CpuShares: 2, CpuQuota: 1000, CpuPeriod: 1000, BlkioWeight: 10}
	for layout, want := range map[cgroups.Layout]map[string]any{
		cgroups.LayoutV2: {
			"MemoryMax+": uint64(1), "MemorySwapMax+": uint64(0), "MemoryLow": uint64(1), "TasksMax+": uint64(1), "CPUWeight": uint64(1),
			"CPUQuotaPerSecUSec": uint64(1000000), "CPUQuotaPeriodUSec": uint64(1000), "IOWeight": uint64(1),
		},
		cgroups.LayoutV1: {
			"MemoryMax+": uint64(1), "TasksMax+": uint64(1), "CPUShares": uint64(2),
			"CPUQuotaPerSecUSec": uint64(1000000), "CPUQuotaPeriodUSec": uint64(1000), "BlockIOWeight": uint64(10),
		},
	} {
		got, err := properties(r, nil, layout, 257)
		if err != nil {
			t.Errorf("%v: %v", layout, err)
		}
		if diff := cmp.Diff(want, values(got)); diff != "" {
			t.Errorf("%v, want(-) and got(+):\n%s", layout, diff)
		}
	}
}

// A property is set from the version that has it, and not before.
func TestPropertyVersions(t *testing.T) {
	for _, test := range fieldTests {
		if test.since == 0 {
			continue
		}
		for version, all := range map[int]bool{test.since - 1: false, test.since: true} {
			got, err := properties(&test.r, nil, cgroups.LayoutV2, version)
			if err != nil {
				t.Errorf("%s with systemd %d: %v", test.field, version, err)
			}
			if complete := cmp.Equal(test.v2, values(got)); complete != all {
				t.Errorf("%s with systemd %d: %v; want all: %v", test.field, version, values(got), all)
			}
		}
	}
}

// systemd 258 has no properties for cgroup v1's own files any more.
func TestNoLegacyProperties(t *testing.T) {
	got, err := properties(&configs.Resources{CpuShares: 2, BlkioWeight: 10, Memory: 1}, nil, cgroups.LayoutV1, 258)
	if want := map[string]any{"MemoryMax+": uint64(1)}; err != nil || !cmp.Equal(values(got), want) {
		t.Errorf("%v, error %v; want %v", values(got), err, want)
	}
}

// What is not set is understood by what is in force.
func TestPropertiesWithFormer(t *testing.T) {
	former := &configs.Resources{Memory: 100, CpuQuota: 30000, CpuPeriod: 60000}
	for _, test := range []struct {
		r    configs.Resources
		want map[string]any
	}{
		{configs.Resources{MemorySwap: 150}, map[string]any{"MemorySwapMax+": uint64(50)}},
		{configs.Resources{CpuQuota: 15000}, map[string]any{"CPUQuotaPerSecUSec": uint64(250000)}},
		{configs.Resources{CpuPeriod: 30000}, map[string]any{"CPUQuotaPerSecUSec": uint64(1000000), "CPUQuotaPeriodUSec": uint64(30000)}},
		{configs.Resources{CpuQuota: -1}, map[string]any{"CPUQuotaPerSecUSec": infinity}},
	} {
		got, err := properties(&test.r, former, cgroups.LayoutV2, 257)
		if err != nil || !cmp.Equal(values(got), test.want) {
			t.Errorf("%+v: %v, error %v; want %v", test.r, values(got), err, test.want)
		}
	}
}

func TestBadProperties(t *testing.T) {
	for text, r := range map[string]configs.Resources{
		"CpuShares 1 is not between": {CpuShares: 1},
		"CpuQuota -2":                {CpuQuota: -2},
		"CpuPeriod -1":               {CpuPeriod: -1},
	} {
		if _, err := properties(&r, nil, cgroups.LayoutV2, 257); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("error %v, want one with %q", err, text)
		}
	}
}

// systemd computes the quota back, and must come to the same one.
func TestQuotaSurvives(t *testing.T) {
	for _, period := range []int64{1000, 3333, 100000, 333333, 1000000} {
		for _, quota := range []int64{1000, 1001, 33333, 99999, 123457, 7000000} {
			perSecond := perSecondOf(quota, period)
			if got := perSecond * uint64(period) / 1e6; got != uint64(quota) {
				t.Errorf("quota %d in %d: %d each second, and that gives %d", quota, period, perSecond, got)
			}
		}
	}
	if got := perSecondOf(1<<62, 1000); got != infinity {
		t.Errorf("a quota beyond what systemd can have: %d", got)
	}
}

func TestCPUMask(t *testing.T) {
	for _, test := range []struct {
		list string
		want []byte
	}{
		{"0", []byte{1}}, {"7,8", []byte{0x80, 1}}, {"0-15", []byte{255, 255}}, {"3-1", nil}, {"", nil}, {"a", nil}, {"0-99999999", nil}, {"1-", nil}, {"-1", nil},
	} {
		got, err := cpuMask(test.list)
		if !cmp.Equal(got, test.want) && test.want != nil || (err != nil) != (test.want == nil) {
			t.Errorf("%q: %v, error %v; want %v", test.list, got, err, test.want)
		}
	}
}

func TestExtraProperties(t *testing.T) {
	for _, test := range []struct {
		p       configs.SystemdProperty
		want    any
		wantErr string
	}{
		{configs.SystemdProperty{Name: "TimeoutStopUSec", Value: "uint64 5000000"}, uint64(5000000), ""},
		{configs.SystemdProperty{Name: "Description", Value: "'a b'"}, "a b", ""},
		{configs.SystemdProperty{Name: "IPAccounting", Value: "true"}, true, ""},
		{configs.SystemdProperty{Name: "After", Value: "['a.service']"}, []string{"a.service"}, ""},
		{configs.SystemdProperty{Name: "After", Value: "a.service"}, nil, "GVariant"},
		{configs.SystemdProperty{Name: "After"}, nil, "GVariant"},
		{configs.SystemdProperty{Name: "Slice", Value: "'x.slice'"}, nil, "set by the library"},
		{configs.SystemdProperty{Value: "true"}, nil, "has no name"},
	} {
		got, err := extraProperties(&configs.Cgroup{SystemdProperties: []configs.SystemdProperty{test.p}})
		if test.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), test.wantErr) || !strings.Contains(err.Error(), "SystemdProperties[0]") {
				t.Errorf("%+v: error %v, want one with %q", test.p, err, test.wantErr)
			}
			continue
		}
		if err != nil || len(got) != 1 || got[0].Name != test.p.Name || !cmp.Equal(got[0].Value.Value(), test.want) {
			t.Errorf("%+v: %v, error %v; want %v", test.p, got, err, test.want)
		}
	}
}
