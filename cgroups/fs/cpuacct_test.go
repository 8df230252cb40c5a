//go:build linux

package fs

import (
	"reflect"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
)

func TestCpuacctStats(t *testing.T) {
	files := map[string]string{
		"cpuacct.stat":         "user 3\nsystem 5\n",
		"cpuacct.usage":        "12345\n",
		"cpuacct.usage_percpu": "12000 345 \n",
	}
	stats, err := fakeStats(t, "cpuacct", files)
	if err != nil {
		t.Fatal(err)
	}
	want := cgroups.CpuUsage{
		TotalUsage:        12345,
		PercpuUsage:       []uint64{12000, 345},
		UsageInUsermode:   30_000_000,
		UsageInKernelmode: 50_000_000,
	}
	if got := stats.CpuStats.CpuUsage; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	files["cpuacct.stat"] = "user 3\nsystem x\n"
	_, err = fakeStats(t, "cpuacct", files)
	if err == nil || !strings.Contains(err.Error(), "cpuacct.stat: line 2") {
		t.Errorf("got %v, want an error with file and line", err)
	}
}
