//go:build linux

package cgv2

import (
	"reflect"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestCpusetSet(t *testing.T) {
	files := map[string]string{"cpuset.cpus": "\n", "cpuset.mems": "\n"}
	runSetTests(t, files, []setTest{
		{"nothing", configs.Resources{}, map[string]string{"cpuset.cpus": "", "cpuset.mems": ""}, ""},
		{"both", configs.Resources{CpusetCpus: "0-1", CpusetMems: "0"}, map[string]string{"cpuset.cpus": "0-1", "cpuset.mems": "0"}, ""},
	})
	runSetTests(t, nil, []setTest{
		{"no file", configs.Resources{CpusetCpus: "0"}, nil, "CpusetCpus (cpuset.cpus) is not supported by this kernel"},
	})
}

func TestCpusetStats(t *testing.T) {
	stats, err := fakeStats(t, "cpuset", map[string]string{
		"cpuset.cpus": "0-1,3\n", "cpuset.mems": "\n", "cpuset.cpus.effective": "0-1\n", "cpuset.mems.effective": "0\n",
		"cpuset.cpus.partition": "root invalid (Cpu list in cpuset.cpus not exclusive)\n",
	})
	want := cgroups.CpusetStats{
		Cpus: []int{0, 1, 3}, EffectiveCpus: []int{0, 1}, EffectiveMems: []int{0},
		Partition: "root invalid (Cpu list in cpuset.cpus not exclusive)",
	}
	if err != nil || !reflect.DeepEqual(stats.CpusetStats, want) {
		t.Errorf("got %+v, %v, want %+v", stats.CpusetStats, err, want)
	}
	root, err := fakeStats(t, "cpuset", map[string]string{"cpuset.cpus.effective": "0\n", "cpuset.mems.effective": "0\n"})
	if want := (cgroups.CpusetStats{EffectiveCpus: []int{0}, EffectiveMems: []int{0}}); err != nil || !reflect.DeepEqual(root.CpusetStats, want) {
		t.Errorf("of the root: got %+v, %v, want %+v", root.CpusetStats, err, want)
	}
	_, err = fakeStats(t, "cpuset", map[string]string{"cpuset.cpus": "3-1\n"})
	checkErr(t, err, "cpuset.cpus: ")
}
