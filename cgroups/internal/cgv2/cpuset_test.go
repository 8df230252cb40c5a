//go:build linux

package cgv2

import (
	"testing"

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
