//go:build linux

package fs2

import (
	"crypto/rand"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// rootManager returns a manager of a real cgroup, also in the hybrid layout's
// cgroup v2 mount, which is destroyed and looked for when the test ends.
func rootManager(t *testing.T) *Manager {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make cgroups")
	}
	s, err := cgroups.CurrentSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Find("")
	if err != nil {
		t.Skip("cgroup v2 is not mounted")
	}
	name := "lctest-" + strings.ToLower(rand.Text())
	probe := filepath.Join(h.Mountpoint, name)
	if err := os.Mkdir(probe, 0o755); err != nil {
		t.Skipf("the cgroup file system is not writable: %v", err)
	}
	if err := os.Remove(probe); err != nil {
		t.Fatal(err)
	}
	m := &Manager{Cgroups: &configs.Cgroup{Name: "c", Parent: "/" + name}}
	t.Cleanup(func() {
		if err := m.Destroy(); err != nil {
			t.Error(err)
		}
		if cgroups.PathExists(probe) {
			t.Errorf("%s is left", probe)
		}
	})
	return m
}

// startIn starts a program that waits for the end of its input, cloned into the
// manager's cgroup.
func startIn(t *testing.T, m *Manager) *exec.Cmd {
	t.Helper()
	dir, err := m.UnifiedDir()
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd := exec.Command("cat")
	if _, err := cmd.StdinPipe(); err != nil { // Wait closes it
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return cmd
}

func TestRootLife(t *testing.T) {
	m := rootManager(t)
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	cmd := startIn(t, m)
	pid := cmd.Process.Pid
	if pids, err := m.GetPids(); err != nil || !slices.Equal(pids, []int{pid}) {
		t.Fatalf("processes %v, error %v; want %d", pids, err, pid)
	}
	other := &Manager{Cgroups: m.Cgroups}
	if _, _, err := other.Plan(); !errors.Is(err, unix.EBUSY) || !strings.Contains(err.Error(), strconv.Itoa(pid)) {
		t.Errorf("plan of a cgroup in use: %v", err)
	}
	for _, state := range []configs.FreezerState{configs.Frozen, configs.Frozen, configs.Thawed} {
		if err := m.Freeze(state); err != nil {
			t.Fatal(err)
		}
		if got, err := m.FreezerState(); err != nil || got != state {
			t.Errorf("state %q, error %v; want %q", got, err, state)
		}
	}
	stats, err := m.GetStats()
	if err != nil || stats.CpuStats.CpuUsage.TotalUsage == 0 || stats.CpuStats.PSI == nil {
		t.Errorf("statistics %+v, error %v", stats, err)
	}
	if err := m.Freeze(configs.Frozen); err != nil {
		t.Fatal(err)
	}
	if err := m.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.String() != "signal: killed" {
		t.Errorf("after Kill the process's state is %v", cmd.ProcessState)
	}
	if err := m.Destroy(); err != nil {
		t.Fatal(err)
	}
}

// A container can be below a threaded cgroup, and its processes are listed there.
func TestRootThreaded(t *testing.T) {
	outer := rootManager(t)
	if err := outer.Create(); err != nil {
		t.Fatal(err)
	}
	parent := filepath.Join(outer.GetPaths()[""], "threads")
	if err := os.Mkdir(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(parent, typeFile), []byte("threaded"), 0); err != nil {
		t.Fatal(err)
	}
	s, err := cgroups.CurrentSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	h, err := s.Find("")
	if err != nil {
		t.Fatal(err)
	}
	m := &Manager{Cgroups: &configs.Cgroup{Name: "inner", Parent: strings.TrimPrefix(parent, h.Mountpoint)}}
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(m.GetPaths()[""], typeFile)); got != "threaded" {
		t.Errorf("cgroup.type is %q", got)
	}
	cmd := startIn(t, m)
	for _, list := range []func() ([]int, error){m.GetPids, m.GetAllPids, outer.GetAllPids} {
		if pids, err := list(); err != nil || !slices.Equal(pids, []int{cmd.Process.Pid}) {
			t.Errorf("processes %v, error %v; want %d", pids, err, cmd.Process.Pid)
		}
	}
	err = m.Set(config(&configs.Resources{AllowAllDevices: true, Memory: 1 << 30}))
	if !cgroups.IsNotFound(err) && (!errors.Is(err, unix.EOPNOTSUPP) || !strings.Contains(err.Error(), "threaded")) {
		t.Errorf("a limit of memory: %v", err)
	}
	if err := outer.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if err := m.Destroy(); err != nil {
		t.Error(err)
	}
}
