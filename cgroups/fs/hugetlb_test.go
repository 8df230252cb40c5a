//go:build linux

package fs

import (
	"maps"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestHugetlbSet(t *testing.T) {
	files := map[string]string{"hugetlb.2MB.limit_in_bytes": "0\n", "hugetlb.1GB.limit_in_bytes": "0\n"}
	limits := func(limits ...*configs.HugepageLimit) configs.Resources {
		return configs.Resources{HugetlbLimit: limits}
	}
	runSetTests(t, "hugetlb", []setTest{
		{"two sizes", files, limits(&configs.HugepageLimit{Pagesize: "2MB", Limit: 4 << 20}, &configs.HugepageLimit{Pagesize: "1GB", Limit: 1 << 30}),
			map[string]string{"hugetlb.2MB.limit_in_bytes": "4194304", "hugetlb.1GB.limit_in_bytes": "1073741824"}, ""},
		{"smallest", map[string]string{"hugetlb.2MB.limit_in_bytes": "4096\n"}, limits(&configs.HugepageLimit{Pagesize: "2MB", Limit: 0}),
			map[string]string{"hugetlb.2MB.limit_in_bytes": "0"}, ""},
		{"second fails", files, limits(&configs.HugepageLimit{Pagesize: "2MB", Limit: 4 << 20}, &configs.HugepageLimit{Pagesize: "64KB"}),
			map[string]string{"hugetlb.2MB.limit_in_bytes": "0"}, "HugetlbLimit[1]"},
		{"a path", files, limits(&configs.HugepageLimit{Pagesize: "../x/2MB"}), nil, "page size"},
		{"no unit", files, limits(&configs.HugepageLimit{Pagesize: "2"}), nil, "page size"},
		{"nil", files, limits(nil), nil, "is nil"},
	})
}

func TestHugetlbStats(t *testing.T) {
	stats, err := fakeStats(t, "hugetlb", map[string]string{
		"hugetlb.2MB.limit_in_bytes":      "0\n",
		"hugetlb.2MB.usage_in_bytes":      "1\n",
		"hugetlb.2MB.max_usage_in_bytes":  "2\n",
		"hugetlb.2MB.failcnt":             "3\n",
		"hugetlb.2MB.rsvd.limit_in_bytes": "0\n",
	})
	want := map[string]cgroups.HugetlbStats{"2MB": {Usage: 1, MaxUsage: 2, Failcnt: 3}}
	if err != nil || !maps.Equal(stats.HugetlbStats, want) {
		t.Errorf("got %+v, %v, want %v", stats, err, want)
	}
}
