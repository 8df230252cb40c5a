//go:build linux

package fs

import (
	"math"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestSharedSet(t *testing.T) {
	handles := uint32(3)
	rdma := configs.Resources{Rdma: map[string]configs.RdmaLimit{"mlx": {HcaHandles: &handles}}}
	misc := configs.Resources{Misc: map[string]int64{"sev": 5}}
	runSetTests(t, "rdma", []setTest{
		{"rdma", map[string]string{"rdma.max": "mlx hca_handle=max hca_object=max\n"}, rdma,
			map[string]string{"rdma.max": "mlx hca_handle=3"}, ""},
		{"rdma, nothing", map[string]string{"rdma.max": "x\n"}, configs.Resources{}, map[string]string{"rdma.max": "x"}, ""},
		{"no file", nil, rdma, nil, "is not supported by this kernel"},
		{"misc is elsewhere", map[string]string{"rdma.max": "x\n"}, misc, map[string]string{"rdma.max": "x"}, "Misc cannot be set"},
	})
	runSetTests(t, "misc", []setTest{
		{"misc", map[string]string{"misc.max": "sev max\n"}, misc, map[string]string{"misc.max": "sev 5"}, ""},
		{"rdma is elsewhere", map[string]string{"misc.max": "x\n"}, rdma, map[string]string{"misc.max": "x"}, "Rdma cannot be set"},
	})
}

// A failure later puts back what was in force.
func TestSharedRollback(t *testing.T) {
	m, dir := fakeManager(t, "rdma", map[string]string{"rdma.max": "mlx hca_handle=max hca_object=max\n"})
	m.Paths["net_cls"] = dir
	objects := uint32(3)
	r := configs.Resources{AllowAllDevices: true, MemorySwappiness: -1, NetClsClassid: "1",
		Rdma: map[string]configs.RdmaLimit{"mlx": {HcaObjects: &objects}}}
	if err := m.Set(config(&r)); err == nil { // there is no net_cls.classid
		t.Error("no error")
	}
	if got, want := readFile(t, dir+"/rdma.max"), "mlx hca_handle=max hca_object=max"; got != want {
		t.Errorf("rdma.max has %q, want %q", got, want)
	}
}

func TestSharedStats(t *testing.T) {
	stats, err := fakeStats(t, "rdma", map[string]string{
		"rdma.current": "mlx hca_handle=1 hca_object=2\n", "rdma.max": "mlx hca_handle=3 hca_object=max\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := cgroups.RdmaStats{HcaHandles: cgroups.CountStats{Usage: 1, Limit: 3}, HcaObjects: cgroups.CountStats{Usage: 2, Limit: math.MaxUint64}}
	if got := stats.RdmaStats["mlx"]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
