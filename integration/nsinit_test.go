package integration

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/specconv"
)

// nsinit is the command, as an engine calls it.
type nsinit struct {
	bin, root string
	globals   []string
	env       []string
	files     []*os.File // from 3 on
	stdin     io.Reader
}

// newNsinit gives the test the command, with a root of its own, in which nothing may be left at the end.
func newNsinit(t *testing.T) *nsinit {
	t.Helper()
	checkLeaks(t)
	n := &nsinit{bin: buildProgram(t, "nsinit"), root: filepath.Join(publicTempDir(t), "root")}
	if tested.Systemd() {
		n.globals = append(n.globals, "--systemd-cgroup")
	}
	t.Cleanup(func() {
		if entries, err := os.ReadDir(n.root); err == nil && len(entries) > 0 {
			t.Errorf("left in the root: %v", entries)
		}
	})
	return n
}

func (n *nsinit) command(args ...string) *exec.Cmd {
	cmd := exec.Command(n.bin, append(append([]string{"--root", n.root}, n.globals...), args...)...)
	cmd.Env = append(os.Environ(), n.env...)
	cmd.ExtraFiles, cmd.Stdin = n.files, n.stdin
	return cmd
}

// run returns what the command writes and its exit status.
func (n *nsinit) run(t *testing.T, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	return runCommand(t, n.command(args...))
}

// runCommand writes to files, since a container that goes on would keep pipes open.
func runCommand(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	dir := t.TempDir()
	var texts [2]string
	for i, stream := range []*io.Writer{&cmd.Stdout, &cmd.Stderr} {
		f, err := os.Create(filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		*stream = f
	}
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	for i := range texts {
		text, err := os.ReadFile(filepath.Join(dir, strconv.Itoa(i)))
		if err != nil {
			t.Fatal(err)
		}
		texts[i] = string(text)
	}
	return texts[0], texts[1], cmd.ProcessState.ExitCode()
}

// must wants the command to end well, and returns what it writes.
func (n *nsinit) must(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, code := n.run(t, args...)
	if code != 0 || stderr != "" {
		t.Fatalf("nsinit %q: exit status %d, stderr %q, stdout %q", args, code, stderr, stdout)
	}
	return stdout
}

// fails wants the command to end with the status, and the texts in the line that it writes.
func (n *nsinit) fails(t *testing.T, code int, texts []string, args ...string) {
	t.Helper()
	stdout, stderr, got := n.run(t, args...)
	line := strings.TrimSuffix(stderr, "\n")
	if got != code || stdout != "" || strings.Contains(line, "\n") || !strings.Contains(line, " level=error msg=") {
		t.Errorf("nsinit %q: exit status %d, stderr %q, stdout %q; want status %d and a line of the log", args, got, stderr, stdout, code)
	}
	for _, text := range texts {
		if !strings.Contains(stderr, text) {
			t.Errorf("nsinit %q: the error %q does not say %q", args, stderr, text)
		}
	}
}

// deleteLater removes the container at the end of the test, whatever it has come to.
func (n *nsinit) deleteLater(t *testing.T, id string) {
	t.Helper()
	t.Cleanup(func() {
		if out, err := n.command("delete", "--force", id).CombinedOutput(); err != nil {
			t.Errorf("delete --force: %v: %s", err, out)
		}
	})
}

type nsinitState struct {
	OCIVersion, ID, Status, Bundle, Rootfs, Owner string
	Pid                                           int
	Created                                       time.Time
	Annotations                                   map[string]string
}

func (n *nsinit) state(t *testing.T, id string) (s nsinitState) {
	t.Helper()
	decodeStrict(t, n.must(t, "state", id), &s)
	return s
}

// decodeStrict takes no property that is not known.
func decodeStrict(t *testing.T, text string, v any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}

// waitFor looks until the container has the status.
func (n *nsinit) waitFor(t *testing.T, id, status string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		s := n.state(t, id)
		if s.Status == status {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("container %s is %s, want %s", id, s.Status, status)
		}
	}
}

// bundleOf makes a bundle that runs a shell script, after edit has changed it.
func bundleOf(t *testing.T, script string, edit func(*specs.Spec)) string {
	t.Helper()
	spec := specconv.Example()
	spec.Process.Terminal = false
	spec.Process.Args = []string{"/bin/sh", "-c", script}
	spec.Linux.CgroupsPath = nsinitCgroup(t, "")
	if edit != nil {
		edit(spec)
	}
	return writeBundle(t, spec)
}

// nsinitCgroup is the cgroupsPath of a container of the test's.
func nsinitCgroup(t *testing.T, suffix string) string {
	name := configFor("", t.Name()).Cgroups.Name + suffix
	if tested.Systemd() {
		return cgroupParent + ":test:" + name
	}
	return cgroupParent + "/" + name
}

// One life by the verbs that every engine calls.
func TestNsinitLife(t *testing.T) {
	n := newNsinit(t)
	in, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	bundle := bundleOf(t, "read line; exit 7", func(spec *specs.Spec) {
		spec.Annotations = map[string]string{"com.example.key": "told"}
	})
	pidFile := filepath.Join(bundle, "pid")
	before := time.Now()
	n.deleteLater(t, "life")
	n.stdin = in
	n.must(t, "create", "--bundle", bundle, "--pid-file", pidFile, "life")
	in.Close()
	n.stdin = nil
	s := n.state(t, "life")
	text, err := os.ReadFile(pidFile)
	if err != nil || string(text) != strconv.Itoa(s.Pid) || s.Pid < 2 {
		t.Errorf("--pid-file has %q, error %v; the pid is %d", text, err, s.Pid)
	}
	if s.OCIVersion != specs.Version || s.ID != "life" || s.Status != "created" || s.Bundle != bundle ||
		s.Rootfs != filepath.Join(bundle, "rootfs") || s.Owner != "root" || s.Annotations["com.example.key"] != "told" ||
		s.Created.Before(before.Add(-time.Second)) || s.Created.After(time.Now().Add(time.Second)) {
		t.Errorf("state %+v", s)
	}
	n.fails(t, 1, []string{"already exists", "life"}, "create", "--bundle", bundle, "life")
	n.must(t, "start", "life")
	if s := n.state(t, "life"); s.Status != "running" {
		t.Errorf("state after start: %+v", s)
	}
	n.fails(t, 1, []string{"life", "running"}, "start", "life")
	n.fails(t, 1, []string{"life", "running", "--force"}, "delete", "life")
	n.must(t, "kill", "life", "KILL")
	n.waitFor(t, "life", "stopped")
	if s := n.state(t, "life"); s.Pid != 0 {
		t.Errorf("state of a container that has stopped: %+v", s)
	}
	n.fails(t, 1, []string{"container not running"}, "kill", "life", "KILL")
	n.must(t, "kill", "--all", "life", "KILL")
	n.must(t, "delete", "life")
	n.fails(t, 1, []string{"container does not exist", "life"}, "state", "life")
	n.fails(t, 1, []string{"container does not exist"}, "delete", "life")
	n.must(t, "delete", "--force", "life")
}

// The container outlives the command, and its exit status reaches whoever is its parent then.
func TestNsinitOutlivesTheCommand(t *testing.T) {
	n := newNsinit(t)
	engine := buildProgram(t, "engine")
	bundle := bundleOf(t, "read code; echo said $code; exit $code", nil)
	pidFile := filepath.Join(bundle, "pid")
	in, hold, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer hold.Close()
	for _, verb := range []string{"create", "run"} {
		t.Run(verb, func(t *testing.T) {
			args := []string{verb, "--bundle", bundle, "--pid-file", pidFile, "lives"}
			if verb == "run" {
				args = append(args, "--detach")
			}
			n.deleteLater(t, "lives")
			cmd := n.command(args...)
			cmd.Args = append([]string{engine, pidFile}, cmd.Args...)
			cmd.Path, cmd.Stdin = engine, in
			said := startSaying(t, cmd)
			said("engine: the command has ended")
			if verb == "create" {
				n.must(t, "start", "lives")
			}
			if _, err := hold.WriteString("23\n"); err != nil {
				t.Fatal(err)
			}
			said("said 23")
			said("engine: status 23")
			n.waitFor(t, "lives", "stopped")
		})
	}
	in.Close()
}

// startSaying starts a command; the function wants its next line to be that.
func startSaying(t *testing.T, cmd *exec.Cmd) (said func(string)) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	lines := bufio.NewScanner(out)
	return func(want string) {
		t.Helper()
		if !lines.Scan() || lines.Text() != want {
			t.Fatalf("it says %q, error %v, want %q; stderr %q", lines.Text(), lines.Err(), want, &stderr)
		}
	}
}

// In the foreground run and exec have the exit status of the program.
func TestNsinitExitStatus(t *testing.T) {
	n := newNsinit(t)
	for script, code := range map[string]int{"exit 0": 0, "exit 5": 5, "kill -9 $$; exit 1": 137, "kill -TERM $$; exit 1": 143} {
		bundle := bundleOf(t, "echo out; echo err >&2; "+script, func(spec *specs.Spec) {
			spec.Linux.Namespaces = withoutNamespace(spec.Linux.Namespaces, specs.PIDNamespace) // process 1 ignores its own signals
			spec.Mounts = withoutSpecMount(spec.Mounts, "/proc")
		})
		stdout, stderr, got := n.run(t, "run", "--bundle", bundle, "status")
		if got != code || stdout != "out\n" || stderr != "err\n" {
			t.Errorf("run %q: status %d, stdout %q, stderr %q; want %d", script, got, stdout, stderr, code)
		}
	}
}

func withoutNamespace(list []specs.LinuxNamespace, kind specs.LinuxNamespaceType) (rest []specs.LinuxNamespace) {
	for _, ns := range list {
		if ns.Type != kind {
			rest = append(rest, ns)
		}
	}
	return rest
}

func withoutSpecMount(list []specs.Mount, destination string) (rest []specs.Mount) {
	for _, m := range list {
		if m.Destination != destination {
			rest = append(rest, m)
		}
	}
	return rest
}
