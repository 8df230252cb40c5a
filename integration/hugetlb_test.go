package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// needHugetlb skips where there is no controller of huge pages, or where a test
// would have to enable it for all other cgroups of a machine that is not its own.
func needHugetlb(t *testing.T) {
	t.Helper()
	s, err := cgroups.CurrentSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Find("hugetlb"); err == nil {
		return
	}
	unified, err := s.Find("")
	if err != nil {
		t.Skip("no hierarchy has the controller hugetlb")
	}
	has := func(file string) bool {
		text, err := os.ReadFile(filepath.Join(unified.Mountpoint, file))
		if err != nil {
			t.Fatal(err)
		}
		return slices.Contains(strings.Fields(string(text)), "hugetlb")
	}
	if !has("cgroup.controllers") {
		t.Skip("cgroup v2 has no controller hugetlb")
	}
	if os.Getenv("LCTEST_MANAGER") == "" && !has("cgroup.subtree_control") {
		t.Skip("hugetlb is not enabled in cgroup v2, and this machine is not the test's to enable it")
	}
}

// In the hybrid layout the controller can be that of cgroup v2.
func TestHugetlbLimit(t *testing.T) {
	needHugetlb(t)
	config := newConfig(t)
	config.Cgroups.HugetlbLimit = []*configs.HugepageLimit{{Pagesize: "2MB", Limit: 4 << 20}}
	container := newContainer(t, config)
	startBlocked(t, container)
	k := newKernelFiles(t, container)
	limit, ok := k.number("hugetlb.2MB.limit_in_bytes")
	if !ok {
		limit, ok = k.number("hugetlb.2MB.max")
	}
	if !ok || limit != 4<<20 {
		t.Errorf("the limit is %d, %v; want 4 MiB", limit, ok)
	}
	stats, err := container.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := stats.CgroupStats.HugetlbStats["2MB"]; !ok {
		t.Errorf("statistics %v", stats.CgroupStats.HugetlbStats)
	}
}
