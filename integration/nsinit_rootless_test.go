package integration

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/specconv"
)

// giveAway makes directories the unprivileged user's.
func giveAway(t *testing.T, dirs ...string) {
	t.Helper()
	for _, dir := range dirs {
		if out, err := exec.Command("chown", "-hR", itoa(unprivileged)+":"+itoa(unprivileged), dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// setScript changes a bundle so that it runs a script, without a terminal.
func setScript(t *testing.T, bundle, script string) {
	t.Helper()
	spec, err := specconv.Load(bundle)
	if err != nil {
		t.Fatal(err)
	}
	spec.Process.Terminal = false
	spec.Process.Args = []string{"/bin/sh", "-c", script}
	text, err := json.Marshal(spec)
	if err == nil {
		err = os.WriteFile(filepath.Join(bundle, specconv.ConfigFile), text, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// A user without privileges runs the bundle that spec --rootless writes, and his containers are below
// XDG_RUNTIME_DIR.
func TestNsinitRootless(t *testing.T) {
	if tested.Systemd() {
		t.Skip("there is no systemd of the user's")
	}
	checkLeaks(t)
	bin := buildProgram(t, "nsinit")
	bundle := filepath.Dir(newRootfs(t))
	runtime := publicTempDir(t)
	giveAway(t, bundle, runtime)
	asUser := func(args ...string) (stdout, stderr string, code int) {
		t.Helper()
		cmd := exec.Command(bin, args...)
		cmd.Dir = bundle
		cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+runtime, "USER=somebody") // who is none of passwd(5)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivileged, Gid: unprivileged}}
		return runCommand(t, cmd)
	}
	must := func(args ...string) string {
		t.Helper()
		stdout, stderr, code := asUser(args...)
		if code != 0 || stderr != "" {
			t.Fatalf("nsinit %q: status %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
		return stdout
	}
	must("spec", "--rootless")
	const script = `id -u; awk '{print $1, $2, $3}' /proc/self/uid_map`
	setScript(t, bundle, script+"; exec sleep 100000")
	defer asUser("delete", "--force", "x")
	must("create", "x")
	must("start", "x")
	var s nsinitState
	decodeStrict(t, must("state", "x"), &s)
	if s.Status != "running" || s.Owner != itoa(unprivileged) {
		t.Errorf("state %+v", s)
	}
	if _, err := os.Stat(filepath.Join(runtime, "nsinit", "x")); err != nil {
		t.Error(err)
	}
	if out := must("exec", "x", "id", "-u"); out != "0\n" {
		t.Errorf("the user of a further process is %q", out)
	}
	if out := must("exec", "--tty", "x", "tty"); strings.TrimSpace(out) != "/dev/pts/0" {
		t.Errorf("the terminal is %q", out)
	}
	if out := must("list", "--quiet"); out != "x\n" {
		t.Errorf("list: %q", out)
	}
	must("kill", "x", "KILL")
	must("delete", "--force", "x")
	setScript(t, bundle, script)
	if out := must("run", "x"); out != "0\n"+ownID {
		t.Errorf("run: %q", out)
	}
	if _, stderr, code := asUser("--rootless=false", "run", "x"); code != 1 || !strings.Contains(stderr, "cgroup") {
		t.Errorf("insisting on cgroups: status %d, stderr %q", code, stderr)
	}
}

// As podman does for a user without privileges: the command is root of a user namespace, in which the
// container is, too.
func TestNsinitInAUserNamespace(t *testing.T) {
	if tested.Systemd() {
		t.Skip("there is no systemd of the user's")
	}
	checkLeaks(t)
	bin := buildProgram(t, "nsinit")
	bundle := bundleOf(t, "id -u; cat /proc/self/uid_map | awk '{print $1, $2, $3}'; echo x >/dev/null; exec sleep 100000", func(s *specs.Spec) {
		s.Linux.CgroupsPath = ""
		s.Mounts = withoutSpecMount(s.Mounts, "/sys/fs/cgroup")
		for i := range s.Mounts {
			if s.Mounts[i].Destination == "/dev/pts" { // group 5 is not mapped
				s.Mounts[i].Options = []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}
			}
		}
	})
	runtime := publicTempDir(t)
	giveAway(t, bundle, runtime)
	// All the commands are in one namespace, as podman's are.
	script := `set -e
"$1" run --detach --bundle "$2" x >"$3/out" </dev/null
while [ "$(wc -l <"$3/out")" -lt 2 ]; do :; done
cat "$3/out"
"$1" exec x echo further
"$1" exec --tty x tty
"$1" state x | grep '"status"'
"$1" delete --force x
ls "$XDG_RUNTIME_DIR/nsinit"; rm "$3/out"`
	cmd := exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", bin, bundle, runtime)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+runtime)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: unprivileged, Gid: unprivileged}}
	out, err := cmd.CombinedOutput()
	want := "0\n" + ownID + "further\n/dev/pts/0\n  \"status\": \"running\",\n"
	if got := strings.ReplaceAll(string(out), "\r", ""); err != nil || !strings.HasSuffix(got, want) {
		t.Errorf("error %v, output %q, want %q", err, got, want)
	}
}
