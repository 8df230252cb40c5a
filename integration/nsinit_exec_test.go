package integration

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// execReport writes what a process has.
const execReport = `echo "user=$(id -u):$(id -g)"
echo "cwd=$(pwd)"
echo "env=$A,$B,$OF"
echo "umask=$(umask)"
echo "nice=$(awk '{print $19}' /proc/self/stat)"
cat /proc/self/status`

// sleepingContainer runs one that does nothing, with much in its process to be taken over.
func (n *nsinit) sleepingContainer(t *testing.T, id string, edit func(*specs.Spec)) {
	t.Helper()
	umask := uint32(0o27)
	bundle := bundleOf(t, "trap exit TERM; while :; do sleep 100000 & wait; done", func(s *specs.Spec) {
		s.Process.User = specs.User{UID: 1000, GID: 1001, AdditionalGids: []uint32{77}, Umask: &umask}
		s.Process.Env = append(s.Process.Env, "OF=container")
		s.Process.Cwd = "/tmp"
		s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedOther, Nice: 3}
		if edit != nil {
			edit(s)
		}
	})
	n.deleteLater(t, id)
	n.must(t, "run", "--detach", "--bundle", bundle, id)
}

// report is what execReport has written, by name.
func report(text string) map[string]string {
	got := status(text)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "="); ok {
			got[name] = value
		}
	}
	return got
}

// What no flag says a further process has from the bundle.
func TestNsinitExec(t *testing.T) {
	n := newNsinit(t)
	n.sleepingContainer(t, "x", nil)
	inherited := map[string]string{
		"user": "1000:1001", "cwd": "/tmp", "env": ",,container", "umask": "0027", "nice": "3", "Groups": "77", "NoNewPrivs": "1",
		"CapBnd": "0000000020000420", "CapEff": "0000000000000000", "CapAmb": "0000000000000000",
	}
	processFile := filepath.Join(t.TempDir(), "process.json")
	umask := uint32(0o77)
	text, err := json.Marshal(&specs.Process{
		Args: []string{"/bin/sh", "-c", execReport}, Env: []string{"PATH=/bin", "A=file"}, Cwd: "/run",
		User: specs.User{UID: 5, GID: 6, AdditionalGids: []uint32{7, 8}, Umask: &umask},
		Capabilities: &specs.LinuxCapabilities{
			Bounding: []string{"CAP_KILL"}, Permitted: []string{"CAP_KILL"}, Effective: []string{"CAP_KILL"},
			Inheritable: []string{"CAP_KILL"}, Ambient: []string{"CAP_KILL"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(processFile, text, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		flags []string
		want  map[string]string
	}{
		"no flags":  {nil, nil},
		"cwd":       {[]string{"--cwd", "/dev/shm/made/for/it"}, map[string]string{"cwd": "/dev/shm/made/for/it"}},
		"env":       {[]string{"--env", "A=1,2", "-e", "B=x=y", "-e", "OF=exec"}, map[string]string{"env": "1,2,x=y,exec"}},
		"user":      {[]string{"--user", "12"}, map[string]string{"user": "12:1001"}},
		"group too": {[]string{"-u", "12:13"}, map[string]string{"user": "12:13"}},
		"groups":    {[]string{"--additional-gids", "5", "-g", "6"}, map[string]string{"Groups": "5 6 77"}},
		"capabilities": {[]string{"--user", "0", "--cap", "CAP_CHOWN", "-c", "CAP_KILL"}, map[string]string{
			"user": "0:1001", "CapBnd": "0000000020000421", "CapEff": "0000000020000421",
		}},
		"a file": {[]string{"--process", processFile}, map[string]string{
			"user": "5:6", "cwd": "/run", "env": "file,,", "umask": "0077", "nice": "3", "Groups": "7 8", "NoNewPrivs": "0",
			"CapBnd": "0000000000000020", "CapEff": "0000000000000020", "CapAmb": "0000000000000020",
		}},
		"a file and flags": {[]string{"--process", processFile, "--no-new-privs", "--cwd", "/"}, map[string]string{
			"user": "5:6", "cwd": "/", "env": "file,,", "umask": "0077", "nice": "3", "Groups": "7 8", "NoNewPrivs": "1",
			"CapBnd": "0000000000000020", "CapEff": "0000000000000020", "CapAmb": "0000000000000020",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			args := append(append([]string{"exec"}, test.flags...), "x")
			if !strings.Contains(name, "file") {
				args = append(args, "/bin/sh", "-c", execReport)
			}
			got := report(n.must(t, args...))
			for field, want := range inherited {
				if given, ok := test.want[field]; ok {
					want = given
				}
				if got[field] != want {
					t.Errorf("%s is %q, want %q", field, got[field], want)
				}
			}
		})
	}
}

// The program's own flags are the program's.
func TestNsinitExecArguments(t *testing.T) {
	n := newNsinit(t)
	n.sleepingContainer(t, "help", nil) // which is no word of the command line
	for _, args := range [][]string{{"echo", "--cwd", "-n", "--"}, {"--", "echo", "--cwd", "-n", "--"}} {
		if out := n.must(t, append([]string{"exec", "help"}, args...)...); out != "--cwd -n --\n" {
			t.Errorf("%q: %q", args, out)
		}
	}
	stdout, stderr, code := n.run(t, "exec", "help", "/bin/sh", "-c", "echo out; echo err >&2; exit 42")
	if stdout != "out\n" || stderr != "err\n" || code != 42 {
		t.Errorf("status %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	n.stdin = strings.NewReader("from outside")
	if out := n.must(t, "exec", "help", "cat"); out != "from outside" {
		t.Errorf("cat wrote %q", out)
	}
	for flag, texts := range map[string][]string{
		"--user=nobody":         {"--user", "nobody"},
		"--user=1:nobody":       {"--user", "nobody"},
		"--user=-1":             {"--user", "-1"},
		"--additional-gids=all": {"--additional-gids", "all"},
		"--cap=CAP_JOY":         {"--cap", "CAP_JOY"},
		"--cwd=here":            {"process.cwd", "here"},
		"--env=NONSENSE":        {"process.env", "NONSENSE"},
		"--process=/none":       {"--process", "/none"},
		"--cgroup=:x":           {"--cgroup", ":x"},
		"--preserve-fds=2":      {"--preserve-fds", "descriptor 3"},
		"--pid-file=/none/pid":  {"--pid-file", "/none"},
	} {
		args := []string{"exec", flag, "help"}
		if !strings.HasPrefix(flag, "--process") {
			args = append(args, "true")
		}
		n.fails(t, 255, append(texts, "exec failed"), args...)
	}
	n.fails(t, 255, []string{"neither a command nor --process"}, "exec", "help")
	n.fails(t, 255, []string{"--process", "true"}, "exec", "--process", "/none", "help", "true")
	if pids := n.must(t, "ps", "--format", "json", "help"); strings.Count(pids, ",") != 1 {
		t.Errorf("processes are left: %s", pids)
	}
}

// A process that exec has left alone is its parent's when the command has ended.
func TestNsinitExecDetached(t *testing.T) {
	n := newNsinit(t)
	n.sleepingContainer(t, "x", nil)
	pidFile := filepath.Join(t.TempDir(), "pid")
	in, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	cmd := n.command("exec", "--detach", "--pid-file", pidFile, "x", "/bin/sh", "-c", "read code; exit $code")
	engine := buildProgram(t, "engine")
	cmd.Args, cmd.Path, cmd.Stdin = append([]string{engine, pidFile}, cmd.Args...), engine, in
	said := startSaying(t, cmd)
	said("engine: the command has ended")
	if _, err := hold.WriteString("17\n"); err != nil {
		t.Fatal(err)
	}
	said("engine: status 17")
	in.Close()
}

// A container that has been created, or is paused, takes further processes, too.
func TestNsinitExecBesidesRunning(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, "exec sleep 100000", nil)
	n.deleteLater(t, "x")
	n.must(t, "create", "--bundle", bundle, "x")
	if out := n.must(t, "exec", "x", "echo", "created"); out != "created\n" {
		t.Errorf("in a created container: %q", out)
	}
	n.must(t, "start", "x")
	n.must(t, "pause", "x")
	if s := n.state(t, "x"); s.Status != "paused" {
		t.Errorf("state %+v", s)
	}
	n.fails(t, 255, []string{"paused", "--ignore-paused"}, "exec", "x", "true")
	cmd := n.command("exec", "--ignore-paused", "x", "echo", "resumed")
	said := startSaying(t, cmd)
	n.must(t, "resume", "x")
	said("resumed")
}

// A further process begins in a sub-cgroup.
func TestNsinitExecCgroup(t *testing.T) {
	if tested.Systemd() {
		t.Skip("the sub-cgroup is made in the directory of the manager cgroupfs")
	}
	n := newNsinit(t)
	n.sleepingContainer(t, "x", nil)
	controller := "pids"
	if unifiedOnly(t) {
		controller = ""
	}
	mountpoint, err := cgroups.FindCgroupMountpoint(controller)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(mountpoint, nsinitCgroup(t, ""), "below")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	value := "pids:/below"
	if controller == "" {
		value = "below"
	}
	script := `grep -E ":(` + controller + `|0::)" /proc/self/cgroup; cat /proc/self/cgroup`
	out := n.must(t, "exec", "--cgroup", value, "--user", "0", "x", "/bin/sh", "-c", script)
	if !strings.Contains(out, "/below\n") {
		t.Errorf("the process is in %s", out)
	}
	n.fails(t, 255, []string{"nowhere"}, "exec", "--cgroup", strings.Replace(value, "below", "nowhere", 1), "x", "true")
}

// execCPUAffinity of the bundle is that of further processes.
func TestNsinitExecCPUAffinity(t *testing.T) {
	n := newNsinit(t)
	own, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	allowed := status(string(own))["Cpus_allowed_list"]
	last := allowed[strings.LastIndexAny(allowed, ",-")+1:]
	if _, err := strconv.Atoi(last); err != nil || last == allowed {
		t.Skipf("there is one processor: %q", allowed)
	}
	n.sleepingContainer(t, "x", func(s *specs.Spec) { s.Process.ExecCPUAffinity = &specs.CPUAffinity{Final: last} })
	if got := report(n.must(t, "exec", "x", "cat", "/proc/self/status")); got["Cpus_allowed_list"] != last {
		t.Errorf("a further process is bound to %q, want %q", got["Cpus_allowed_list"], last)
	}
}
