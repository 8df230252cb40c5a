//go:build linux

package cgv2

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestUnifiedSet(t *testing.T) {
	unified := func(file, value string) configs.Resources {
		return configs.Resources{Unified: map[string]string{file: value}}
	}
	files := map[string]string{
		memoryHigh: "max\n", "memory.oom.group": "0\n", ioMax: "", "cgroup.max.depth": "max\n", "cpuset.cpus": "0\n", "hugetlb.2MB.max": "max\n",
	}
	runSetTests(t, files, []setTest{
		{"a limit", unified(memoryHigh, "4096"), map[string]string{memoryHigh: "4096"}, ""},
		{"a flag", unified("memory.oom.group", "1"), map[string]string{"memory.oom.group": "1"}, ""},
		{"lines", unified(ioMax, "8:0 rbps=1\n\n8:16 wbps=2\n"), map[string]string{ioMax: "8:16 wbps=2"}, ""},
		{"nothing", unified("cpuset.cpus", ""), map[string]string{"cpuset.cpus": ""}, ""},
		{"depth", unified("cgroup.max.depth", "3"), map[string]string{"cgroup.max.depth": "3"}, ""},
		{"page size", unified("hugetlb.2MB.max", "0"), map[string]string{"hugetlb.2MB.max": "0"}, ""},
		{"after the other limits", configs.Resources{MemoryHigh: 1, Unified: map[string]string{memoryHigh: "2"}}, map[string]string{memoryHigh: "2"}, ""},
		{"unknown file", unified("memory.nosuch", "1"), nil, `Unified["memory.nosuch"] (memory.nosuch) is not supported`},
		{"unknown controller", unified("nosuch.file", "1"), nil, "nosuch"},
		{"processes", unified(procsFile, "1"), nil, `Unified["cgroup.procs"]`},
		{"another cgroup", unified("memory/../x.y", "1"), nil, `Unified["memory/../x.y"]`},
		{"up", unified("..", "1"), nil, `Unified[".."]`},
		{"pressure", unified("memory.pressure", "some 1 2"), nil, `Unified["memory.pressure"]`},
	})
}
