//go:build linux

package cgv2

import (
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestHugetlbSet(t *testing.T) {
	limit := func(size string) configs.Resources {
		return configs.Resources{HugetlbLimit: []*configs.HugepageLimit{{Pagesize: size, Limit: 4096}}}
	}
	runSetTests(t, map[string]string{"hugetlb.2MB.max": "max\n", "hugetlb.2MB.rsvd.max": "max\n"}, []setTest{
		{"limit", limit("2MB"), map[string]string{"hugetlb.2MB.max": "4096", "hugetlb.2MB.rsvd.max": "4096"}, ""},
		{"unknown size", limit("3MB"), nil, "HugetlbLimit[0] (hugetlb.3MB.max) is not supported"},
		{"no size", limit("../x"), nil, `page size "../x"`},
		{"nil", configs.Resources{HugetlbLimit: []*configs.HugepageLimit{nil}}, nil, "HugetlbLimit[0] is nil"},
	})
}

func TestHugetlbStats(t *testing.T) {
	stats, err := fakeStats(t, "hugetlb", map[string]string{
		"hugetlb.2MB.current": "1\n", "hugetlb.2MB.max": "2\n", "hugetlb.2MB.events": "max 3\n", "hugetlb.2MB.rsvd.max": "max\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := stats.HugetlbStats["2MB"], (cgroups.HugetlbStats{Usage: 1, Limit: 2, Failcnt: 3}); got != want || len(stats.HugetlbStats) != 1 {
		t.Errorf("got %+v, want %+v alone", stats.HugetlbStats, want)
	}
}
