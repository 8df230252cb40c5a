//go:build linux

package fs

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	devicerules "github.com/libcontainer/libcontainer/cgroups/devices"
	"github.com/libcontainer/libcontainer/configs"
)

// rootName returns a name for a cgroup of this test, or skips the test where
// it cannot make real cgroups.
func rootName(t *testing.T) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root to make cgroups")
	}
	s, err := cgroups.CurrentSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	if s.Layout() == cgroups.LayoutV2 || s.Layout() == 0 {
		t.Skipf("needs cgroup v1 hierarchies; the layout here is %v", s.Layout())
	}
	name := "lctest-" + strings.ToLower(rand.Text())
	probe := filepath.Join(s.Hierarchies()[0].Own, name)
	if err := os.Mkdir(probe, 0o755); err != nil {
		t.Skipf("the cgroup file system is not writable: %v", err)
	}
	if err := os.Remove(probe); err != nil {
		t.Fatal(err)
	}
	return name
}

// rootManager returns a manager of cgroups with a new name below parent, which
// are destroyed and looked for when the test ends.
func rootManager(t *testing.T, parent string) *Manager {
	t.Helper()
	m := &Manager{Cgroups: &configs.Cgroup{Name: rootName(t), Parent: parent}}
	paths, _, err := m.Plan()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Destroy(); err != nil {
			t.Error(err)
		}
		for _, path := range paths {
			if cgroups.PathExists(path) {
				t.Errorf("%s is left", path)
			}
		}
	})
	return m
}

// child is a process that lives until the test ends it.
type child struct {
	*exec.Cmd
	stdin io.Closer
	once  sync.Once
}

// startChild starts a program that waits for the end of its input. Tests which
// call it have called rootManager before, so that it ends before Destroy.
func startChild(t *testing.T, cmd *exec.Cmd) *child {
	t.Helper()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	c := &child{Cmd: cmd, stdin: stdin}
	t.Cleanup(c.end)
	return c
}

// end ends the child and waits for it.
func (c *child) end() {
	c.once.Do(func() {
		c.stdin.Close()
		_ = c.Process.Kill()
		_ = c.Wait()
	})
}

// readFile returns a file's content without space at its end.
func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(content))
}

// config returns a configuration with the resources r.
func config(r *configs.Resources) *configs.Config {
	return &configs.Config{Cgroups: &configs.Cgroup{Resources: r}}
}

func TestRootLifecycle(t *testing.T) {
	m := rootManager(t, "lctest-parent")
	planned, _, err := m.Plan()
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	paths := m.GetPaths()
	if !maps.Equal(paths, planned) {
		t.Errorf("made %v, planned %v", paths, planned)
	}
	err = m.Set(config(&configs.Resources{
		Memory:         64 << 20,
		CpuShares:      512,
		CpuQuota:       50000,
		CpuPeriod:      200000,
		PidsLimit:      20,
		AllowedDevices: configs.DefaultAllowedDevices,
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []struct{ key, file, value string }{
		{"memory", "memory.limit_in_bytes", "67108864"},
		{"memory", "memory.swappiness", "0"},
		{"cpu", "cpu.shares", "512"},
		{"cpu", "cpu.cfs_quota_us", "50000"},
		{"cpu", "cpu.cfs_period_us", "200000"},
		{"pids", "pids.max", "20"},
	} {
		if got := readFile(t, filepath.Join(paths[want.key], want.file)); got != want.value {
			t.Errorf("%s is %q, want %q", want.file, got, want.value)
		}
	}
	checkDevices(t, paths["devices"], configs.DefaultAllowedDevices)

	c := startChild(t, exec.Command("cat"))
	checkEnter(t, m, c.Process.Pid)
	checkFreeze(t, m)
	checkStats(t, m)
	c.end()
	for range 2 {
		if err := m.Destroy(); err != nil {
			t.Fatal(err)
		}
	}
	parent := filepath.Dir(paths["freezer"])
	if cgroups.PathExists(parent) {
		t.Errorf("the parent %s is left", parent)
	}
}

// checkDevices compares devices.list with what it should be.
func checkDevices(t *testing.T, path string, want []*configs.Device) {
	t.Helper()
	wanted, err := devicerules.New(false, want, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := devicerules.ParseList(readFile(t, filepath.Join(path, devicesList)))
	if err != nil || got.AllowAll || !maps.Equal(got.Exceptions, wanted.Exceptions) {
		t.Errorf("devices.list has %v (error %v), want %v", got, err, wanted)
	}
}

// checkEnter moves pid into m's cgroups, one stage after the other.
func checkEnter(t *testing.T, m *Manager, pid int) {
	t.Helper()
	for _, stage := range []cgroups.Stage{cgroups.StageSetup, cgroups.StageExec} {
		if err := m.Enter(pid, stage); err != nil {
			t.Fatal(err)
		}
	}
	for key, path := range m.GetPaths() {
		if pids, err := cgroups.GetPids(path); err != nil || !slices.Equal(pids, []int{pid}) {
			t.Errorf("the cgroup %q has %v, %v, want %d", key, pids, err, pid)
		}
	}
	for name, get := range map[string]func() ([]int, error){"GetPids": m.GetPids, "GetAllPids": m.GetAllPids} {
		if pids, err := get(); err != nil || !slices.Equal(pids, []int{pid}) {
			t.Errorf("%s gives %v, %v, want %d", name, pids, err, pid)
		}
	}
}

func checkFreeze(t *testing.T, m *Manager) {
	t.Helper()
	for _, state := range []configs.FreezerState{configs.Frozen, configs.Thawed} {
		if err := m.Freeze(state); err != nil {
			t.Fatal(err)
		}
		checkFreezerState(t, m, state)
	}
	path, ok := m.GetPaths()["freezer"]
	if !ok {
		return
	}
	// Somebody else froze by the controller of cgroup v1.
	if err := os.WriteFile(filepath.Join(path, freezerFile), []byte(configs.Frozen), 0); err != nil {
		t.Fatal(err)
	}
	if got, err := m.FreezerState(); err != nil || got != configs.Frozen && got != configs.Freezing {
		t.Errorf("the freezer's state is %q, error %v; want frozen by cgroup v1", got, err)
	}
	if err := m.Freeze(configs.Thawed); err != nil {
		t.Fatal(err)
	}
	checkFreezerState(t, m, configs.Thawed)
}

func checkFreezerState(t *testing.T, m *Manager, want configs.FreezerState) {
	t.Helper()
	if got, err := m.FreezerState(); err != nil || got != want {
		t.Errorf("the freezer's state is %q, error %v; want %q", got, err, want)
	}
}

func checkStats(t *testing.T, m *Manager) {
	t.Helper()
	stats, err := m.GetStats()
	if err != nil {
		t.Fatal(err)
	}
	if got := stats.PidsStats; got != (cgroups.PidsStats{Current: 1, Limit: 20}) {
		t.Errorf("pids: %+v", got)
	}
	if got := stats.MemoryStats; got.Usage.Limit != 64<<20 || len(got.Stats) == 0 {
		t.Errorf("memory: %+v", got)
	}
	if got := stats.CpuStats.CpuUsage; len(got.PercpuUsage) == 0 {
		t.Errorf("cpu: %+v", got)
	}
}

func TestRootSetAgain(t *testing.T) {
	m := rootManager(t, "")
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	paths := m.GetPaths()
	limit := filepath.Join(paths["memory"], memoryLimit)
	memsw := filepath.Join(paths["memory"], memswLimit)
	if !cgroups.PathExists(memsw) {
		t.Skip("the kernel has no swap accounting")
	}
	for _, pair := range [][2]int64{{64 << 20, 128 << 20}, {256 << 20, 512 << 20}, {32 << 20, 32 << 20}, {-1, -1}, {32 << 20, 64 << 20}, {-1, 0}} {
		err := m.Set(config(&configs.Resources{AllowAllDevices: true, Memory: pair[0], MemorySwap: pair[1]}))
		if err != nil {
			t.Fatalf("limits %v: %v", pair, err)
		}
		if pair[0] > 0 && (readFile(t, limit) != fmt.Sprint(pair[0]) || readFile(t, memsw) != fmt.Sprint(pair[1])) {
			t.Errorf("limits %v: got %s and %s", pair, readFile(t, limit), readFile(t, memsw))
		}
	}
	for _, pair := range [][2]int64{{50000, 100000}, {500000, 1000000}, {5000, 10000}, {-1, 100000}} {
		err := m.Set(config(&configs.Resources{AllowAllDevices: true, CpuQuota: pair[0], CpuPeriod: pair[1]}))
		if err != nil {
			t.Fatalf("quota and period %v: %v", pair, err)
		}
	}
	err := m.Set(config(&configs.Resources{AllowAllDevices: true, CpuShares: 1 << 30}))
	if err == nil || !strings.Contains(err.Error(), "262144") {
		t.Errorf("CpuShares out of range: %v, want an error with the maximum", err)
	}
	if got := readFile(t, filepath.Join(paths["cpu"], "cpu.shares")); got != "1024" {
		t.Errorf("cpu.shares is %s after the error, want 1024", got)
	}
}

// A live container with sub-cgroups gets other devices: the kernel refuses to
// clear the list then.
func TestRootSetDevicesAgain(t *testing.T) {
	m := rootManager(t, "")
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	path := m.GetPaths()["devices"]
	null := &configs.Device{Type: 'c', Major: 1, Minor: 3, Permissions: "rwm"}
	nullRead := &configs.Device{Type: 'c', Major: 1, Minor: 3, Permissions: "r"}
	zero := &configs.Device{Type: 'c', Major: 1, Minor: 5, Permissions: "rw"}
	ptys := &configs.Device{Type: 'c', Major: 136, Minor: configs.Wildcard, Permissions: "rwm"}
	set := func(list ...*configs.Device) {
		t.Helper()
		if err := m.Set(config(&configs.Resources{AllowedDevices: list})); err != nil {
			t.Fatal(err)
		}
		checkDevices(t, path, list)
	}
	set(null, ptys)
	if err := os.Mkdir(filepath.Join(path, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	set(nullRead, zero)
	set()
	set(null, zero, ptys)
	err := m.Set(config(&configs.Resources{AllowAllDevices: true}))
	if err == nil || !strings.Contains(err.Error(), "sub-cgroups") {
		t.Errorf("allow all with a sub-cgroup: %v, want an error that says so", err)
	}
}

// Denied devices cannot be opened, the others can.
func TestRootDeniedDevices(t *testing.T) {
	m := rootManager(t, "")
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	zero := &configs.Device{Type: 'c', Major: 1, Minor: 5, Permissions: "rw"}
	deny := &configs.Resources{AllowAllDevices: true, DeniedDevices: []*configs.Device{zero}}
	for range 2 {
		if err := m.Set(config(deny)); err != nil {
			t.Fatal(err)
		}
	}
	probe := exec.Command("sh", "-c", "echo 0 >&3; exec 3>&-; : </dev/null && ! (: </dev/zero) 2>&-")
	tasks, err := os.OpenFile(filepath.Join(m.GetPaths()["devices"], "tasks"), os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer tasks.Close()
	probe.ExtraFiles = []*os.File{tasks}
	if out, err := probe.CombinedOutput(); err != nil {
		t.Errorf("with /dev/zero denied: %v: %s", err, out)
	}
}

// If a limit cannot be set, the others go back.
func TestRootSetFails(t *testing.T) {
	m := rootManager(t, "")
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	paths := m.GetPaths()
	unset := map[string]string{}
	for key, file := range map[string]string{"cpu": "cpu.shares", "memory": memoryLimit, "pids": "pids.max", "devices": devicesList} {
		file = filepath.Join(paths[key], file)
		unset[file] = readFile(t, file)
	}
	err := m.Set(config(&configs.Resources{
		CpuShares:       100,
		Memory:          64 << 20,
		PidsLimit:       10,
		BlkioLeafWeight: 500, // gone with CFQ
	}))
	if err == nil || !strings.Contains(err.Error(), "BlkioLeafWeight") {
		t.Fatalf("Set: %v, want an error about BlkioLeafWeight", err)
	}
	for file, value := range unset {
		if got := readFile(t, file); got != value {
			t.Errorf("%s is %q, was %q", file, got, value)
		}
	}
}

// A child that moves itself while it has one thread.
// CreateUnified makes what UnifiedDir opens, and Create the rest. What only the first has
// made Destroy removes.
func TestRootCreateUnified(t *testing.T) {
	m := rootManager(t, "")
	planned, _, err := m.Plan()
	if err != nil {
		t.Fatal(err)
	}
	unified, hybrid := planned[""]
	check := func(step string, made func(path string) bool) {
		t.Helper()
		for key, path := range planned {
			if cgroups.PathExists(path) != made(path) {
				t.Errorf("%s: %q is there: %v", step, key, !made(path))
			}
		}
	}
	none := func(string) bool { return false }
	for _, create := range []bool{false, true} {
		if err := m.CreateUnified(); err != nil {
			t.Fatal(err)
		}
		check("CreateUnified", func(path string) bool { return hybrid && path == unified })
		dir, err := m.UnifiedDir()
		if err != nil || (dir != nil) != hybrid {
			t.Errorf("UnifiedDir: %v, %v", dir, err)
		}
		if dir != nil {
			dir.Close()
		}
		if create {
			if err := m.Create(); err != nil {
				t.Fatal(err)
			}
			check("Create", func(string) bool { return true })
			if got := m.GetPaths(); !maps.Equal(got, planned) {
				t.Errorf("paths %v, want %v", got, planned)
			}
		}
		if err := m.Destroy(); err != nil {
			t.Fatal(err)
		}
		check("Destroy", none)
	}
}

func TestRootEntryFiles(t *testing.T) {
	m := rootManager(t, "")
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	var files []*os.File
	for _, stage := range []cgroups.Stage{cgroups.StageSetup, cgroups.StageExec} {
		opened, err := m.EntryFiles(stage)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, opened...)
	}
	script := `for fd; do echo 0 >/proc/self/fd/$fd || exit; done; echo ready; exec cat`
	cmd := exec.Command("sh", "-c", script, "sh")
	for i, f := range files {
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		cmd.Args = append(cmd.Args, fmt.Sprint(3+i))
	}
	unified, err := m.UnifiedDir()
	if err != nil {
		t.Fatal(err)
	}
	if unified != nil {
		defer unified.Close()
		cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(unified.Fd())}
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c := startChild(t, cmd)
	ready := make([]byte, len("ready\n"))
	if _, err := io.ReadFull(stdout, ready); err != nil {
		t.Fatal(err)
	}
	for key, path := range m.GetPaths() {
		if pids, err := cgroups.GetPids(path); err != nil || !slices.Equal(pids, []int{c.Process.Pid}) {
			t.Errorf("the cgroup %q has %v, %v, want %d", key, pids, err, c.Process.Pid)
		}
	}
}

// Destroy waits for a process that is about to exit, and removes what a
// container has made in its cgroup.
func TestRootDestroy(t *testing.T) {
	m := rootManager(t, "")
	c := startChild(t, exec.Command("cat"))
	if err := m.Apply(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	for key, path := range m.GetPaths() {
		if key == "cpuset" {
			continue
		}
		if err := os.MkdirAll(filepath.Join(path, "a", "b"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	sub := filepath.Join(m.GetPaths()["freezer"], "a", "b", "cgroup.procs")
	if err := os.WriteFile(sub, fmt.Append(nil, c.Process.Pid), 0); err != nil {
		t.Fatal(err)
	}
	if pids, err := m.GetPids(); err != nil || len(pids) != 0 {
		t.Errorf("GetPids gives %v, %v, want none", pids, err)
	}
	if pids, err := m.GetAllPids(); err != nil || !slices.Equal(pids, []int{c.Process.Pid}) {
		t.Errorf("GetAllPids gives %v, %v, want %d", pids, err, c.Process.Pid)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	loaded := &Manager{Cgroups: m.Cgroups, Paths: m.GetPaths()}
	if err := loaded.Destroy(); err != nil {
		t.Fatal(err)
	}
}

func TestRootApplyFails(t *testing.T) {
	m := rootManager(t, "")
	c := startChild(t, exec.Command("true"))
	c.end()
	if err := m.Apply(c.Process.Pid); !errors.Is(err, syscall.ESRCH) {
		t.Fatalf("Apply of an ended process: %v, want ESRCH", err)
	}
	if paths := m.GetPaths(); len(paths) != 0 {
		t.Errorf("paths are left: %v", paths)
	}
	planned, _, err := m.Plan()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range planned {
		if cgroups.PathExists(path) {
			t.Errorf("%s is left", path)
		}
	}
}

func TestRootJoinExisting(t *testing.T) {
	m := rootManager(t, "")
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	path := m.GetPaths()["freezer"]
	guest := &Manager{Cgroups: &configs.Cgroup{Paths: map[string]string{"freezer": path}}}
	c := startChild(t, exec.Command("cat"))
	if err := guest.Apply(c.Process.Pid); err != nil {
		t.Fatal(err)
	}
	if pids, err := guest.GetPids(); err != nil || !slices.Equal(pids, []int{c.Process.Pid}) {
		t.Errorf("GetPids gives %v, %v, want %d", pids, err, c.Process.Pid)
	}
	if err := guest.Destroy(); err != nil {
		t.Fatal(err)
	}
	if !cgroups.PathExists(path) {
		t.Errorf("%s was removed", path)
	}
}

// Containers come and go in a parent that each of them may make and remove.
func TestRootSharedParent(t *testing.T) {
	name := rootName(t)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 10 {
				m := &Manager{Cgroups: &configs.Cgroup{Name: fmt.Sprint("lctest-", i), Parent: name + "/b"}}
				if err := m.Apply(-1); err != nil {
					t.Errorf("Apply: %v", err)
				}
				if err := m.Destroy(); err != nil {
					t.Errorf("Destroy: %v", err)
				}
			}
		})
	}
	wg.Wait()
	// A parent stays if its maker could not remove it: another's container
	// was in it.
	m := &Manager{Cgroups: &configs.Cgroup{Name: name}}
	if err := m.Create(); err != nil {
		t.Error(err)
	}
	if err := m.Destroy(); err != nil {
		t.Error(err)
	}
}

func BenchmarkRootLifecycle(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("needs root to make cgroups")
	}
	c := config(&configs.Resources{
		Memory:         64 << 20,
		PidsLimit:      20,
		AllowedDevices: configs.DefaultAllowedDevices,
	})
	for b.Loop() {
		m := &Manager{Cgroups: &configs.Cgroup{Name: "lctest-" + rand.Text()}}
		if err := m.Create(); err != nil {
			b.Fatal(err)
		}
		if err := m.Set(c); err != nil {
			b.Fatal(err)
		}
		if err := m.Destroy(); err != nil {
			b.Fatal(err)
		}
	}
}
