//go:build linux

package fs

import (
	"reflect"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestBlkioSet(t *testing.T) {
	cfq := map[string]string{"blkio.weight": "500\n", "blkio.leaf_weight": "500\n", "blkio.weight_device": "", "blkio.leaf_weight_device": ""}
	bfq := map[string]string{"blkio.bfq.weight": "100\n", "blkio.bfq.weight_device": ""}
	throttle := map[string]string{
		"blkio.throttle.read_bps_device": "", "blkio.throttle.write_bps_device": "",
		"blkio.throttle.read_iops_device": "", "blkio.throttle.write_iops_device": "",
	}
	rate := func(rate uint64) []*configs.ThrottleDevice {
		return []*configs.ThrottleDevice{configs.NewThrottleDevice(8, 0, rate), configs.NewThrottleDevice(8, 16, rate)}
	}
	weights := []*configs.WeightDevice{configs.NewWeightDevice(8, 0, 300, 0)}
	runSetTests(t, "blkio", []setTest{
		{"CFQ", cfq, configs.Resources{BlkioWeight: 200, BlkioLeafWeight: 100, BlkioWeightDevice: []*configs.WeightDevice{configs.NewWeightDevice(8, 0, 300, 400)}},
			map[string]string{"blkio.weight": "200", "blkio.leaf_weight": "100", "blkio.weight_device": "8:0 300", "blkio.leaf_weight_device": "8:0 400"}, ""},
		{"smallest", bfq, configs.Resources{BlkioWeight: 1, BlkioWeightDevice: []*configs.WeightDevice{configs.NewWeightDevice(8, 0, 1, 0)}},
			map[string]string{"blkio.bfq.weight": "1", "blkio.bfq.weight_device": "8:0 1"}, ""},
		{"BFQ", bfq, configs.Resources{BlkioWeight: 200, BlkioWeightDevice: weights},
			map[string]string{"blkio.bfq.weight": "200", "blkio.bfq.weight_device": "8:0 300"}, ""},
		{"no scheduler", throttle, configs.Resources{BlkioWeight: 200}, nil, "BlkioWeight (blkio.weight) is not supported by this kernel"},
		{"no leaf weight", bfq, configs.Resources{BlkioWeight: 200, BlkioLeafWeight: 100},
			map[string]string{"blkio.bfq.weight": "100"}, "BlkioLeafWeight (blkio.leaf_weight) is not supported"},
		{"throttle", throttle, configs.Resources{
			BlkioThrottleReadBpsDevice: rate(1), BlkioThrottleWriteBpsDevice: rate(2),
			BlkioThrottleReadIOPSDevice: rate(3), BlkioThrottleWriteIOPSDevice: rate(4),
		}, map[string]string{
			"blkio.throttle.read_bps_device": "8:0 1\n8:16 1", "blkio.throttle.write_bps_device": "8:0 2\n8:16 2",
			"blkio.throttle.read_iops_device": "8:0 3\n8:16 3", "blkio.throttle.write_iops_device": "8:0 4\n8:16 4",
		}, ""},
		{"nil weight", bfq, configs.Resources{BlkioWeightDevice: []*configs.WeightDevice{nil}}, nil, "BlkioWeightDevice[0] is nil"},
		{"nil throttle", throttle, configs.Resources{BlkioThrottleReadBpsDevice: []*configs.ThrottleDevice{nil}}, nil, "BlkioThrottleReadBpsDevice[0] is nil"},
	})
}

func TestBlkioStats(t *testing.T) {
	throttle := map[string]string{
		"blkio.throttle.io_service_bytes_recursive": "8:0 Read 4096\n8:0 Write 0\n8:0 Total 4096\nTotal 4096\n",
		"blkio.throttle.io_serviced":                "8:0 Read 1\nTotal 1\n",
	}
	stats, err := fakeStats(t, "blkio", throttle)
	want := cgroups.BlkioStats{
		IoServiceBytesRecursive: []cgroups.BlkioStatEntry{
			{Major: 8, Op: "Read", Value: 4096}, {Major: 8, Op: "Write"}, {Major: 8, Op: "Total", Value: 4096}},
		IoServicedRecursive: []cgroups.BlkioStatEntry{{Major: 8, Op: "Read", Value: 1}},
	}
	if err != nil || !reflect.DeepEqual(stats.BlkioStats, want) {
		t.Errorf("throttling: got %+v, %v, want %+v", stats, err, want)
	}
	throttle["blkio.bfq.io_service_bytes_recursive"] = "8:16 Read 7\nTotal 7\n"
	throttle["blkio.bfq.time_recursive"] = "8:16 9\n"
	stats, err = fakeStats(t, "blkio", throttle)
	want.IoServiceBytesRecursive = []cgroups.BlkioStatEntry{{Major: 8, Minor: 16, Op: "Read", Value: 7}}
	want.IoTimeRecursive = []cgroups.BlkioStatEntry{{Major: 8, Minor: 16, Value: 9}}
	if err != nil || !reflect.DeepEqual(stats.BlkioStats, want) {
		t.Errorf("BFQ: got %+v, %v, want %+v", stats, err, want)
	}
}
