package integration

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/group"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// groupContext bounds what a test waits for.
func groupContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// groupName names a group that is no container's, for the manager of this test run.
func groupName(name string) *configs.Cgroup {
	return &configs.Cgroup{Parent: cgroupParent, Name: name}
}

// newGroup creates a group that is removed when the test ends.
func newGroup(t *testing.T, ctx context.Context, name *configs.Cgroup) *group.Group {
	t.Helper()
	g, err := group.New(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		if err := errors.Join(g.Kill(late), g.Destroy(late)); err != nil {
			t.Error(err)
		}
	})
	if err := g.Create(ctx); err != nil {
		t.Fatal(err)
	}
	return g
}

// hostProcess is a shell on the host that runs a script line by line.
type hostProcess struct {
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	stdout *bufio.Reader
}

func startHostShell(t *testing.T) *hostProcess {
	t.Helper()
	cmd := exec.Command("sh")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &hostProcess{cmd, stdin, bufio.NewReader(stdout)}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return p
}

func (p *hostProcess) pid() int { return p.cmd.Process.Pid }

// run runs a line of script and returns a line that it writes.
func (p *hostProcess) run(t *testing.T, line string) string {
	t.Helper()
	if _, err := io.WriteString(p.stdin, line+"\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := p.stdout.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(answer)
}

// child has the shell start a process, and returns its pid.
func (p *hostProcess) child(t *testing.T) int {
	t.Helper()
	pid, err := strconv.Atoi(p.run(t, "sleep 1000 & echo $!"))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// wantKilled waits for a process and checks that it was killed.
func (p *hostProcess) wantKilled(t *testing.T) {
	t.Helper()
	var exit *exec.ExitError
	if err := p.cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Errorf("the process ended with %v, want SIGKILL", err)
	}
}

// A group's whole life, with two programs that own it one after the other.
func TestGroup(t *testing.T) {
	checkLeaks(t)
	ctx := groupContext(t)
	name := groupName("agent")
	if _, err := group.Open(ctx, name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("open what is not there: %v", err)
	}
	g := newGroup(t, ctx, name)
	if tested.Systemd() != (g.Manager() == group.Systemd) {
		t.Errorf("the manager is %s", g.Manager())
	}
	limits := group.NewResources()
	limits.Memory, limits.PidsLimit = 512<<20, 20
	if err := g.Set(ctx, limits); err != nil {
		t.Fatal(err)
	}
	if there, err := g.Exists(ctx); err != nil || there == tested.Systemd() {
		t.Errorf("before the first process: exists %v, %v", there, err)
	}
	shell := startHostShell(t)
	if err := g.Add(ctx, shell.pid()); err != nil {
		t.Fatal(err)
	}
	if there, err := g.Exists(ctx); err != nil || !there {
		t.Errorf("exists %v, %v", there, err)
	}
	want := []int{shell.pid(), shell.child(t)}
	slices.Sort(want)
	checkGroupProcesses(t, g, want)
	checkGroupFiles(t, g)
	// The kernel counts pages of few processes late, and of some megabytes most at once.
	shell.run(t, "x=$(head -c 8000000 /dev/zero | tr '\\0' x); echo has memory")
	checkGroupStats(t, g)
	checkGroupFreezes(t, ctx, g, shell)

	paths := g.Paths()
	again, err := group.Open(ctx, name)
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Paths(); !maps.Equal(got, paths) {
		t.Errorf("found %v, want %v", got, paths)
	}
	recorded, err := group.Open(ctx, name, group.WithPaths(paths, g.Parents()...))
	if err != nil {
		t.Fatal(err)
	}
	checkGroupProcesses(t, again, want)
	checkGroupProcesses(t, recorded, want)
	if err := again.Kill(ctx); err != nil {
		t.Fatal(err)
	}
	shell.wantKilled(t)
	if err := errors.Join(recorded.Destroy(ctx), again.Destroy(ctx), g.Destroy(ctx)); err != nil {
		t.Error(err)
	}
	for key, path := range paths {
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the directory of %q is there: %v", key, err)
		}
	}
	if _, err := g.ReadFile("pids.max"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file of what is gone: %v", err)
	}
}

func checkGroupProcesses(t *testing.T, g *group.Group, want []int) {
	t.Helper()
	for name, list := range map[string]func() ([]int, error){"Processes": g.Processes, "AllProcesses": g.AllProcesses} {
		if got, err := list(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: got %v, %v, want %v", name, got, err, want)
		}
	}
}

// checkGroupFiles checks what the kernel has for the group, by its files.
func checkGroupFiles(t *testing.T, g *group.Group) {
	t.Helper()
	memory, v1 := "memory.max", ""
	if !unifiedOnly(t) {
		memory, v1 = "memory.limit_in_bytes", "devices.list"
	}
	for file, want := range map[string]string{"pids.max": "20", memory: strconv.Itoa(512 << 20)} {
		if got, err := g.ReadFile(file); err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("%s is %q, %v, want %s", file, got, err, want)
		}
	}
	if got, err := os.ReadFile(filepath.Join(g.Path("pids"), "pids.max")); err != nil || strings.TrimSpace(string(got)) != "20" {
		t.Errorf("Path leads to %q, %v", got, err)
	}
	if v1 != "" && !tested.Systemd() { // nobody has touched devices
		if got, err := g.ReadFile(v1); err != nil || strings.TrimSpace(string(got)) != "a *:* rwm" {
			t.Errorf("%s is %q, %v", v1, got, err)
		}
	}
	for _, name := range []string{"../pids.max", "", "..", "/etc/passwd", "cgroup.procs/x"} {
		if got, err := g.ReadFile(name); err == nil {
			t.Errorf("%q: read %q", name, got)
		}
	}
}

func checkGroupStats(t *testing.T, g *group.Group) {
	t.Helper()
	stats, err := g.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if p := stats.PidsStats; p.Current != 2 || p.Limit != 20 {
		t.Errorf("processes %+v, want 2 of 20", p)
	}
	m := stats.MemoryStats
	if m.Usage.Limit != 512<<20 || !m.UseHierarchy {
		t.Errorf("memory %+v, hierarchy %v", m.Usage, m.UseHierarchy)
	}
	checkGroupNodes(t, g, m.Numa)
	if text, err := g.ReadFile("cpuset.effective_cpus"); err == nil {
		c := stats.CpusetStats
		if len(c.EffectiveCpus) == 0 || len(c.EffectiveMems) == 0 || !slices.Equal(c.Cpus, c.EffectiveCpus) || c.SchedRelaxDomainLevel != -1 {
			t.Errorf("cpuset %+v, the kernel has %q", c, text)
		}
	}
	if kills, err := g.OOMKills(); err != nil || kills != 0 {
		t.Errorf("OOM kills %d, %v", kills, err)
	}
	layout, err := cgroups.DetectLayout()
	if err != nil {
		t.Fatal(err)
	}
	pressure, err := g.Pressure()
	_, kernelHas := os.Stat("/proc/pressure/cpu")
	switch {
	case layout == cgroups.LayoutV1 || kernelHas != nil:
		if !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("pressure %+v, %v, want that it is not supported", pressure, err)
		}
	case err != nil || pressure.CPU == nil || pressure.Memory == nil || pressure.IO == nil:
		t.Errorf("pressure %+v, %v", pressure, err)
	}
}

// checkGroupNodes checks the pages on each memory node, which add up.
func checkGroupNodes(t *testing.T, g *group.Group, numa cgroups.NumaStats) {
	t.Helper()
	text, err := g.ReadFile("memory.numa_stat")
	if errors.Is(err, fs.ErrNotExist) {
		return // the kernel does not know nodes
	}
	u := numa.Hierarchical
	if err != nil || len(u.Total.Nodes) == 0 {
		t.Fatalf("nodes %+v, error %v; the kernel has %s", numa, err, text)
	}
	sum := uint64(0)
	for _, n := range u.Anon.Nodes {
		sum += n
	}
	if u.Anon.Total < 1000 || sum != u.Anon.Total || u.Total.Total < u.Anon.Total {
		t.Errorf("pages %+v; the kernel has %s", u, text)
	}
}

func checkGroupFreezes(t *testing.T, ctx context.Context, g *group.Group, shell *hostProcess) {
	t.Helper()
	if err := g.Freeze(ctx); err != nil {
		t.Fatal(err)
	}
	if state, err := g.FreezerState(); err != nil || state != configs.Frozen {
		t.Errorf("the state is %q, %v, want frozen", state, err)
	}
	if err := g.Thaw(ctx); err != nil {
		t.Fatal(err)
	}
	if state, err := g.FreezerState(); err != nil || state != configs.Thawed {
		t.Errorf("the state is %q, %v, want thawed", state, err)
	}
	if answer := shell.run(t, "echo here"); answer != "here" {
		t.Errorf("it says %q", answer)
	}
}

// A group that forks all the time is killed, by cgroup.kill and by the freezer of cgroup v1,
// also if somebody has frozen it.
func TestGroupKill(t *testing.T) {
	for _, tt := range []struct {
		name           string
		withoutUnified bool
		frozen         bool
	}{
		{name: "running"},
		{name: "frozen", frozen: true},
		{name: "running, without cgroup v2", withoutUnified: true},
		{name: "frozen, without cgroup v2", withoutUnified: true, frozen: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			checkLeaks(t)
			ctx := groupContext(t)
			name := groupName("forks")
			name.Resources = group.NewResources()
			name.Resources.PidsLimit = 100
			g := newGroup(t, ctx, name)
			shell := startHostShell(t)
			if err := g.Add(ctx, shell.pid()); err != nil {
				t.Fatal(err)
			}
			// Each of them ends and starts another one, so that none is there for long.
			shell.run(t, "f() { f & }; for i in 1 2 3 4 5 6 7 8; do f; done; echo forking")
			paths := g.Paths()
			if tt.withoutUnified {
				delete(paths, "")
			}
			if _, ok := paths["freezer"]; !ok && tt.withoutUnified {
				t.Skip("there is no freezer of cgroup v1")
			}
			other, err := group.Open(ctx, name, group.WithPaths(paths))
			if err != nil {
				t.Fatal(err)
			}
			if tt.frozen {
				if err := other.Freeze(ctx); err != nil {
					t.Fatal(err)
				}
			}
			if err := other.Kill(ctx); err != nil {
				t.Fatal(err)
			}
			if left, err := g.AllProcesses(); len(left) != 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("there are %v left, error %v", left, err)
			}
			shell.wantKilled(t)
		})
	}
}

// A node agent's group is above the cgroups of containers, and limits them together.
func TestGroupOfContainers(t *testing.T) {
	checkLeaks(t)
	ctx := groupContext(t)
	name := groupName("pods")
	parent := filepath.Join(cgroupParent, "pods")
	if tested.Systemd() {
		// Not in the slice of this test run, which systemd would keep as that of a slice.
		slice := strings.TrimSuffix(cgroupParent, ".slice") + "pods.slice"
		name, parent = &configs.Cgroup{Name: slice}, slice
	}
	name.Resources = group.NewResources()
	name.Resources.Memory = 300 << 20
	g := newGroup(t, ctx, name)
	file := "memory.max"
	if !unifiedOnly(t) {
		file = "memory.limit_in_bytes"
	}
	// There is no process in it yet, and there never will be one in the group itself.
	if got, err := g.ReadFile(file); err != nil || strings.TrimSpace(string(got)) != strconv.Itoa(300<<20) {
		t.Errorf("%s is %q, %v", file, got, err)
	}
	config := newConfig(t)
	config.Cgroups.Parent = parent
	container, err := newFactory(t).Create("test", config)
	if err != nil {
		t.Fatal(err)
	}
	p, release := startBlocked(t, container)
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := g.AllProcesses(); err != nil || !slices.Contains(got, pid) {
		t.Errorf("processes %v, %v, want %d among them", got, err, pid)
	}
	if got, err := g.Processes(); err != nil || len(got) != 0 {
		t.Errorf("processes of the group itself %v, %v", got, err)
	}
	release()
	if err := container.Destroy(); err != nil {
		t.Error(err)
	}
	if there, err := g.Exists(ctx); err != nil || !there {
		t.Errorf("after the container the group exists: %v, %v", there, err)
	}
	if err := g.Destroy(ctx); err != nil {
		t.Error(err)
	}
	if there, err := g.Exists(ctx); err != nil || there {
		t.Errorf("after its end the group exists: %v, %v", there, err)
	}
}

// A program can be in the group that it limits, and is told what it cannot do to itself.
func TestGroupOfTheCaller(t *testing.T) {
	checkLeaks(t)
	ctx := groupContext(t)
	snapshot, err := cgroups.ReadSnapshot()
	if err != nil {
		t.Fatal(err)
	}
	paths := make(map[string]string)
	for _, h := range snapshot.Hierarchies() {
		for _, key := range h.Keys {
			paths[key] = h.Own
		}
	}
	g, err := group.Open(ctx, &configs.Cgroup{Path: "/own"}, group.WithPaths(paths))
	if err != nil {
		t.Fatal(err)
	}
	if pids, err := g.Processes(); err != nil || !slices.Contains(pids, os.Getpid()) {
		t.Fatalf("processes %v, %v, want this one among them", pids, err)
	}
	// That may be the root of a hierarchy, which has fewer files.
	if stats, err := g.Stats(); err != nil || stats.CpuStats.CpuUsage.TotalUsage == 0 || len(stats.MemoryStats.Stats) == 0 {
		t.Errorf("statistics %+v, %v", stats, err)
	}
	for name, call := range map[string]func(context.Context) error{"Freeze": g.Freeze, "Kill": g.Kill} {
		if err := call(ctx); !errors.Is(err, group.ErrSelf) {
			t.Errorf("%s: error %v, want ErrSelf", name, err)
		}
	}
}
