//world:any

package integration

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// The tests in this file run in a host that differs from others in what a process
// hands down to its children, and look at what arrives in a container.

func number[T any](n T) *T { return &n }

// status reads fields of /proc/self/status, which a container's program has printed.
func status(text string) map[string]string {
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(line, ":")
		fields[name] = strings.Join(strings.Fields(value), " ")
	}
	return fields
}

// bothKinds runs the same program as the first process of a container and as a
// further one, and gives what each has written.
func bothKinds(t *testing.T, config *configs.Config, newProcess func() (*libcontainer.Process, *output), check func(t *testing.T, out string)) {
	t.Helper()
	run := func(t *testing.T, container libcontainer.Container) {
		p, out := newProcess()
		if err := container.Start(p); err != nil {
			t.Fatalf("start: %v", err)
		}
		if _, err := p.Wait(); err != nil {
			t.Fatalf("wait: %v; stderr %q", err, out.stderr.String())
		}
		check(t, strings.TrimSuffix(out.stdout.String(), "\n"))
	}
	t.Run("first process", func(t *testing.T) { run(t, newContainer(t, config)) })
	t.Run("further process", func(t *testing.T) {
		container := newContainer(t, config)
		startBlocked(t, container)
		run(t, container)
	})
}

func TestUmaskOfTheHostStaysThere(t *testing.T) {
	for _, umask := range []string{"0", "077", "0777"} {
		if os.Getenv("LCTEST_UMASK") == "" {
			t.Setenv("LCTEST_UMASK", umask)
			runAgain(t, "sh", "-c", "umask "+umask+`; exec "$@"`, "sh")
			os.Unsetenv("LCTEST_UMASK")
			continue
		}
		config := newConfig(t)
		bothKinds(t, config, func() (*libcontainer.Process, *output) {
			return shell("umask; : >/tmp/file; stat -c %a /tmp/file; rm /tmp/file")
		},
			func(t *testing.T, out string) { wantOutput(t, out, "0022\n644") })
		return
	}
}

func TestUmask(t *testing.T) {
	for name, tt := range map[string]struct {
		config, process *uint32
		want            string
	}{
		"default":              {nil, nil, "0022"},
		"of the configuration": {number(uint32(0o027)), nil, "0027"},
		"none":                 {number(uint32(0)), nil, "0000"},
		"of the process":       {nil, number(uint32(0o077)), "0077"},
		"of both":              {number(uint32(0o077)), number(uint32(0)), "0000"},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.Umask = tt.config
			bothKinds(t, config, func() (*libcontainer.Process, *output) {
				p, out := shell("umask")
				p.Umask = tt.process
				return p, out
			}, func(t *testing.T, out string) { wantOutput(t, out, tt.want) })
		})
	}
}

// Signals that the host ignores or blocks, as under nohup(1).
func TestSignalsOfTheHostStayThere(t *testing.T) {
	if !runAgain(t, "env", "--ignore-signal=HUP,INT,USR2", "--block-signal=USR1,TERM,RTMIN+5") {
		return
	}
	bothKinds(t, newConfig(t), func() (*libcontainer.Process, *output) { return command("cat", "/proc/self/status") },
		func(t *testing.T, out string) {
			s := status(out)
			for _, field := range []string{"SigIgn", "SigBlk"} {
				if strings.Trim(s[field], "0") != "" || s[field] == "" {
					t.Errorf("%s is %q", field, s[field])
				}
			}
		})
}

// The same for a hook inside of the container.
func TestSignalsOfTheHostInAHook(t *testing.T) {
	if !runAgain(t, "env", "--ignore-signal=HUP,INT", "--block-signal=USR1,TERM") {
		return
	}
	config := newConfig(t)
	config.Hooks = &configs.Hooks{StartContainer: []configs.Hook{configs.NewCommandHook(configs.Command{
		Path: "/bin/sh", Args: []string{"sh", "-c", "umask >/tmp/umask; exec cat /proc/self/status >/tmp/status"},
	})}}
	got := runShell(t, config, "cat /tmp/status; echo Umask of it: $(cat /tmp/umask)")
	s := status(got)
	if strings.Trim(s["SigIgn"], "0") != "" || strings.Trim(s["SigBlk"], "0") != "" || s["SigBlk"] == "" {
		t.Errorf("the hook ignores %q and blocks %q", s["SigIgn"], s["SigBlk"])
	}
	if s["Umask of it"] != "0022" {
		t.Errorf("the hook's umask is %q", s["Umask of it"])
	}
}

// A host that is bound to some CPUs does not bind its containers to them: those have
// the CPUs of their cpuset.
func TestAffinityOfTheHostStaysThere(t *testing.T) {
	wide := lineValue(t, "/proc/self/status", "Cpus_allowed_list")
	if os.Getenv("LCTEST_CPUS") == "" {
		cpus, err := configs.ParseCPUs(wide)
		if err != nil {
			t.Fatal(err)
		}
		if len(cpus) < 2 {
			t.Skipf("this machine lets the tests run on the CPUs %s alone", wide)
		}
		t.Setenv("LCTEST_CPUS", wide)
		runAgain(t, "taskset", "--cpu-list", itoa(cpus[0]))
		return
	}
	config := newConfig(t)
	bothKinds(t, config, func() (*libcontainer.Process, *output) { return command("cat", "/proc/self/status") },
		func(t *testing.T, out string) {
			if got := status(out)["Cpus_allowed_list"]; got != os.Getenv("LCTEST_CPUS") {
				t.Errorf("the container runs on the CPUs %s, want %s", got, os.Getenv("LCTEST_CPUS"))
			}
		})
}

func lineValue(t *testing.T, name, key string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	value, ok := status(string(data))[key]
	if !ok {
		t.Fatalf("%s has no %s", name, key)
	}
	return value
}

// Supplementary groups of the host are nobody's in a container.
func TestGroupsOfTheHostStayThere(t *testing.T) {
	if !runAgain(t, "setpriv", "--groups", "4242,4243,0") {
		return
	}
	if got := lineValue(t, "/proc/self/status", "Groups"); got != "0 4242 4243" {
		t.Fatalf("the host has the groups %q", got)
	}
	for _, user := range []string{"", "0", "5000:6000", "daemon", "root"} {
		t.Run("user "+user, func(t *testing.T) {
			bothKinds(t, newConfig(t), func() (*libcontainer.Process, *output) {
				p, out := command("cat", "/proc/self/status")
				p.User = user
				return p, out
			}, func(t *testing.T, out string) {
				for _, group := range strings.Fields(status(out)["Groups"]) {
					if group == "4242" || group == "4243" {
						t.Errorf("the groups of the program are %q", status(out)["Groups"])
					}
				}
			})
		})
	}
}

// The real, effective, saved and file system ids all change.
func TestAllIDsChange(t *testing.T) {
	config := withCalls(t, nil)
	config.NoNewPrivileges = false
	bothKinds(t, config, func() (*libcontainer.Process, *output) {
		p, out := command("cat", "/proc/self/status")
		p.User = "5000:6000"
		return p, out
	}, func(t *testing.T, out string) {
		s := status(out)
		if s["Uid"] != "5000 5000 5000 5000" || s["Gid"] != "6000 6000 6000 6000" {
			t.Errorf("user ids %q, group ids %q", s["Uid"], s["Gid"])
		}
		if s["Groups"] != "" {
			t.Errorf("groups %q", s["Groups"])
		}
	})
	for name, call := range map[string]string{"setresuid": fmt.Sprint(unix.SYS_SETRESUID), "setresgid": fmt.Sprint(unix.SYS_SETRESGID)} {
		t.Run(name, func(t *testing.T) {
			bothKinds(t, config, func() (*libcontainer.Process, *output) {
				p, out := calls("call " + call + " 0xffffffff 0 0xffffffff")
				p.User = "5000:6000"
				return p, out
			}, func(t *testing.T, out string) { wantOutput(t, out, "-1 1") })
		})
	}
}

// What protects capabilities while ids change is off again.
func TestSecureBits(t *testing.T) {
	config := withCalls(t, nil)
	const getKeepcaps, getSecurebits = 7, 27
	for _, user := range []string{"", "5000:6000"} {
		bothKinds(t, config, func() (*libcontainer.Process, *output) {
			p, out := calls(fmt.Sprintf("call %d %d -- call %d %d", unix.SYS_PRCTL, getKeepcaps, unix.SYS_PRCTL, getSecurebits))
			p.User = user
			return p, out
		}, func(t *testing.T, out string) { wantOutput(t, out, "0 0\n0 0") })
	}
}

// Standard descriptors that the library makes belong to the container's root, user
// and group each by its own map.
func TestOwnerOfStandardDescriptors(t *testing.T) {
	config := newConfig(t)
	config.Namespaces.Add(configs.NEWUSER, "")
	config.UidMappings = []configs.IDMap{{ContainerID: 0, HostID: 100000, Size: 65536}}
	config.GidMappings = []configs.IDMap{{ContainerID: 0, HostID: 300000, Size: 65536}}
	bothKinds(t, config, func() (*libcontainer.Process, *output) {
		p, out := shell(`for fd in 0 1 2; do stat -L -c "%u:%g" /proc/self/fd/$fd; done`)
		p.Stdin = bytes.NewReader(nil)
		return p, out
	}, func(t *testing.T, out string) { wantOutput(t, out, "0:0\n0:0\n0:0") })
}

func TestOomScoreOfTheHost(t *testing.T) {
	if !runAgain(t, "sh", "-c", `echo 500 >/proc/self/oom_score_adj && exec "$@"`, "sh") {
		return
	}
	for name, tt := range map[string]struct {
		keep    bool
		config  int
		process *int
		want    string
	}{
		"kept":                       {keep: true, want: "500"},
		"not kept":                   {want: "0"},
		"of the configuration":       {config: 321, want: "321"},
		"of the process":             {config: 321, process: number(654), want: "654"},
		"of the process, nothing":    {config: 321, process: number(0), want: "0"},
		"kept, but for this process": {keep: true, process: number(7), want: "7"},
		"kept, and nothing for it":   {keep: true, process: number(0), want: "0"},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.OomScoreAdj, config.KeepOomScore = tt.config, tt.keep
			bothKinds(t, config, func() (*libcontainer.Process, *output) {
				p, out := command("cat", "/proc/self/oom_score_adj")
				p.OomScoreAdj = tt.process
				return p, out
			}, func(t *testing.T, out string) { wantOutput(t, out, tt.want) })
		})
	}
}

// The process that is watched is the container's, whatever another namespace's procfs
// has at the same number.
func TestAnotherNamespacesProc(t *testing.T) {
	if !runAgain(t, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
		"sh", "-c", `"$@"; exit $?`, "sh") {
		return
	}
	checkLeaks(t)
	// The strangers have the numbers that the container's processes will have in a pid
	// namespace that sees the same /proc.
	var strangers []string
	for range 60 {
		stranger := exec.Command("sleep", "1000000")
		if err := stranger.Start(); err != nil {
			t.Fatal(err)
		}
		defer func() {
			_ = stranger.Process.Kill()
			_ = stranger.Wait()
		}()
		pid := itoa(stranger.Process.Pid)
		if err := os.WriteFile("/proc/"+pid+"/oom_score_adj", []byte("123"), 0); err != nil {
			t.Fatal(err)
		}
		strangers = append(strangers, pid)
	}
	state := publicTempDir(t)
	out, err := exec.Command("unshare", "--pid", "--fork", "--kill-child",
		"sh", "-c", `i=0; while [ $i -lt `+strconv.Itoa(firstPid(strangers)-1)+` ]; do true & wait; i=$((i+1)); done; "$@"; exit $?`, "sh",
		buildProgram(t, "imports"), newRootfs(t), state, cgroupParent).CombinedOutput()
	if err != nil && !strings.Contains(string(out), "/proc") {
		t.Errorf("output %q, error %v; want it to work, or to say that /proc is another namespace's", out, err)
	}
	if err == nil && string(out) != "hello from the container\n" {
		t.Errorf("output %q", out)
	}
	for _, pid := range strangers {
		if got := strings.TrimSpace(string(mustRead(t, "/proc/"+pid+"/oom_score_adj"))); got != "123" {
			t.Errorf("the oom score of a stranger, process %s, is %s now", pid, got)
		}
	}
	if entries, _ := os.ReadDir(state); len(entries) != 0 {
		t.Errorf("left in the state directory: %v", entries)
	}
}

func firstPid(pids []string) int {
	first, _ := strconv.Atoi(pids[0])
	return first
}
