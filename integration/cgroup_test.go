package integration

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// unifiedOnly tells whether there is cgroup v2 and nothing else.
func unifiedOnly(t *testing.T) bool {
	t.Helper()
	layout, err := cgroups.DetectLayout()
	if err != nil {
		t.Fatal(err)
	}
	return layout == cgroups.LayoutV2
}

// cgroupDir gives a container's cgroup in a hierarchy of v1, or in that of v2.
func cgroupDir(state *libcontainer.State, key string) string {
	if dir, ok := state.CgroupPaths[key]; ok {
		return dir
	}
	return state.CgroupPaths[""]
}

// cgroupValue reads a file of a container's cgroup on the host: file of a v1
// hierarchy, or v2 where there is cgroup v2 alone, of which "file key" is a line.
func cgroupValue(t *testing.T, container libcontainer.Container, subsystem, file, v2 string) string {
	t.Helper()
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	if unifiedOnly(t) {
		subsystem, file = "", v2
	}
	file, key, _ := strings.Cut(file, " ")
	data, err := os.ReadFile(filepath.Join(state.CgroupPaths[subsystem], file))
	if err != nil {
		t.Fatal(err)
	}
	if key != "" {
		value, _ := lineOf(string(data), key)
		return value
	}
	return strings.TrimSpace(string(data))
}

func TestCgroupLimitsOnTheHost(t *testing.T) {
	config := newConfig(t)
	r := config.Cgroups.Resources
	r.Memory, r.CpuShares, r.CpuQuota, r.CpuPeriod, r.PidsLimit, r.CpusetCpus = 64<<20, 512, 50000, 100000, 77, "0"
	container := newContainer(t, config)
	p, _ := startBlocked(t, container)
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []struct{ subsystem, file, v2, want, want2 string }{
		{"memory", "memory.limit_in_bytes", "memory.max", "67108864", "67108864"},
		{"cpu", "cpu.shares", "cpu.weight", "512", "59"},
		{"cpu", "cpu.cfs_quota_us", "cpu.max", "50000", "50000 100000"},
		{"cpu", "cpu.cfs_period_us", "cpu.max", "100000", "50000 100000"},
		{"pids", "pids.max", "pids.max", "77", "77"},
		{"cpuset", "cpuset.cpus", "cpuset.cpus", "0", "0"},
	} {
		want := f.want
		if unifiedOnly(t) {
			want = f.want2
		}
		if got := cgroupValue(t, container, f.subsystem, f.file, f.v2); got != want {
			t.Errorf("%s is %q, want %q", f.file, got, want)
		}
	}
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	for key, dir := range state.CgroupPaths {
		if pids, err := cgroups.GetPids(dir); err != nil || !slices.Equal(pids, []int{pid}) {
			t.Errorf("in the cgroup %q there are %v, error %v; want %d", key, pids, err, pid)
		}
	}
}

// Cgroups.Path stands for Parent and Name, and is kept over a load.
func TestCgroupAtAPath(t *testing.T) {
	if tested.Systemd() {
		t.Skip("systemd places units by slices")
	}
	checkLeaks(t)
	config := newConfig(t)
	place := filepath.Join(cgroupParent, "path", "of", "it")
	config.Cgroups.Parent, config.Cgroups.Name, config.Cgroups.Path = "", "", place
	factory := newFactory(t)
	container, err := factory.Create("test", config)
	if err != nil {
		t.Fatal(err)
	}
	_, release := startBlocked(t, container)
	loaded, err := factory.Load("test")
	if err != nil {
		t.Fatal(err)
	}
	state, err := loaded.State()
	if err != nil || len(state.CgroupPaths) == 0 || state.Config.Cgroups.Path != place || state.Config.Cgroups.Name != "" {
		t.Errorf("state %+v, error %v", state, err)
	}
	for key, path := range state.CgroupPaths {
		if !strings.HasSuffix(path, place) {
			t.Errorf("the cgroup of %q is %s, want one at %s", key, path, place)
		}
	}
	release()
	if err := loaded.Destroy(); err != nil {
		t.Error(err)
	}
	for _, path := range state.CgroupPaths {
		if _, err := os.Stat(filepath.Dir(path)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("above %s there is something left, error %v", path, err)
		}
	}
	if err := container.Destroy(); err != nil {
		t.Error(err)
	}
}

func TestMemoryLimitIsEnforced(t *testing.T) {
	config := newConfig(t)
	config.Cgroups.Memory = 32 << 20
	container := newContainer(t, config)
	// tail keeps its input's last line, which has no end. The shell stays: with
	// the last process systemd removes the cgroup.
	said, release := startTalking(t, container, "tail -n 1 /dev/zero; echo $?; read x")
	if got := said(); got != "137" {
		t.Errorf("the status is %s, want that of one who was killed for want of memory", got)
	}
	stats, err := container.Stats()
	if err != nil {
		t.Fatal(err)
	}
	release()
	if m := stats.CgroupStats.MemoryStats.Usage; m.Failcnt == 0 || m.MaxUsage < 30<<20 {
		t.Errorf("memory statistics %+v", m)
	}
}

// The set-up of a container is neither limited by nor charged to its limits.
func TestTinyLimits(t *testing.T) {
	config := newConfig(t)
	config.Cgroups.Memory, config.Cgroups.PidsLimit = 1<<20, 1
	p, out := command("/bin/echo", "fits")
	if got := runProcess(t, config, p, out); got != "fits" {
		t.Errorf("output %q", got)
	}
}

func TestPidsLimitIsEnforced(t *testing.T) {
	config := newConfig(t)
	config.Cgroups.PidsLimit = 4
	// The shell's message when it cannot fork ends it, and the container.
	p, out := shell("for i in 1 2 3 4 5; do sleep 100000 & echo $i; done")
	container := newContainer(t, config)
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err == nil || !strings.Contains(out.stderr.String(), "fork") {
		t.Errorf("error %v, stderr %q; want that a fork fails", err, out.stderr.String())
	}
	if got := out.stdout.String(); got != "1\n2\n3\n" {
		t.Errorf("started %q, want three besides the shell", got)
	}
}

// Destroying a container kills what is in its cgroup, which so must be its own.
func TestCgroupInUse(t *testing.T) {
	checkLeaks(t)
	factory, config := newFactory(t), newConfig(t)
	first, err := factory.Create("first", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.Destroy() })
	p, _ := startBlocked(t, first)
	second, err := factory.Create("second", config)
	if err != nil {
		t.Fatal(err)
	}
	q, _ := shell("true")
	err = second.Start(q)
	if err == nil {
		t.Fatal("two containers run in one cgroup")
	}
	pid, _ := p.Pid()
	checkError(t, err, libcontainer.SystemError, "in use", itoa(pid))
	if err := second.Destroy(); err != nil {
		t.Error(err)
	}
	wantStatus(t, first, libcontainer.Running)
}

func TestDeviceRulesAreEnforced(t *testing.T) {
	config := newConfig(t)
	config.Capabilities = append(config.Capabilities, "CAP_MKNOD")
	// 10:229 is fuse, which the default rules do not allow; 1:5 is zero.
	script := `mknod /tmp/fuse c 10 229 && (exec 3</tmp/fuse) 2>&1; mknod /tmp/zero c 1 5 && head -c1 /tmp/zero | wc -c`
	got := runShell(t, config, script)
	if !strings.Contains(got, "Operation not permitted") || !strings.HasSuffix(got, "1") {
		t.Errorf("inside %q, want that fuse is denied and zero is not", got)
	}
	config.Cgroups.AllowedDevices = append(config.Cgroups.AllowedDevices, &configs.Device{Type: 'c', Major: 10, Minor: 229, Permissions: "rwm"})
	os.Remove(filepath.Join(config.Rootfs, "tmp/fuse"))
	os.Remove(filepath.Join(config.Rootfs, "tmp/zero"))
	t.Run("allowed", func(t *testing.T) {
		if got := runShell(t, config, script); strings.Contains(got, "not permitted") {
			t.Errorf("inside %q, want that fuse is allowed", got)
		}
	})
	// Without the right to make nodes, the library's own must be made still.
	config.Cgroups.AllowedDevices = configs.DefaultSimpleDevices[:1]
	t.Run("no mknod", func(t *testing.T) {
		if got := runShell(t, config, "ls /dev/zero; mknod /tmp/null c 1 5 2>&1; echo x >/dev/null && echo fine"); !strings.Contains(got, "not permitted") || !strings.HasSuffix(got, "fine") {
			t.Errorf("inside %q", got)
		}
	})
}

func TestSetOnARunningContainer(t *testing.T) {
	config := newConfig(t)
	config.Cgroups.Memory = 64 << 20
	container := newContainer(t, config)
	startBlocked(t, container)
	next := container.Config()
	cg := *next.Cgroups
	resources := *cg.Resources
	next.Cgroups, cg.Resources = &cg, &resources
	for _, limit := range []int64{128 << 20, 32 << 20} {
		resources.Memory, resources.PidsLimit = limit, 50
		if err := container.Set(next); err != nil {
			t.Fatal(err)
		}
		if got := cgroupValue(t, container, "memory", "memory.limit_in_bytes", "memory.max"); got != itoa(int(limit)) {
			t.Errorf("limit %s, want %d", got, limit)
		}
	}
	if got := container.Config().Cgroups.Memory; got != 32<<20 {
		t.Errorf("the configuration says %d", got)
	}
	resources.PidsLimit, resources.CpusetCpus = 60, "4095"
	err := container.Set(next)
	if err == nil || !strings.Contains(err.Error(), "cpuset.cpus") || !strings.Contains(err.Error(), "4095") {
		t.Errorf("a processor that is not there: error %v", err)
	}
	if got := cgroupValue(t, container, "pids", "pids.max", "pids.max"); got != "50" {
		t.Errorf("after a failed Set pids.max is %s, want 50", got)
	}
}

// What is set while no process runs is for the next one.
func TestSetBetweenLives(t *testing.T) {
	config := newConfig(t)
	config.Cgroups.PidsLimit = 70
	container := newContainer(t, config)
	_, release := startBlocked(t, container)
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	release()
	wantStatus(t, container, libcontainer.Destroyed)
	set := func(limit int64) {
		t.Helper()
		if err := container.Set(withResources(container, func(r *configs.Resources) { r.PidsLimit = limit })); err != nil {
			t.Fatal(err)
		}
		if err := container.Pause(); !errors.Is(err, libcontainer.ContainerNotRunning) {
			t.Errorf("pause: %v", err)
		}
	}
	set(71)
	if tested.Systemd() {
		awaitNoFile(t, cgroupDir(state, "name=systemd"))
	}
	set(72)
	startBlocked(t, container)
	if got := cgroupValue(t, container, "pids", "pids.max", "pids.max"); got != "72" {
		t.Errorf("pids.max is %s, want 72", got)
	}
}

// awaitNoFile waits until another process has removed a file.
func awaitNoFile(t *testing.T, name string) {
	t.Helper()
	for t.Context().Err() == nil {
		if _, err := os.Lstat(name); errors.Is(err, os.ErrNotExist) {
			return
		}
		runtime.Gosched()
	}
}

func TestPauseStops(t *testing.T) {
	container := newContainer(t, newConfig(t))
	p, _ := shell("while :; do :; done")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if err := container.Pause(); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, container, libcontainer.Paused)
	first := cgroupValue(t, container, "cpuacct", "cpuacct.usage", "cpu.stat usage_usec")
	// A whole other life: the paused one must not use the processor meanwhile.
	t.Run("meanwhile", func(t *testing.T) { runShell(t, newConfig(t), "true") })
	if second := cgroupValue(t, container, "cpuacct", "cpuacct.usage", "cpu.stat usage_usec"); first != second {
		t.Errorf("processor time of a paused container went from %s to %s", first, second)
	}
	if err := container.Pause(); err != nil {
		t.Errorf("pause a paused container: %v", err)
	}
	for range 2 {
		if err := container.Resume(); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Wait()
	if err := container.Pause(); err == nil {
		t.Error("a container that does not run was paused")
	}
}

func TestStats(t *testing.T) {
	container := newContainer(t, newConfig(t))
	empty, err := container.Stats()
	if err != nil || empty.CgroupStats == nil {
		t.Fatalf("before the start: %+v, %v", empty, err)
	}
	said, release := startTalking(t, container, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo counted; read x")
	if got := said(); got != "counted" {
		t.Fatalf("the program said %q", got)
	}
	stats, err := container.Stats()
	if err != nil {
		t.Fatal(err)
	}
	release()
	cg := stats.CgroupStats
	if cg.CpuStats.CpuUsage.TotalUsage < 1e6 || cg.MemoryStats.Usage.MaxUsage == 0 {
		t.Errorf("cpu %+v, memory %+v", cg.CpuStats.CpuUsage, cg.MemoryStats.Usage)
	}
}

func TestJoinedCgroupsStay(t *testing.T) {
	checkLeaks(t)
	paths := map[string]string{}
	subsystems := []string{"memory", "pids", "freezer"}
	if unifiedOnly(t) {
		subsystems = []string{""}
	}
	for _, s := range subsystems {
		paths[s] = filepath.Join("/sys/fs/cgroup", s, cgroupParent+"-mine")
		if err := os.Mkdir(paths[s], 0o755); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := os.Remove(paths[s]); err != nil {
				t.Error(err)
			}
		}()
	}
	config := newConfig(t)
	config.Cgroups.Paths = paths
	t.Run("life", func(t *testing.T) {
		got := runShell(t, config, "grep -E ':(memory|pids|freezer|):' /proc/self/cgroup")
		if n := strings.Count(got+"\n", ":/\n"); n < len(paths) {
			t.Errorf("cgroups inside, relative to the namespace's root: %q", got)
		}
	})
	config.Cgroups.Paths = map[string]string{subsystems[0]: filepath.Join("/sys/fs/cgroup", subsystems[0], "lctest-nosuch")}
	t.Run("missing", func(t *testing.T) {
		p, _ := shell("true")
		startFails(t, config, p, libcontainer.SystemError, "lctest-nosuch")
	})
}

func TestBadLimits(t *testing.T) {
	for name, edit := range map[string]func(*configs.Resources){
		"cpuset.cpus": func(r *configs.Resources) { r.CpusetCpus = "4095" },
		"HugetlbLimit": func(r *configs.Resources) {
			r.HugetlbLimit = []*configs.HugepageLimit{{Pagesize: "3MB", Limit: 1}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			edit(config.Cgroups.Resources)
			p, _ := shell("true")
			startFails(t, config, p, libcontainer.SystemError, name)
		})
	}
}
