//go:build linux

package cgv2

import (
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestCheck(t *testing.T) {
	for field, r := range map[string]configs.Resources{
		"KernelMemory":                 {KernelMemory: 1},
		"KernelMemoryTCP":              {KernelMemoryTCP: 1},
		"CpuRtRuntime":                 {CpuRtRuntime: 1},
		"CpuRtPeriod":                  {CpuRtPeriod: 1},
		"OomKillDisable":               {OomKillDisable: true},
		"MemorySwappiness":             {MemorySwappiness: 1},
		"BlkioLeafWeight":              {BlkioLeafWeight: 10},
		"BlkioWeightDevice.LeafWeight": {BlkioWeightDevice: []*configs.WeightDevice{configs.NewWeightDevice(8, 0, 0, 10)}},
		"NetClsClassid":                {NetClsClassid: "1"},
		"NetPrioIfpriomap":             {NetPrioIfpriomap: []*configs.IfPrioMap{{}}},
	} {
		t.Run(field, func(t *testing.T) {
			err := All(&r).Check()
			checkErr(t, err, field)
			if !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("got %v, want ErrUnsupported", err)
			}
			// In the hybrid layout it may be for cgroup v1.
			if err := Of(&r, []string{"pids", "hugetlb"}).Check(); err != nil {
				t.Errorf("for other controllers: %v", err)
			}
		})
	}
	// What asks for nothing passes, as it does in the classic default.
	if err := All(&configs.Resources{AllowAllDevices: true, MemorySwappiness: -1, KernelMemory: -1, KernelMemoryTCP: -1, CpuRtRuntime: -1}).Check(); err != nil {
		t.Error(err)
	}
}

// all asks something of each controller, and of the freezer, and for devices.
func all() *configs.Resources {
	return &configs.Resources{
		CpusetCpus: "0", CpuShares: 2, Memory: 1, PidsLimit: 1, BlkioWeight: 10,
		HugetlbLimit: []*configs.HugepageLimit{{Pagesize: "2MB"}},
		Rdma:         map[string]configs.RdmaLimit{"x": {}},
		Misc:         map[string]int64{"x": 1},
		Unified:      map[string]string{"dmem.max": "x 1", "cgroup.max.depth": "3", "pids.max": "5"},
		Freezer:      configs.Frozen,
	}
}

func TestRequired(t *testing.T) {
	for name, test := range map[string]struct {
		limits      Limits
		field       string
		controllers []string
	}{
		"nothing":          {All(nil), "", nil},
		"no limit":         {All(&configs.Resources{AllowAllDevices: true, PidsLimit: -1}), "", nil},
		"devices":          {All(&configs.Resources{}), "AllowedDevices", nil},
		"denied devices":   {All(&configs.Resources{AllowAllDevices: true, DeniedDevices: []*configs.Device{{}}}), "DeniedDevices", nil},
		"freezer":          {All(&configs.Resources{AllowAllDevices: true, Freezer: configs.Frozen}), "Freezer", nil},
		"unified":          {All(&configs.Resources{Unified: map[string]string{"a.b": ""}}), "Unified", []string{"a"}},
		"depth":            {All(&configs.Resources{Unified: map[string]string{"cgroup.max.depth": "3"}}), "Unified", nil},
		"all":              {All(all()), "CpusetCpus", []string{"cpuset", "cpu", "memory", "pids", "hugetlb", "io", "rdma", "misc", "dmem"}},
		"of one":           {Of(all(), []string{"pids"}), "PidsLimit", []string{"pids"}},
		"of the core":      {Of(all(), []string{Core}), "Unified", nil},
		"of one in files":  {Of(all(), []string{"dmem"}), "Unified", []string{"dmem"}},
		"of none":          {Of(all(), nil), "", nil},
		"of what is v1's":  {Of(&configs.Resources{NetClsClassid: "1"}, []string{"cpu"}), "", nil},
		"of two, one asks": {Of(&configs.Resources{Misc: map[string]int64{"x": 1}}, []string{"rdma", "misc"}), "Misc", []string{"misc"}},
	} {
		if got := test.limits.Required(); got != test.field {
			t.Errorf("%s: the field is %q, want %q", name, got, test.field)
		}
		if got := test.limits.requires(); !slices.Equal(got, test.controllers) {
			t.Errorf("%s: the controllers are %q, want %q", name, got, test.controllers)
		}
	}
}

// Of what is asked only the given controllers are set, and no others.
func TestSetOfSome(t *testing.T) {
	files := map[string]string{
		"pids.max": "max\n", "misc.max": "x max\n", "memory.max": "max\n", "cgroup.freeze": "0\n", "cgroup.max.depth": "max\n",
	}
	c := fakeCgroup(t, files)
	c.Attach = func(int, *configs.Resources) error {
		t.Error("rules for devices were attached")
		return nil
	}
	r := all()
	delete(r.Unified, "pids.max")
	if err := set(c, Of(r, []string{Core, "misc", "pids"})); err != nil {
		t.Fatal(err)
	}
	want := maps.Clone(files)
	want["pids.max"], want["misc.max"], want["memory.max"], want["cgroup.freeze"], want["cgroup.max.depth"] = "1", "x 1", "max", "0", "3"
	checkFiles(t, c, want)
}

func TestBeyond(t *testing.T) {
	for field, test := range map[string]struct {
		r          configs.Resources
		controller string
	}{
		"MemoryMin":                   {configs.Resources{MemoryMin: 1}, "memory"},
		"MemoryLow":                   {configs.Resources{MemoryLow: 1}, "memory"},
		"MemoryHigh":                  {configs.Resources{MemoryHigh: 1}, "memory"},
		"CpuWeight":                   {configs.Resources{CpuWeight: 1}, "cpu"},
		"IoLatencyDevice":             {configs.Resources{IoLatencyDevice: []*configs.LatencyDevice{nil}}, "io"},
		`Unified["memory.max"]`:       {configs.Resources{Unified: map[string]string{"memory.max": "1"}}, "memory"},
		`Unified["cgroup.max.depth"]`: {configs.Resources{Unified: map[string]string{"cgroup.max.depth": "1"}}, Core},
	} {
		if got, controller := Beyond(&test.r, []string{"pids"}); got != field || controller != test.controller {
			t.Errorf("%s: got %s of %s, want the controller %s", field, got, controller, test.controller)
		}
		if got, _ := Beyond(&test.r, []string{test.controller}); got != "" {
			t.Errorf("%s: got %s although %s is at hand", field, got, test.controller)
		}
	}
	v1 := configs.Resources{Misc: map[string]int64{"x": 1}, Rdma: map[string]configs.RdmaLimit{"x": {}}, Memory: 1, MemoryMin: -1, CpuShares: 2, PidsLimit: 1, BlkioWeight: 10}
	if got, _ := Beyond(&v1, nil); got != "" {
		t.Errorf("%s is cgroup v1's, too", got)
	}
}
