//world:any

package integration

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// furtherProcess runs a program beside another one in a container, with the fields
// that edit sets, and gives what it has written.
func furtherProcess(t *testing.T, config *configs.Config, edit func(*libcontainer.Process), args ...string) string {
	t.Helper()
	container := newContainer(t, config)
	startBlocked(t, container)
	p, out := command(args...)
	edit(p)
	if err := container.Start(p); err != nil {
		t.Fatalf("start: %v", err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatalf("wait: %v; stdout %q, stderr %q", err, out.stdout.String(), out.stderr.String())
	}
	return strings.TrimSuffix(out.stdout.String(), "\n")
}

func TestGroupsInsteadOfTheContainers(t *testing.T) {
	config := newConfig(t)
	config.AdditionalGroups = []string{"tty", "123"}
	for name, tt := range map[string]struct {
		groups  []string
		replace bool
		want    string
	}{
		"besides":       {[]string{"77"}, false, "5 77 123"},
		"instead":       {[]string{"77", "nogroup"}, true, "77 65534"},
		"none at all":   {nil, true, ""},
		"the container": {nil, false, "5 123"},
	} {
		t.Run(name, func(t *testing.T) {
			got := furtherProcess(t, config, func(p *libcontainer.Process) {
				p.User, p.AdditionalGroups, p.ReplaceGroups = "5000:6000", tt.groups, tt.replace
			}, "cat", "/proc/self/status")
			if got := status(got)["Groups"]; got != tt.want {
				t.Errorf("supplementary groups %q, want %q", got, tt.want)
			}
		})
	}
}

// A further process has the sets that it names, all five of them.
func TestCapabilitySetsOfAProcess(t *testing.T) {
	const chown, kill = "CAP_CHOWN", "CAP_KILL" // bits 0 and 5
	sets := &configs.CapabilitySets{
		Bounding: []string{chown, kill, "CAP_SETUID"}, Permitted: []string{chown, kill}, Inheritable: []string{chown, kill},
		Effective: []string{kill}, Ambient: []string{kill},
	}
	for name, tt := range map[string]struct {
		user string
		sets *configs.CapabilitySets
		flat []string
		want string // bounding, permitted, inheritable, effective, ambient
	}{
		"another user":             {"5000:6000", sets, nil, "a1 20 21 20 20"},
		"instead of the flat list": {"5000:6000", sets, []string{"CAP_NET_RAW"}, "a1 20 21 20 20"},
		"none":                     {"", &configs.CapabilitySets{}, nil, "0 0 0 0 0"},
		"bounding alone":           {"5000:6000", &configs.CapabilitySets{Bounding: []string{chown}}, nil, "1 0 0 0 0"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"first", "further"} {
				config := newConfig(t)
				config.Cgroups.Name += kind
				edit := func(p *libcontainer.Process) { p.User, p.CapabilitySets, p.Capabilities = tt.user, tt.sets, tt.flat }
				var text string
				if kind == "first" {
					p, out := command("cat", "/proc/self/status")
					edit(p)
					text = runProcess(t, config, p, out)
				} else {
					text = furtherProcess(t, config, edit, "cat", "/proc/self/status")
				}
				s, got := status(text), ""
				for _, set := range []string{"CapBnd", "CapPrm", "CapInh", "CapEff", "CapAmb"} {
					got += " " + strings.TrimLeft(s[set][:len(s[set])-1], "0") + s[set][len(s[set])-1:]
				}
				if got != " "+tt.want {
					t.Errorf("%s process: sets%s, want %s", kind, got, tt.want)
				}
			}
		})
	}
}

// What its container cannot do, a single process can.
func TestAllowNewPrivileges(t *testing.T) {
	for name, tt := range map[string]struct {
		config, allow, deny bool
		want                string
	}{
		"as the container":    {true, false, false, "1"},
		"allowed":             {true, true, false, "0"},
		"allowed anyhow":      {false, true, false, "0"},
		"denied":              {false, false, true, "1"},
		"as the container is": {false, false, false, "0"},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.NoNewPrivileges = tt.config
			got := furtherProcess(t, config, func(p *libcontainer.Process) {
				p.AllowNewPrivileges, p.NoNewPrivileges = tt.allow, tt.deny
			}, "cat", "/proc/self/status")
			if got := status(got)["NoNewPrivs"]; got != tt.want {
				t.Errorf("NoNewPrivs is %q, want %q", got, tt.want)
			}
		})
	}
}

// A process without the filter's guard still has the filter.
func TestAllowNewPrivilegesKeepsTheFilter(t *testing.T) {
	config := withCalls(t, allowBut(rule("getppid", configs.Errno)))
	got := furtherProcess(t, config, func(p *libcontainer.Process) { p.AllowNewPrivileges = true },
		"/bin/calls", "call", ppid)
	wantOutput(t, got, "-1 1")
}

// AppArmor's label of the container is left out for a single process.
func TestUnlabeledProcess(t *testing.T) {
	if !appArmorEnabled() {
		t.Skip("AppArmor is not enabled on this machine")
	}
	const profile = "lctest-unlabeled"
	loadProfile(t, profile)
	config := newConfig(t)
	config.AppArmorProfile = profile
	got := furtherProcess(t, config, func(p *libcontainer.Process) { p.Unlabeled = true }, "cat", "/proc/self/attr/current")
	if strings.Contains(got, profile) {
		t.Errorf("the process runs as %q", got)
	}
	config.Cgroups.Name += "-labeled" // the other one still has its cgroup
	if got := furtherProcess(t, config, func(*libcontainer.Process) {}, "cat", "/proc/self/attr/current"); !strings.Contains(got, profile) {
		t.Errorf("another process runs as %q", got)
	}
}

// schedulerOf gives policy, realtime priority and nice value out of /proc/[pid]/stat,
// see proc_pid_stat(5).
func schedulerOf(t *testing.T, stat string) string {
	t.Helper()
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	if len(fields) < 39 {
		t.Fatalf("stat is %q", stat)
	}
	return fmt.Sprintf("policy %s priority %s nice %s", fields[38], fields[37], fields[16])
}

func TestScheduler(t *testing.T) {
	batch := &configs.Scheduler{Policy: "SCHED_BATCH", Nice: 5}
	idle := &configs.Scheduler{Policy: "SCHED_IDLE"}
	other := &configs.Scheduler{Policy: "SCHED_OTHER", Nice: 3}
	for name, tt := range map[string]struct {
		config, process *configs.Scheduler
		want            string
	}{
		"none":                 {nil, nil, "policy 0 priority 0 nice 0"},
		"of the configuration": {batch, nil, "policy 3 priority 0 nice 5"},
		"of the process":       {nil, other, "policy 0 priority 0 nice 3"},
		"of both":              {batch, other, "policy 0 priority 0 nice 3"},
		"idle":                 {nil, idle, "policy 5 priority 0 nice 0"},
		// The flag does not show, but its effect does: the child of such a process.
		"reset on fork": {nil, &configs.Scheduler{Policy: "SCHED_BATCH", Nice: 0, Flags: []string{"SCHED_FLAG_RESET_ON_FORK"}}, "policy 1073741827 priority 0 nice 0"},
	} {
		t.Run(name, func(t *testing.T) {
			config := withCalls(t, nil)
			config.Scheduler = tt.config
			bothKinds(t, config, func() (*libcontainer.Process, *output) {
				p, out := command("cat", "/proc/self/stat")
				if tt.process != nil && tt.process.Flags != nil {
					p, out = calls(fmt.Sprintf("call %d 0", unix.SYS_SCHED_GETSCHEDULER))
				}
				p.Scheduler = tt.process
				return p, out
			}, func(t *testing.T, out string) {
				if tt.process != nil && tt.process.Flags != nil {
					out = "policy " + strings.TrimSuffix(out, " 0") + " priority 0 nice 0"
				} else {
					out = schedulerOf(t, out)
				}
				wantOutput(t, out, tt.want)
			})
		})
	}
}

// Realtime is refused by cgroups that have no time for it: then the start says so.
func TestRealtimeScheduler(t *testing.T) {
	config := newConfig(t)
	config.Scheduler = &configs.Scheduler{Policy: "SCHED_RR", Priority: 7}
	container := newContainer(t, config)
	p, out := command("cat", "/proc/self/stat")
	if err := container.Start(p); err != nil {
		checkError(t, err, libcontainer.SystemError, "SCHED_RR")
		return
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	wantOutput(t, schedulerOf(t, out.stdout.String()), "policy 2 priority 7 nice 0")
}

func TestIOPriority(t *testing.T) {
	for name, tt := range map[string]struct {
		config, process *configs.IOPriority
		want            int // of ioprio_get(2)
	}{
		"of the configuration": {&configs.IOPriority{Class: "IOPRIO_CLASS_BE", Priority: 6}, nil, 2<<13 | 6},
		"of the process":       {nil, &configs.IOPriority{Class: "IOPRIO_CLASS_IDLE"}, 3 << 13},
		"of both":              {&configs.IOPriority{Class: "IOPRIO_CLASS_IDLE"}, &configs.IOPriority{Class: "IOPRIO_CLASS_BE", Priority: 1}, 2<<13 | 1},
	} {
		t.Run(name, func(t *testing.T) {
			config := withCalls(t, nil)
			config.IOPriority = tt.config
			bothKinds(t, config, func() (*libcontainer.Process, *output) {
				const process = 1
				p, out := calls(fmt.Sprintf("call %d %d 0", unix.SYS_IOPRIO_GET, process))
				p.IOPriority = tt.process
				return p, out
			}, func(t *testing.T, out string) { wantOutput(t, out, itoa(tt.want)+" 0") })
		})
	}
}

func TestCPUAffinityOfAProcess(t *testing.T) {
	cpus, err := configs.ParseCPUs(lineValue(t, "/proc/self/status", "Cpus_allowed_list"))
	if err != nil {
		t.Fatal(err)
	}
	last := itoa(cpus[len(cpus)-1])
	for name, affinity := range map[string]*configs.CPUAffinity{
		"final":     {Final: last},
		"both":      {Initial: itoa(cpus[0]), Final: last},
		"the first": {Final: itoa(cpus[0])},
	} {
		t.Run(name, func(t *testing.T) {
			got := furtherProcess(t, newConfig(t), func(p *libcontainer.Process) { p.CPUAffinity = affinity }, "cat", "/proc/self/status")
			if got := status(got)["Cpus_allowed_list"]; got != affinity.Final {
				t.Errorf("the process runs on the CPUs %s, want %s", got, affinity.Final)
			}
		})
	}
	t.Run("outside of the cpuset", func(t *testing.T) {
		container := newContainer(t, newConfig(t))
		startBlocked(t, container)
		p, _ := command("true")
		p.CPUAffinity = &configs.CPUAffinity{Final: "8191"}
		if err := container.Start(p); err == nil {
			_, _ = p.Wait()
			t.Error("a process runs on a CPU that there is not")
		} else if !strings.Contains(err.Error(), "8191") {
			t.Errorf("error %q does not name the CPU", err)
		}
	})
}

// A limit so low that init, too, could not open a file any more comes last.
func TestLowLimitOfDescriptors(t *testing.T) {
	for _, limit := range []uint64{0, 3, 5} {
		limits := []configs.Rlimit{{Type: unix.RLIMIT_NOFILE, Hard: limit, Soft: limit}}
		t.Run(fmt.Sprintf("prepared with %d", limit), func(t *testing.T) {
			config := newConfig(t)
			config.Rlimits = limits
			c, _ := newContainerIn(t, config)
			p, out := shell("ulimit -n; exit 7")
			if err := c.Prepare(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if err := c.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			if state, _ := p.Wait(); state == nil || state.ExitCode() != 7 {
				t.Errorf("state %v, want exit 7", state)
			}
			wantOutput(t, out.stdout.String(), fmt.Sprintln(limit))
		})
		t.Run(fmt.Sprintf("started with %d", limit), func(t *testing.T) {
			config := newConfig(t)
			config.Rlimits = limits
			wantOutput(t, runShell(t, config, "ulimit -n"), fmt.Sprint(limit))
		})
		t.Run(fmt.Sprintf("further process with %d", limit), func(t *testing.T) {
			got := furtherProcess(t, newConfig(t), func(p *libcontainer.Process) { p.Rlimits = limits }, "/bin/sh", "-c", "ulimit -n")
			wantOutput(t, got, fmt.Sprint(limit))
		})
	}
}

// A process beside one that is prepared, as `exec` before `start` of the OCI's
// command: it sees the container as it will be.
func TestExecInAPreparedContainer(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"default":        func(*configs.Config) {},
		"user namespace": func(c *configs.Config) { withUserNS(t, c, 100000) },
		"no pid":         func(c *configs.Config) { c.Namespaces.Remove(configs.NEWPID) },
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			edit(config)
			config.Hostname = "prepared"
			c, root := newContainerIn(t, config)
			p, out := shell("cat /tmp/left")
			if err := c.Prepare(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			wantOutput(t, execShell(t, c, "hostname; ls -d /bin; echo left >/tmp/left; chmod 644 /tmp/left"), "prepared\n/bin")
			wantStatus(t, c, libcontainer.Created)
			wantOutput(t, execShell(t, loadAgain(t, c, root), "hostname"), "prepared")
			if err := c.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := p.Wait(); err != nil || out.stdout.String() != "left\n" {
				t.Errorf("output %q, error %v", out.stdout.String(), err)
			}
			if err := os.Remove(config.Rootfs + "/tmp/left"); err != nil {
				t.Error(err)
			}
		})
	}
}
