package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/cgroups/systemd"
	"github.com/libcontainer/libcontainer/configs"
)

// needSystemd skips a test where systemd is not the first process.
func needSystemd(t *testing.T) {
	t.Helper()
	if info, err := os.Lstat("/run/systemd/system"); err != nil || !info.IsDir() {
		t.Skip("systemd is not the init system here")
	}
	if !systemd.UseSystemd() {
		t.Fatal("systemd is the init system, and cannot be used")
	}
}

// systemdSlice is the slice of the tests of this file.
var systemdSlice = "lcunit" + itoa(os.Getpid()) + ".slice"

// systemctl runs it and returns what it writes.
func systemctl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command("systemctl", args...).CombinedOutput()
	if err != nil {
		t.Errorf("systemctl %s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// show gives a property of a unit as systemctl shows it.
func show(t *testing.T, unit, property string) string {
	t.Helper()
	return systemctl(t, "show", "--value", "-p", property, unit)
}

func wantProperties(t *testing.T, unit string, want map[string]string) {
	t.Helper()
	for property, value := range want {
		if got := show(t, unit, property); got != value {
			t.Errorf("%s of %s is %q, want %q", property, unit, got, value)
		}
	}
}

// newSystemdContainer creates a container whose cgroups are systemd's, and looks at
// its end whether the slice is left. It also returns the unit's name.
func newSystemdContainer(t *testing.T, edit func(*configs.Cgroup)) (libcontainer.Container, string) {
	t.Helper()
	needSystemd(t)
	config := newConfig(t)
	config.Cgroups.Name, config.Cgroups.Parent, config.Cgroups.ScopePrefix = "c+"+itoa(os.Getpid()), systemdSlice, "lc"
	if edit != nil {
		edit(config.Cgroups)
	}
	slice := config.Cgroups.Parent
	container, err := newFactory(t, libcontainer.SystemdCgroups).Create("test", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := container.Destroy(); err != nil {
			t.Errorf("destroy: %v", err)
		}
		left, _ := filepath.Glob("/sys/fs/cgroup/" + slice)
		more, _ := filepath.Glob("/sys/fs/cgroup/*/" + slice)
		if left = append(left, more...); len(left) > 0 {
			t.Errorf("left of the slice: %v", left)
		}
	})
	return container, "lc-c\\x2b" + itoa(os.Getpid()) + ".scope"
}

// unitFiles reads files of the container's cgroups.
func wantFiles(t *testing.T, container libcontainer.Container, want map[string]string) {
	t.Helper()
	k := newKernelFiles(t, container)
	for file, value := range want {
		if got, _ := k.text(file); strings.TrimSpace(got) != value {
			t.Errorf("%s is %q, want %q", file, got, value)
		}
	}
}

func TestSystemdUnit(t *testing.T) {
	container, unit := newSystemdContainer(t, func(cg *configs.Cgroup) {
		r := cg.Resources
		r.Memory, r.PidsLimit, r.CpuQuota, r.CpuPeriod, r.CpuShares = 128<<20, 77, 33333, 50000, 512
		cg.SystemdProperties = []configs.SystemdProperty{{Name: "TimeoutStopUSec", Value: "uint64 7000000"}}
	})
	startBlocked(t, container)
	wantProperties(t, unit, map[string]string{
		"ActiveState": "active", "Slice": systemdSlice, "Delegate": "yes", "CollectMode": "inactive-or-failed", "MemoryMax": "134217728",
		"TasksMax": "77", "CPUQuotaPerSecUSec": "666.660ms", "TimeoutStopUSec": "7s", "ControlGroup": "/" + systemdSlice + "/" + unit,
	})
	files := map[string]string{"pids.max": "77", "memory.max": "134217728", "cpu.max": "33333 50000", "cpu.weight": "59"}
	if !unifiedOnly(t) {
		files = map[string]string{"pids.max": "77", "memory.limit_in_bytes": "134217728", "cpu.cfs_quota_us": "33333", "cpu.shares": "512"}
	}
	wantFiles(t, container, files)
	if err := container.Set(withResources(container, func(r *configs.Resources) { r.PidsLimit, r.Memory = 78, 256<<20 })); err != nil {
		t.Fatal(err)
	}
	wantProperties(t, unit, map[string]string{"TasksMax": "78", "MemoryMax": "268435456"})
	devices := runIn(t, container, "(exec 3</dev/null) && echo null; mknod /tmp/fuse c 10 229 && (exec 3</tmp/fuse) || echo no fuse")
	// What systemd writes then are the values of its own.
	systemctl(t, "daemon-reload")
	files["pids.max"] = "78"
	for _, name := range []string{"memory.max", "memory.limit_in_bytes"} {
		if files[name] != "" {
			files[name] = "268435456"
		}
	}
	wantFiles(t, container, files)
	if after := runIn(t, container, "(exec 3</dev/null) && echo null; (exec 3</tmp/fuse) || echo no fuse"); after != devices {
		t.Errorf("devices before systemd was reloaded: %q, after: %q", devices, after)
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	wantProperties(t, unit, map[string]string{"LoadState": "not-found", "ActiveState": "inactive"})
	wantProperties(t, systemdSlice, map[string]string{"ActiveState": "inactive"})
}

// runIn runs a script in a container that runs, and returns what it says.
func runIn(t *testing.T, container libcontainer.Container, script string) string {
	t.Helper()
	p, out := shell(script)
	p.Capabilities = append(slices.Clone(container.Config().Capabilities), "CAP_MKNOD")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Wait()
	return strings.TrimSpace(out.stdout.String())
}

// Slices are in each other as their names say.
func TestSystemdSlices(t *testing.T) {
	base := "lcnest" + itoa(os.Getpid())
	container, unit := newSystemdContainer(t, func(cg *configs.Cgroup) { cg.Parent = base + "-a-b.slice" })
	p, _ := startBlocked(t, container)
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	want := "/" + base + ".slice/" + base + "-a.slice/" + base + "-a-b.slice/" + unit
	for key, dir := range state.CgroupPaths {
		if !strings.HasSuffix(strings.TrimSuffix(dir, "/container"), want) {
			t.Errorf("the cgroup of %q is %s, want it to end in %s", key, dir, want)
		}
	}
	if pid, _ := p.Pid(); !strings.Contains(string(mustRead(t, "/proc/"+itoa(pid)+"/cgroup")), want) {
		t.Errorf("the process is not in %s", want)
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	for _, slice := range []string{base + "-a-b.slice", base + "-a.slice", base + ".slice"} {
		wantProperties(t, slice, map[string]string{"ActiveState": "inactive"})
	}
}

func mustRead(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestSystemdRefuses(t *testing.T) {
	needSystemd(t)
	for name, edit := range map[string]func(*configs.Cgroup){
		"NoSuchProperty": func(cg *configs.Cgroup) {
			cg.SystemdProperties = []configs.SystemdProperty{{Name: "NoSuchProperty", Value: "true"}}
		},
		"GVariant": func(cg *configs.Cgroup) {
			cg.SystemdProperties = []configs.SystemdProperty{{Name: "After", Value: "x"}}
		},
		"set by the library": func(cg *configs.Cgroup) {
			cg.SystemdProperties = []configs.SystemdProperty{{Name: "PIDs", Value: "[1]"}}
		},
		"is not the name of a slice": func(cg *configs.Cgroup) { cg.Parent = "/a/b" },
		"cpuset.cpus":                func(cg *configs.Cgroup) { cg.CpusetCpus = "4095" },
	} {
		t.Run(name, func(t *testing.T) {
			container, unit := newSystemdContainer(t, edit)
			p, _ := command("true")
			err := container.Start(p)
			if err == nil {
				t.Fatal("start succeeded")
			}
			checkError(t, err, libcontainer.SystemError, name)
			wantProperties(t, unit, map[string]string{"ActiveState": "inactive"})
		})
	}
}

// Systemd can be told to execute itself anew at any time.
func TestSystemdReexec(t *testing.T) {
	container, unit := newSystemdContainer(t, nil)
	startBlocked(t, container)
	systemctl(t, "daemon-reexec")
	wantProperties(t, unit, map[string]string{"ActiveState": "active"})
	if err := container.Set(withResources(container, func(r *configs.Resources) { r.PidsLimit = 55 })); err != nil {
		t.Fatal(err)
	}
	wantProperties(t, unit, map[string]string{"TasksMax": "55"})
	if got := runIn(t, container, "echo here"); got != "here" {
		t.Errorf("exec said %q", got)
	}
	var wg sync.WaitGroup
	wg.Go(func() { systemctl(t, "daemon-reexec") })
	err := container.Destroy()
	wg.Wait()
	if err != nil {
		t.Fatalf("destroy: %v", err)
	}
	for i := range 5 {
		t.Run("start "+itoa(i), func(t *testing.T) {
			container, _ := newSystemdContainer(t, nil)
			var wg sync.WaitGroup
			wg.Go(func() { systemctl(t, "daemon-reexec") })
			startBlocked(t, container)
			wg.Wait()
		})
	}
}

// The bus goes, and with it the connection.
func TestSystemdBusRestarts(t *testing.T) {
	container, unit := newSystemdContainer(t, nil)
	startBlocked(t, container)
	systemctl(t, "restart", "dbus.service")
	if err := container.Set(withResources(container, func(r *configs.Resources) { r.PidsLimit = 56 })); err != nil {
		t.Fatal(err)
	}
	wantProperties(t, unit, map[string]string{"TasksMax": "56"})
	systemctl(t, "restart", "dbus.service")
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	wantProperties(t, unit, map[string]string{"ActiveState": "inactive"})
}

// The administrator may stop a unit.
func TestSystemdStopsUnit(t *testing.T) {
	container, unit := newSystemdContainer(t, func(cg *configs.Cgroup) {
		// The first process of a pid namespace does not hear SIGTERM.
		cg.SystemdProperties = []configs.SystemdProperty{{Name: "KillSignal", Value: "9"}}
	})
	p, _ := startBlocked(t, container)
	systemctl(t, "stop", unit)
	if state, err := p.Wait(); err == nil || state.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("state %v, error %v; want killed", state, err)
	}
	wantStatus(t, container, libcontainer.Destroyed)
	if pids, err := container.Processes(); err != nil || len(pids) > 0 {
		t.Errorf("processes %v, error %v", pids, err)
	}
	// It can be started again, as one whose process has ended.
	q, out := shell("echo again")
	if err := container.Start(q); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Wait(); err != nil || out.stdout.String() != "again\n" {
		t.Errorf("output %q, error %v", out.stdout.String(), err)
	}
}

// A user has a systemd, which makes units for containers without privileges.
func TestSystemdUser(t *testing.T) {
	needSystemd(t)
	const uid = 1000
	systemctl(t, "start", "user@1000.service")
	t.Cleanup(func() { systemctl(t, "stop", "user@1000.service") })
	rootfs, state := newRootfs(t), publicTempDir(t)
	for _, dir := range []string{rootfs, state} {
		if out, err := exec.Command("chown", "-hR", "1000:1000", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	host := func(args ...string) (string, error) {
		cmd := exec.Command(buildProgram(t, "rootless"), append([]string{rootfs, state, "lcuser.slice"}, args...)...)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		cmd.Env = append(os.Environ(), "LCTEST_MANAGER=systemd", "XDG_RUNTIME_DIR=/run/user/1000")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	type hostTest struct {
		args       []string
		start, end string
	}
	tests := []hostTest{
		{[]string{"limits", "measure"}, "cgroups [\"\"]\nlimit 33554432\n", "processes\npaused\n"},
		{[]string{"limits", "life"}, "0 0 rootless\n", "loaded rootless\n1 processes\nsignal: killed\ndestroyed\n"},
	}
	if !unifiedOnly(t) {
		// Of cgroup v1 only the hierarchy without a controller is delegated to users.
		tests = []hostTest{{[]string{"life"}, "0 0 rootless\n", "loaded rootless\n1 processes\nsignal: killed\ndestroyed\n"}}
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			out, err := host(tt.args...)
			if err != nil || !strings.HasPrefix(out, tt.start) || !strings.HasSuffix(out, tt.end) {
				t.Errorf("output %q, error %v; want %q and %q", out, err, tt.start, tt.end)
			}
		})
	}
	if !unifiedOnly(t) {
		if out, err := host("limits"); err == nil || !strings.Contains(out, "Memory cannot be set") {
			t.Errorf("a limit without the right to its cgroup: output %q, error %v", out, err)
		}
	}
	if entries, err := os.ReadDir(state); err != nil || len(entries) > 0 {
		t.Errorf("left in the state directory: %v, %v", entries, err)
	}
}
