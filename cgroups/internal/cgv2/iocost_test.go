//go:build linux

package cgv2

import (
	"os"
	"reflect"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
)

// The root cgroup has statistics but for what has limits.
func TestStatsOfTheRoot(t *testing.T) {
	c := fakeCgroup(t, map[string]string{
		"cpu.stat": "usage_usec 30\nuser_usec 10\nsystem_usec 20\n", "memory.stat": "anon 1\nfile 2\n",
		"io.stat": "8:16 rbytes=1 wbytes=2\n", "io.cost.qos": "8:16 enable=0\n", "cpuset.cpus.effective": "0-1\n",
	})
	if err := os.Remove(c.Dir.Path(typeFile)); err != nil {
		t.Fatal(err)
	}
	stats := cgroups.NewStats()
	if err := c.Stats(stats); err != nil {
		t.Fatal(err)
	}
	if stats.MemoryStats.Cache != 2 || len(stats.CpusetStats.EffectiveCpus) != 2 || stats.CpuStats.CpuUsage.TotalUsage != 30000 ||
		len(stats.BlkioStats.IoCost) != 1 || stats.BlkioStats.IoCost[0].Qos["enable"] != "0" {
		t.Errorf("got %+v", stats)
	}
}

func TestIoCostStats(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  []cgroups.IoCostStats
	}{
		"off": {map[string]string{"io.stat": "8:16 rbytes=10 wbytes=20\n"}, nil},
		"on":  {map[string]string{"io.stat": "8:16 rbytes=10 cost.usage=5\n8:32 rbytes=1\n"}, []cgroups.IoCostStats{{Major: 8, Minor: 16, Usage: 5}}},
		"with debugging": {
			map[string]string{"io.stat": "8:16 cost.usage=5 cost.wait=1 cost.indebt=2 cost.indelay=3\n"},
			[]cgroups.IoCostStats{{Major: 8, Minor: 16, Usage: 5, Wait: 1, Indebt: 2, Indelay: 3}},
		},
		"of the root": {
			map[string]string{
				"io.stat":       "8:16 rbytes=1 cost.vrate=97.25 cost.usage=5\n",
				"io.cost.qos":   "8:16 enable=1 ctrl=auto rpct=95.00 rlat=75000\n8:32 enable=0 ctrl=auto\n",
				"io.cost.model": "8:16 ctrl=user model=linear rbps=2706339840\n",
			},
			[]cgroups.IoCostStats{
				{
					Major: 8, Minor: 16, Usage: 5, Vrate: 97.25,
					Qos:   map[string]string{"enable": "1", "ctrl": "auto", "rpct": "95.00", "rlat": "75000"},
					Model: map[string]string{"ctrl": "user", "model": "linear", "rbps": "2706339840"},
				},
				{Major: 8, Minor: 32, Qos: map[string]string{"enable": "0", "ctrl": "auto"}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			stats, err := fakeStats(t, "io", tt.files)
			if got := stats.BlkioStats.IoCost; err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, %v, want %+v", got, err, tt.want)
			}
		})
	}
	for file, bad := range map[string]map[string]string{
		"io.stat":     {"io.stat": "8:16 cost.usage=x\n"},
		"io.stat: 8":  {"io.stat": "8:16 cost.vrate=NaN\n"},
		"io.cost.qos": {"io.stat": "", "io.cost.qos": "x enable=1\n"},
	} {
		_, err := fakeStats(t, "io", bad)
		if err == nil {
			t.Fatalf("%v was accepted", bad)
		}
		checkErr(t, err, file)
	}
}
