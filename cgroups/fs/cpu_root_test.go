//go:build linux

package fs

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// The kernel refuses shares for an idle cgroup: one ceases to be idle before it gets some,
// and gets them before it becomes idle.
func TestRootCpuIdle(t *testing.T) {
	m := rootManager(t, "")
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	dir := m.GetPaths()["cpu"]
	if !cgroups.PathExists(filepath.Join(dir, cpuIdle)) {
		t.Skip("the kernel has no cpu.idle (Linux 5.15) in cgroup v1")
	}
	set := func(idle, shares int64) error {
		return m.Set(config(&configs.Resources{CpuIdle: &idle, CpuShares: shares, AllowAllDevices: true, MemorySwappiness: -1}))
	}
	for _, step := range []struct {
		idle, shares int64
		fails        bool
	}{{1, 512, false}, {0, 2048, false}, {1, 0, false}, {1, 512, true}, {0, 512, false}} {
		err := set(step.idle, step.shares)
		if (err != nil) != step.fails || step.fails && !strings.Contains(err.Error(), "CpuIdle 1") {
			t.Errorf("idle %d, shares %d: error %v", step.idle, step.shares, err)
		}
		if got := readFile(t, filepath.Join(dir, cpuIdle)); strings.TrimSpace(got) != fmt.Sprint(step.idle) {
			t.Errorf("idle %d, shares %d: cpu.idle has %q", step.idle, step.shares, got)
		}
		if got := readFile(t, filepath.Join(dir, "cpu.shares")); step.idle == 0 && strings.TrimSpace(got) != fmt.Sprint(step.shares) {
			t.Errorf("idle %d, shares %d: cpu.shares has %q", step.idle, step.shares, got)
		}
	}
}
