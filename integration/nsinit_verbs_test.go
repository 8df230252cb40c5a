package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/specconv"
)

// Signals by all their names.
func TestNsinitKill(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, `for s in HUP INT USR1 USR2 TERM; do trap "echo $s" $s; done; trap "echo min" 37; echo ready; while :; do sleep 100000 & wait; done`, nil)
	n.deleteLater(t, "x")
	cmd := n.command("run", "--bundle", bundle, "x")
	said := startSaying(t, cmd)
	said("ready")
	for _, signal := range [][2]string{
		{"HUP", "HUP"}, {"SIGUSR1", "USR1"}, {"usr2", "USR2"}, {"1", "HUP"}, {"SIGRTMIN+3", "min"}, {"", "TERM"},
	} {
		if signal[0] == "" {
			n.must(t, "kill", "x")
		} else {
			n.must(t, "kill", "x", signal[0])
		}
		said(signal[1])
	}
	// The command passes on what it gets itself.
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	said("INT")
	n.must(t, "kill", "--all", "x", "KILL")
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 137 {
		t.Errorf("error %v, want exit status 137", err)
	}
}

// Without a pid namespace all processes are found by their cgroup.
func TestNsinitKillAll(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, "sleep 100000 & sleep 100000 & echo ready", func(s *specs.Spec) {
		s.Linux.Namespaces = withoutNamespace(s.Linux.Namespaces, specs.PIDNamespace)
		s.Mounts = withoutSpecMount(s.Mounts, "/proc")
	})
	n.deleteLater(t, "x")
	n.must(t, "run", "--detach", "--bundle", bundle, "x")
	n.waitFor(t, "x", "stopped")
	var pids []int
	decodeStrict(t, n.must(t, "ps", "--format", "json", "x"), &pids)
	if len(pids) != 2 {
		t.Errorf("processes %v, want two", pids)
	}
	n.must(t, "kill", "--all", "x", "KILL")
	n.must(t, "delete", "x")
}

func TestNsinitListAndPs(t *testing.T) {
	n := newNsinit(t)
	n.sleepingContainer(t, "b.1", nil)
	bundle := bundleOf(t, "true", func(s *specs.Spec) { s.Linux.CgroupsPath = nsinitCgroup(t, "-a") })
	n.deleteLater(t, "a+2")
	n.must(t, "create", "--bundle", bundle, "a+2")
	if out := n.must(t, "list", "--quiet"); out != "a+2\nb.1\n" {
		t.Errorf("list --quiet: %q", out)
	}
	if out := n.must(t, "state", "--generate-shell-completion"); !strings.HasSuffix(out, "a+2\nb.1\n") {
		t.Errorf("completion of state: %q", out)
	}
	if out := n.must(t, "delete", "--fo", "--generate-shell-completion"); !strings.Contains(out, "--force") {
		t.Errorf("completion of a flag: %q", out)
	}
	var states []nsinitState
	decodeStrict(t, n.must(t, "list", "-f", "json"), &states)
	if len(states) != 2 || states[0].ID != "a+2" || states[0].Status != "created" || states[1].Status != "running" || states[1].ID != "b.1" {
		t.Errorf("list --format json: %+v", states)
	}
	lines := strings.Split(n.must(t, "list"), "\n")
	if strings.Join(strings.Fields(lines[0]), " ") != "ID PID STATUS BUNDLE CREATED OWNER" || len(lines) != 4 {
		t.Fatalf("list: %q", lines)
	}
	if fields := strings.Fields(lines[1]); len(fields) != 6 || fields[0] != "a+2" || fields[2] != "created" || fields[3] != bundle || fields[5] != "root" {
		t.Errorf("list: %q", lines[1])
	}
	n.fails(t, 1, []string{"--format", "xml"}, "list", "--format", "xml")

	pid := strconv.Itoa(n.state(t, "b.1").Pid)
	var pids []int
	decodeStrict(t, n.must(t, "ps", "-f", "json", "b.1"), &pids)
	if len(pids) != 2 || strconv.Itoa(pids[0]) != pid {
		t.Errorf("ps --format json: %v, want %s first", pids, pid)
	}
	n.fails(t, 1, []string{"--format", "xml"}, "ps", "--format", "xml", "b.1")
	if _, err := exec.LookPath("ps"); err != nil {
		t.Skip("there is no ps: the table cannot be tested")
	}
	for _, options := range [][]string{nil, {"-e", "-o", "pid,args"}, {"aux"}} {
		lines := strings.Split(strings.TrimSpace(n.must(t, append([]string{"ps", "b.1"}, options...)...)), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "PID") || !strings.Contains(lines[1], pid) || !strings.Contains(lines[2], "sleep 100000") {
			t.Errorf("ps %v: %q", options, lines)
		}
	}
	n.fails(t, 1, []string{"PID"}, "ps", "b.1", "-e", "-o", "args")
}

// nsinitEvent is a line of events.
type nsinitEvent struct {
	Type, ID string
	Data     struct {
		CPU struct {
			Usage struct {
				Total, Kernel, User uint64
				Percpu              []uint64
			}
			Throttling struct{ Periods, ThrottledPeriods, ThrottledTime uint64 }
			PSI        any
		}
		Cpuset struct{}
		Memory struct {
			Cache                          uint64
			Usage, Swap, Kernel, KernelTCP struct{ Limit, Usage, Max, Failcnt uint64 }
			Raw                            map[string]uint64
			PSI                            any
		}
		Pids               struct{ Current, Limit uint64 }
		Blkio              map[string]any
		Hugetlb            map[string]struct{ Usage, Max, Failcnt uint64 }
		Intel_rdt          struct{}
		Network_interfaces []any
	}
}

func TestNsinitEvents(t *testing.T) {
	n := newNsinit(t)
	limit, memory := int64(55), int64(32<<20)
	n.sleepingContainer(t, "x", func(s *specs.Spec) {
		s.Linux.Resources.Pids = &specs.LinuxPids{Limit: &limit}
		s.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &memory}
	})
	check := func(text string) {
		t.Helper()
		var e nsinitEvent
		decodeStrict(t, text, &e)
		if d := e.Data; e.Type != "stats" || e.ID != "x" || d.CPU.Usage.Total == 0 || d.Memory.Usage.Limit != uint64(memory) ||
			d.Memory.Usage.Usage == 0 || d.Pids.Limit != 55 || d.Pids.Current != 2 || len(d.Memory.Raw) == 0 {
			t.Errorf("statistics %s", text)
		}
	}
	once := n.must(t, "events", "--stats", "x")
	check(once)
	if strings.Count(once, "\n") != 1 {
		t.Errorf("statistics on several lines: %q", once)
	}
	cmd := n.command("events", "--interval", "50ms", "x")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(out)
	next := func() (text json.RawMessage) {
		t.Helper()
		if err := decoder.Decode(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	check(string(next()))
	check(string(next()))
	if _, _, code := n.run(t, "exec", "x", "tail", "-n", "1", "/dev/zero"); code != 137 {
		t.Errorf("a program that takes too much memory: exit status %d, want 137", code)
	}
	for {
		var e nsinitEvent
		if err := json.Unmarshal(next(), &e); err != nil {
			t.Fatal(err)
		}
		if e.Type == "oom" {
			if e.ID != "x" {
				t.Errorf("event %+v", e)
			}
			break
		}
	}
	n.must(t, "kill", "x", "KILL")
	for decoder.Decode(new(json.RawMessage)) == nil {
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	n.fails(t, 1, []string{"container not running"}, "events", "--stats", "x")
}

// limitFile reads a file of the container's cgroup, by its names in v1 and v2.
func limitFile(t *testing.T, controller, v1, v2 string) string {
	t.Helper()
	name, key := v1, controller
	if unifiedOnly(t) {
		name, key = v2, ""
	}
	mountpoint, err := cgroups.FindCgroupMountpoint(key)
	if err != nil {
		t.Skipf("no %s: %v", controller, err)
	}
	text, err := os.ReadFile(filepath.Join(mountpoint, nsinitCgroup(t, ""), name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func TestNsinitUpdate(t *testing.T) {
	skipSystemdDirectory(t)
	n := newNsinit(t)
	n.sleepingContainer(t, "x", nil)
	check := func(what, controller, v1, v2, want1, want2 string) {
		t.Helper()
		want := want1
		if unifiedOnly(t) {
			want = want2
		}
		if got := limitFile(t, controller, v1, v2); got != want {
			t.Errorf("%s is %q, want %q", what, got, want)
		}
	}
	n.must(t, "update", "--memory", "64m", "--pids-limit", "44", "--cpu-share", "512", "--cpu-period", "50000", "--cpu-quota", "25000", "x")
	check("memory", "memory", "memory.limit_in_bytes", "memory.max", "67108864", "67108864")
	check("pids", "pids", "pids.max", "pids.max", "44", "44")
	check("quota", "cpu", "cpu.cfs_quota_us", "cpu.max", "25000", "25000 50000")
	check("share", "cpu", "cpu.shares", "cpu.weight", "512", "59")
	// The rest stays as it is.
	n.must(t, "update", "--pids-limit", "-1", "--memory-reservation", "33554432", "x")
	check("pids", "pids", "pids.max", "pids.max", "max", "max")
	check("memory", "memory", "memory.limit_in_bytes", "memory.max", "67108864", "67108864")
	check("reservation", "memory", "memory.soft_limit_in_bytes", "memory.low", "33554432", "33554432")

	if unifiedOnly(t) {
		n.fails(t, 1, []string{"KernelMemoryTCP", "cgroup v1"}, "update", "--kernel-memory-tcp", "1m", "x")
	} else {
		n.must(t, "update", "--kernel-memory-tcp", "1m", "x")
		check("buffers of TCP", "memory", "memory.kmem.tcp.limit_in_bytes", "", "1048576", "")
	}

	text := []byte(`{"pids": {"limit": 66}, "memory": {"limit": 50331648}, "cpu": {"quota": -1}}`)
	file := filepath.Join(t.TempDir(), "resources.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	n.must(t, "update", "--resources", file, "x")
	check("pids", "pids", "pids.max", "pids.max", "66", "66")
	check("memory", "memory", "memory.limit_in_bytes", "memory.max", "50331648", "50331648")
	check("quota", "cpu", "cpu.cfs_quota_us", "cpu.max", "-1", "max 50000")
	n.stdin = strings.NewReader(`{"pids": {"limit": 77}}`)
	n.must(t, "update", "--resources=-", "x")
	n.stdin = nil
	check("pids", "pids", "pids.max", "pids.max", "77", "77")
	// The rules for devices are there still, and a further process has the limits.
	if out, _, code := n.run(t, "exec", "--user", "0", "--cap", "CAP_MKNOD", "x", "/bin/sh", "-c", "mknod /dev/shm/d b 7 77; : </dev/shm/d"); code == 0 {
		t.Errorf("a device that is not allowed can be opened: %q", out)
	}
	for flag, text := range map[string]string{
		"--memory=much": "--memory", "--pids-limit=-2": "--pids-limit", "--cpu-period=-1": "--cpu-period", "--memory=9999999999g": "too large",
		"--resources=/none": "/none", "--cpuset-cpus=9999": "cpuset", "--l3-cache-schema=L3:0=f": "linux.intelRdt", "--blkio-weight=5": "eight",
	} {
		n.fails(t, 1, []string{text}, "update", flag, "x")
	}
	n.stdin = strings.NewReader("{")
	n.fails(t, 1, []string{"--resources", "standard input"}, "update", "-r", "-", "x")
	n.stdin = nil
	check("pids", "pids", "pids.max", "pids.max", "77", "77")
}

// skipSystemdDirectory is for tests that read the files of a cgroup by the path of the manager cgroupfs.
func skipSystemdDirectory(t *testing.T) {
	t.Helper()
	if strings.Contains(nsinitCgroup(t, ""), ":") {
		t.Skip("it looks for the cgroup's directory, which systemd chooses")
	}
}

// spec writes a bundle that runs.
func TestNsinitSpec(t *testing.T) {
	n := newNsinit(t)
	bundle := filepath.Dir(newRootfs(t))
	n.must(t, "spec", "--bundle", bundle)
	spec, err := specconv.Load(bundle)
	if err != nil {
		t.Fatal(err)
	}
	if !spec.Process.Terminal || spec.Linux.UIDMappings != nil {
		t.Errorf("process %+v, linux %+v", spec.Process, spec.Linux)
	}
	n.fails(t, 1, []string{"config.json", "exists"}, "spec", "--bundle", bundle)
	if err := os.Remove(filepath.Join(bundle, "config.json")); err != nil {
		t.Fatal(err)
	}
	cmd := n.command("spec", "--rootless")
	cmd.Dir = bundle
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Fatalf("error %v, output %q", err, out)
	}
	if spec, err = specconv.Load(bundle); err != nil || len(spec.Linux.UIDMappings) != 1 {
		t.Errorf("spec --rootless: %+v, error %v", spec, err)
	}
}
