//go:build linux

package cgv2

import (
	"slices"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestIoSet(t *testing.T) {
	files := map[string]string{ioWeight: "default 100\n", ioBfqWeight: "default 100\n", ioMax: "", ioLatency: ""}
	throttle := func(rate uint64) []*configs.ThrottleDevice {
		return []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 16, rate)}
	}
	runSetTests(t, files, []setTest{
		{"nothing", configs.Resources{}, map[string]string{ioWeight: "default 100", ioMax: ""}, ""},
		{"weight", configs.Resources{BlkioWeight: 500}, map[string]string{ioWeight: "default 4950", ioBfqWeight: "default 500"}, ""},
		{"weight of a device", configs.Resources{BlkioWeightDevice: []*configs.WeightDevice{configs.NewWeightDevice(8, 0, 10, 0)}},
			map[string]string{ioWeight: "8:0 1", ioBfqWeight: "8:0 10"}, ""},
		{"weight out of range", configs.Resources{BlkioWeight: 1001}, map[string]string{ioWeight: "default 100"}, "1001 is not between"},
		{"no device", configs.Resources{BlkioWeightDevice: []*configs.WeightDevice{nil}}, nil, "BlkioWeightDevice[0] is nil"},
		{"reads in bytes", configs.Resources{BlkioThrottleReadBpsDevice: throttle(1)}, map[string]string{ioMax: "8:16 rbps=1"}, ""},
		{"writes in bytes", configs.Resources{BlkioThrottleWriteBpsDevice: throttle(2)}, map[string]string{ioMax: "8:16 wbps=2"}, ""},
		{"reads", configs.Resources{BlkioThrottleReadIOPSDevice: throttle(3)}, map[string]string{ioMax: "8:16 riops=3"}, ""},
		{"writes", configs.Resources{BlkioThrottleWriteIOPSDevice: throttle(4)}, map[string]string{ioMax: "8:16 wiops=4"}, ""},
		{"no limit", configs.Resources{BlkioThrottleReadBpsDevice: throttle(0)}, map[string]string{ioMax: "8:16 rbps=max"}, ""},
		{"no throttle device", configs.Resources{BlkioThrottleReadBpsDevice: []*configs.ThrottleDevice{nil}}, nil, "BlkioThrottleReadBpsDevice[0] is nil"},
		{"latency", configs.Resources{IoLatencyDevice: []*configs.LatencyDevice{configs.NewLatencyDevice(8, 0, 75000)}},
			map[string]string{ioLatency: "8:0 target=75000"}, ""},
	})
	runSetTests(t, without1(files, ioBfqWeight), []setTest{
		{"without BFQ", configs.Resources{BlkioWeight: 1000}, map[string]string{ioWeight: "default 10000"}, ""},
	})
	runSetTests(t, without1(without1(files, ioBfqWeight), ioWeight), []setTest{
		{"without weights", configs.Resources{BlkioWeight: 1000}, nil, "neither BFQ nor iocost"},
	})
}

func TestIoStats(t *testing.T) {
	stats, err := fakeStats(t, "io", map[string]string{
		"io.stat": "8:16 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=5 dios=3\n254:0 \n(unknown) rbytes=7 wbytes=8 rios=1 wios=1 dbytes=0 dios=0\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	entries := func(read, write, discard, total uint64) (list []cgroups.BlkioStatEntry) {
		for _, op := range []struct {
			name  string
			value uint64
		}{{"Read", read}, {"Write", write}, {"Discard", discard}, {"Total", total}} {
			list = append(list, cgroups.BlkioStatEntry{Major: 8, Minor: 16, Op: op.name, Value: op.value})
		}
		return list
	}
	b := stats.BlkioStats
	if want := entries(10, 20, 5, 35); !slices.Equal(b.IoServiceBytesRecursive, want) {
		t.Errorf("bytes %+v, want %+v", b.IoServiceBytesRecursive, want)
	}
	if want := entries(1, 2, 3, 6); !slices.Equal(b.IoServicedRecursive, want) {
		t.Errorf("operations %+v, want %+v", b.IoServicedRecursive, want)
	}
	for _, bad := range []string{"x rbytes=1\n", "8:0 rbytes=x\n"} {
		if _, err := fakeStats(t, "io", map[string]string{"io.stat": bad}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}
