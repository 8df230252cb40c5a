//go:build linux

package cgv2

import (
	"math"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestRdmaSet(t *testing.T) {
	limit := func(device string, l configs.RdmaLimit) configs.Resources {
		return configs.Resources{Rdma: map[string]configs.RdmaLimit{device: l}}
	}
	runSetTests(t, map[string]string{rdmaMax: "mlx hca_handle=max hca_object=max\n"}, []setTest{
		{"both", limit("mlx", configs.RdmaLimit{HcaHandles: ptr(uint32(1)), HcaObjects: ptr(uint32(2))}),
			map[string]string{rdmaMax: "mlx hca_handle=1 hca_object=2"}, ""},
		{"one", limit("mlx", configs.RdmaLimit{HcaObjects: ptr(uint32(2))}), map[string]string{rdmaMax: "mlx hca_object=2"}, ""},
		{"none", limit("mlx", configs.RdmaLimit{}), map[string]string{rdmaMax: "mlx hca_handle=max hca_object=max"}, ""},
		{"two lines", limit("a\nb", configs.RdmaLimit{}), nil, "not a single word"},
	})
}

func TestRdmaStats(t *testing.T) {
	stats, err := fakeStats(t, "rdma", map[string]string{
		"rdma.current": "mlx hca_handle=1 hca_object=2\n", rdmaMax: "mlx hca_handle=3 hca_object=max\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := cgroups.RdmaStats{
		HcaHandles: cgroups.CountStats{Usage: 1, Limit: 3},
		HcaObjects: cgroups.CountStats{Usage: 2, Limit: math.MaxUint64},
	}
	if got := stats.RdmaStats["mlx"]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
