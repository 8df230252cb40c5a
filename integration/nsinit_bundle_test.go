//world:any

package integration

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// Each hook is told the state of its moment, with the bundle and its annotations.
func TestNsinitHooks(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, "sleep 100000", nil)
	dir := filepath.Join(bundle, "told")
	spec := bundleSpec()
	spec.Process.Args = []string{"sleep", "100000"}
	spec.Process.User, spec.Process.Capabilities = specs.User{}, nil
	spec.Linux.CgroupsPath = nsinitCgroup(t, "")
	spec.Mounts = append(spec.Mounts, specs.Mount{Destination: "/told", Type: "bind", Source: dir, Options: []string{"bind"}})
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	hook := func(name, dir string) []specs.Hook {
		return []specs.Hook{{Path: "/bin/sh", Args: []string{"sh", "-c", "cat >" + dir + "/" + name}}}
	}
	spec.Hooks = &specs.Hooks{
		//lint:ignore SA1019 old bundles have it
		Prestart:      hook("prestart", dir),
		CreateRuntime: hook("createRuntime", dir), CreateContainer: hook("createContainer", dir),
		StartContainer: hook("startContainer", "/told"), Poststart: hook("poststart", dir), Poststop: hook("poststop", dir),
	}
	text, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	n.deleteLater(t, "hooked")
	_, stderr, code := n.run(t, "create", "--bundle", bundle, "hooked")
	if code != 0 || stderr != "" {
		t.Fatalf("create: status %d, stderr %q", code, stderr)
	}
	pid := n.state(t, "hooked").Pid
	checkTold(t, bundle, map[string]string{"prestart": "creating", "createRuntime": "creating", "createContainer": "creating"}, pid)
	n.must(t, "start", "hooked")
	checkTold(t, bundle, map[string]string{"startContainer": "created", "poststart": "running"}, pid)
	n.must(t, "delete", "--force", "hooked")
	checkTold(t, bundle, map[string]string{"poststop": "stopped"}, 0)
}

// checkTold looks at what hooks have written of what they were told, and removes that.
func checkTold(t *testing.T, bundle string, statuses map[string]string, pid int) {
	t.Helper()
	dir := filepath.Join(bundle, "told")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != len(statuses) {
		t.Errorf("hooks have written %v, error %v; want %v", entries, err, statuses)
	}
	for name, status := range statuses {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		var state specs.State
		if err := json.Unmarshal(text, &state); err != nil {
			t.Errorf("%s: %v: %s", name, err, text)
		}
		want := pid
		if name == "startContainer" || name == "createContainer" {
			want = 1 // as it is seen inside
		}
		if string(state.Status) != status || state.Pid != want || state.ID != "hooked" || state.Bundle != bundle ||
			state.Annotations["com.example.key"] != "told" || state.Version != specs.Version {
			t.Errorf("%s is told %s, want status %s and pid %d", name, text, status, want)
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

// A hook that fails when nothing can be taken back is worth a warning.
func TestNsinitHooksThatEndNothing(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, "echo ran", func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{Poststop: []specs.Hook{{Path: "/bin/false"}}}
	})
	stdout, stderr, code := n.run(t, "run", "--bundle", bundle, "x")
	if code != 0 || stdout != "ran\n" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "level=warning") || !strings.Contains(stderr, "poststop hook 0") {
		t.Errorf("status %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// The whole of a bundle is seen inside, by the command as by the library.
func TestNsinitBundle(t *testing.T) {
	n := newNsinit(t)
	spec := bundleSpec()
	spec.Process.Args = []string{"sh", "-c", bundleScript}
	spec.Linux.CgroupsPath = nsinitCgroup(t, "")
	bundle := writeBundle(t, spec)
	stdout, stderr, code := n.run(t, "run", "--bundle", bundle, "test")
	if code != 0 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, "level=warning") || !strings.Contains(stderr, "bounding[2]") {
		t.Errorf("status %d, stderr %q", code, stderr)
	}
	checkBundle(t, report(stdout))
	if t.Failed() {
		t.Logf("stdout %s", stdout)
	}
	checkBundleState(t, bundle)
}

// Properties that the bundle above does not have, each seen by a line of a script.
func TestNsinitProperties(t *testing.T) {
	n := newNsinit(t)
	ownUTS := "/proc/" + itoa(os.Getpid()) + "/ns/uts"
	int64p := func(v int64) *int64 { return &v }
	for name, test := range map[string]struct {
		edit   func(*specs.Spec)
		script string
		want   string
	}{
		"personality":              {func(s *specs.Spec) { s.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32} }, "uname -m", "i686"},
		"root that can be written": {func(s *specs.Spec) { s.Root.Readonly = false }, "echo x >/file && cat /file", "x"},
		"namespaces that are joined": {func(s *specs.Spec) {
			for i := range s.Linux.Namespaces {
				if s.Linux.Namespaces[i].Type == specs.UTSNamespace {
					s.Linux.Namespaces[i].Path = ownUTS
				}
			}
			s.Hostname = ""
		}, "readlink /proc/self/ns/uts", readlink(t, ownUTS)},
		"user namespace": {func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
			s.Linux.UIDMappings = []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}
			s.Linux.GIDMappings = []specs.LinuxIDMapping{{HostID: 100000, Size: 65536}}
		}, "awk '{print $1, $2, $3}' /proc/self/uid_map", "0 100000 65536"},
		"time namespace": {func(s *specs.Spec) {
			s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: specs.TimeNamespace})
			s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: 1 << 30}}
		}, "awk '{print ($1 > 1000000000)}' /proc/uptime", "1"},
		"scheduler": {func(s *specs.Spec) { s.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedBatch} },
			"awk '{print $41}' /proc/self/stat", "3"},
		"mount propagation": {func(s *specs.Spec) { s.Linux.RootfsPropagation = "private" },
			`awk '$5 == "/" {print $7}' /proc/self/mountinfo`, "-"},
		"recursive options": {func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Type: "none", Source: "volume", Options: []string{"rbind", "rnoexec", "rro"}})
		}, `awk '$5 == "/mnt" {print $6}' /proc/self/mountinfo`, "ro,noexec,relatime"},
		"idmapped mount": {func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Type: "none", Source: "volume", Options: []string{"bind", "idmap"},
				UIDMappings: []specs.LinuxIDMapping{{HostID: 777, Size: 65536}}, GIDMappings: []specs.LinuxIDMapping{{HostID: 888, Size: 65536}}})
		}, "stat -c %u:%g /mnt/file", "777:888"},
		"tmpfs with what was there": {func(s *specs.Spec) {
			s.Mounts = append(s.Mounts, specs.Mount{Destination: "/etc", Type: "tmpfs", Source: "tmpfs", Options: []string{"tmpcopyup"}})
		}, "touch /etc/new && grep -c ^root: /etc/passwd", "1"},
		"masked path":    {func(s *specs.Spec) { s.Linux.MaskedPaths = []string{"/proc/version"} }, "wc -c </proc/version", "0"},
		"read-only path": {func(s *specs.Spec) { s.Linux.ReadonlyPaths = []string{"/dev/shm"} }, "touch /dev/shm/x 2>/dev/null || echo read-only", "read-only"},
		"sysctl":         {func(s *specs.Spec) { s.Linux.Sysctl = map[string]string{"kernel.msgmax": "4321"} }, "cat /proc/sys/kernel/msgmax", "4321"},
		"rlimits": {func(s *specs.Spec) {
			s.Process.Rlimits = []specs.POSIXRlimit{{Type: "RLIMIT_CORE", Soft: 4096, Hard: 8192}}
		},
			"ulimit -c; ulimit -Hc", "8\n16"},
		"privileges may be gained":     {func(s *specs.Spec) { s.Process.NoNewPrivileges = false }, "grep NoNewPrivs /proc/self/status | cut -f2", "0"},
		"annotation that sets nothing": {func(s *specs.Spec) { s.Annotations = map[string]string{"a.b": "c"} }, "echo runs", "runs"},
		"cgroup limits": {func(s *specs.Spec) {
			s.Linux.Resources.Pids = &specs.LinuxPids{Limit: int64p(3)}
		}, "(sleep 0 & sleep 0 & sleep 0 & sleep 0 & wait) 2>/dev/null || echo limited", "limited"},
		"default devices": {nil, `stat -c "%n %t,%T" /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty; readlink /dev/ptmx; readlink /dev/fd`,
			"/dev/null 1,3\n/dev/zero 1,5\n/dev/full 1,7\n/dev/random 1,8\n/dev/urandom 1,9\n/dev/tty 5,0\npts/ptmx\n/proc/self/fd"},
	} {
		t.Run(name, func(t *testing.T) {
			bundle := bundleOf(t, test.script, test.edit)
			stdout, stderr, code := n.run(t, "run", "--bundle", bundle, "test")
			if got := strings.TrimSuffix(stdout, "\n"); got != test.want || code != 0 || stderr != "" {
				t.Errorf("status %d, stdout %q, stderr %q; want %q", code, got, stderr, test.want)
			}
		})
	}
}

func readlink(t *testing.T, path string) string {
	t.Helper()
	target, err := os.Readlink(path)
	if err != nil {
		t.Fatal(err)
	}
	return target
}

// --no-pivot leaves a root that can be used.
func TestNsinitWithoutPivot(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, "pwd; ls -d /bin; cat /etc/passwd | head -1 | cut -d: -f1", nil)
	if out := n.must(t, "run", "--no-pivot", "--bundle", bundle, "x"); out != "/\n/bin\nroot\n" {
		t.Errorf("output %q", out)
	}
}

// --no-new-keyring leaves the container the session keyring of the command.
func TestNsinitKeyring(t *testing.T) {
	if !inKeyring(t) {
		return
	}
	n := newNsinit(t)
	bundle := bundleOf(t, "", func(s *specs.Spec) { s.Process.Args = []string{"/bin/keyring", "look", hostKey} })
	if err := os.Link(buildProgram(t, "keyring"), filepath.Join(bundle, "rootfs", "bin", "keyring")); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{nil, {"--no-new-keyring"}} {
		out, _, _ := n.run(t, slices.Concat([]string{"run", "--bundle", bundle}, flags, []string{"x"})...)
		if found := strings.Contains(out, "found secret"); found != (flags != nil) {
			t.Errorf("%v: %q", flags, out)
		}
	}
}

// --keep leaves the container of a program that has ended.
func TestNsinitKeep(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, "exit 4", nil)
	if _, stderr, code := n.run(t, "run", "--keep", "--bundle", bundle, "x"); code != 4 || stderr != "" {
		t.Errorf("status %d, stderr %q", code, stderr)
	}
	if s := n.state(t, "x"); s.Status != "stopped" || s.Pid != 0 {
		t.Errorf("state %+v", s)
	}
	n.must(t, "delete", "x")
}

// In the foreground the command adopts what the container leaves, or not, and reaps it.
func TestNsinitSubreaper(t *testing.T) {
	n := newNsinit(t)
	const script = `(sh -c 'while read line <&3; do awk "{print \$4}" /proc/$$/stat; done; echo gone' &); read end; exit 0`
	bundle := bundleOf(t, script, func(s *specs.Spec) {
		s.Linux.Namespaces = withoutNamespace(s.Linux.Namespaces, specs.PIDNamespace)
	})
	for _, flags := range [][]string{nil, {"--no-subreaper"}} {
		orphan, talk, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		end, hold, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		n.files, n.stdin = []*os.File{orphan}, end
		cmd := n.command(slices.Concat([]string{"run", "--preserve-fds", "1", "--bundle", bundle}, flags, []string{"x"})...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		orphan.Close()
		end.Close()
		lines := bufio.NewScanner(out)
		ask := func(question string) string {
			t.Helper()
			if _, err := talk.WriteString(question); err != nil {
				t.Fatal(err)
			}
			if !lines.Scan() {
				t.Fatalf("nothing is said: %v", lines.Err())
			}
			return lines.Text()
		}
		// The shell between the two may be there for a moment.
		parent := ask("parent?\n")
		for stat, err := os.ReadFile("/proc/" + parent + "/comm"); err == nil && string(stat) == "sh\n"; {
			parent = ask("parent?\n")
			stat, err = os.ReadFile("/proc/" + parent + "/comm")
		}
		if adopted := parent == itoa(cmd.Process.Pid); adopted != (flags == nil) {
			t.Errorf("%v: the orphan's parent is %s, the command is %d", flags, parent, cmd.Process.Pid)
		}
		talk.Close()
		if !lines.Scan() || lines.Text() != "gone" {
			t.Errorf("%v: it says %q", flags, lines.Text())
		}
		for len(pidfd.Children(cmd.Process.Pid)) > 1 { // until the orphan is reaped
			runtime.Gosched()
		}
		hold.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %v", flags, err)
		}
	}
}
