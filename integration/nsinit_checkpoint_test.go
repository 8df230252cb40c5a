//world:any

package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer"
)

// newCriuNsinit is the command with the tests' criu.
func newCriuNsinit(t *testing.T) *nsinit {
	t.Helper()
	if _, err := exec.LookPath(criuPath()); err != nil {
		t.Skipf("there is no criu: %v", err)
	}
	n := newNsinit(t)
	n.globals = append(n.globals, "--criu", criuPath())
	return n
}

// counting runs the command with standard output that numbers are read from.
func (n *nsinit) counting(t *testing.T, after *numbers, args ...string) *numbers {
	t.Helper()
	p := new(libcontainer.Process)
	counted := newNumbers(t, p)
	if after != nil {
		counted.last = after.last
	}
	cmd := n.command(args...)
	out := p.Stdout.(*os.File)
	cmd.Stdout = out
	var stderr strings.Builder
	if !slices.Contains(args, "--detach") {
		t.Fatal("it must end")
	}
	errors, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
	if err != nil {
		t.Fatal(err)
	}
	defer errors.Close()
	cmd.Stderr = errors
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(errors.Name())
		t.Fatalf("nsinit %q: %v: %s%s", args, err, &stderr, text)
	}
	out.Close()
	return counted
}

// A container goes on after checkpoint and restore, in another cgroup and under another name.
func TestNsinitCheckpoint(t *testing.T) {
	n := newCriuNsinit(t)
	bundle := bundleOf(t, counter, nil)
	dir := publicTempDir(t)
	images, work := filepath.Join(dir, "images"), filepath.Join(dir, "work")
	n.deleteLater(t, "first")
	before := n.counting(t, nil, "run", "--detach", "--bundle", bundle, "first")
	for range 5 {
		before.next()
	}
	snapshot := filepath.Join(dir, "snapshot")
	n.must(t, "checkpoint", "--leave-running", "--file-locks", "--image-path", snapshot, "first")
	if s := n.state(t, "first"); s.Status != "running" {
		t.Errorf("state after --leave-running: %+v", s)
	}
	before.next()
	n.must(t, "checkpoint", "--image-path", images, "--work-path", work, "first")
	n.fails(t, 1, []string{"does not exist"}, "state", "first")
	if _, err := os.Stat(filepath.Join(work, "dump.log")); err != nil {
		t.Errorf("--work-path: %v", err)
	}
	before.drain()

	pidFile := filepath.Join(dir, "pid")
	n.deleteLater(t, "second")
	after := n.counting(t, before, "restore", "--detach", "--bundle", bundle, "--image-path", images, "--work-path", work, "--pid-file", pidFile, "second")
	for range 5 {
		after.next()
	}
	s := n.state(t, "second")
	if pid, err := os.ReadFile(pidFile); err != nil || s.Status != "running" || string(pid) != itoa(s.Pid) {
		t.Errorf("state %+v, --pid-file %s, error %v", s, pid, err)
	}
	if out := n.must(t, "exec", "second", "echo", "further"); out != "further\n" {
		t.Errorf("exec in what is restored: %q", out)
	}
	n.must(t, "delete", "--force", "second")
	after.drain()
	n.fails(t, 1, []string{"not running"}, "checkpoint", "--image-path", filepath.Join(dir, "none"), "--leave-running", createdContainer(t, n, bundle))
}

func createdContainer(t *testing.T, n *nsinit, bundle string) string {
	t.Helper()
	n.deleteLater(t, "created")
	n.must(t, "create", "--bundle", bundle, "created")
	return "created"
}

// In the foreground restore has the exit status of the program.
func TestNsinitRestoreInTheForeground(t *testing.T) {
	n := newCriuNsinit(t)
	bundle := bundleOf(t, "while [ ! -e /dev/shm/go ]; do usleep 10000; done; exit 9", func(s *specs.Spec) {
		s.Mounts = append(s.Mounts, specs.Mount{Destination: "/mnt", Type: "bind", Source: "volume", Options: []string{"bind"}})
		s.Process.Args[2] = strings.ReplaceAll(s.Process.Args[2], "/dev/shm", "/mnt")
	})
	images := filepath.Join(publicTempDir(t), "images")
	n.deleteLater(t, "x")
	n.must(t, "run", "--detach", "--bundle", bundle, "x")
	n.must(t, "checkpoint", "--image-path", images, "x")
	if err := os.WriteFile(filepath.Join(bundle, "volume", "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	stdout, stderr, code := n.run(t, "restore", "--bundle", bundle, "--image-path", images, "x")
	if code != 9 || stdout != "" || stderr != "" {
		t.Errorf("status %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	n.fails(t, 1, []string{"does not exist"}, "state", "x")
}

// A network namespace can be left without its content, for hooks to fill.
func TestNsinitEmptyNetwork(t *testing.T) {
	n := newCriuNsinit(t)
	bundle := bundleOf(t, counter, nil)
	dir := publicTempDir(t)
	n.deleteLater(t, "x")
	isUp := func() bool { return strings.Contains(n.must(t, "exec", "x", "ip", "link", "show", "lo"), ",UP") }
	for _, flags := range [][]string{nil, {"--empty-ns", "network"}} {
		images := filepath.Join(dir, "images"+strconv.Itoa(len(flags)))
		before := n.counting(t, nil, "run", "--detach", "--bundle", bundle, "x")
		before.next()
		if !isUp() {
			t.Error("the loopback is down before the checkpoint")
		}
		n.must(t, slices.Concat([]string{"checkpoint", "--image-path", images}, flags, []string{"x"})...)
		before.drain()
		after := n.counting(t, before, slices.Concat([]string{"restore", "--detach", "--bundle", bundle, "--image-path", images}, flags, []string{"x"})...)
		after.next()
		if up := isUp(); up != (flags == nil) {
			t.Errorf("%v: the loopback is up: %v", flags, up)
		}
		n.must(t, "delete", "--force", "x")
	}
	host := bundleOf(t, counter, func(s *specs.Spec) {
		s.Linux.Namespaces = withoutNamespace(s.Linux.Namespaces, specs.NetworkNamespace)
		s.Mounts = withoutSpecMount(s.Mounts, "/sys")
		s.Mounts = withoutSpecMount(s.Mounts, "/sys/fs/cgroup")
	})
	n.must(t, "run", "--detach", "--bundle", host, "x")
	n.fails(t, 1, []string{"EmptyNetwork", "no network namespace of its own"}, "checkpoint", "--empty-ns", "network", "--image-path", dir+"/none", "x")
}

// Memory in rounds, where the kernel can tell what has changed.
func TestNsinitPreDump(t *testing.T) {
	n := newCriuNsinit(t)
	features, err := (&libcontainer.LinuxFactory{CriuPath: criuPath()}).CriuFeatures(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bundle := bundleOf(t, counter, nil)
	dir := publicTempDir(t)
	first := filepath.Join(dir, "first")
	n.deleteLater(t, "x")
	before := n.counting(t, nil, "run", "--detach", "--bundle", bundle, "x")
	before.next()
	if !features.MemTrack {
		n.fails(t, 1, []string{"CONFIG_MEM_SOFT_DIRTY"}, "checkpoint", "--pre-dump", "--image-path", first, "x")
		return
	}
	n.must(t, "checkpoint", "--pre-dump", "--image-path", first, "x")
	before.next()
	last := filepath.Join(dir, "last")
	n.must(t, "checkpoint", "--parent-path", "../first", "--image-path", last, "x")
	before.drain()
	after := n.counting(t, before, "restore", "--detach", "--bundle", bundle, "--image-path", last, "x")
	after.next()
}

// Options that are wrong are named.
func TestNsinitCheckpointMistakes(t *testing.T) {
	n := newNsinit(t)
	bundle := bundleOf(t, counter, nil)
	for flag, text := range map[string]string{
		"--manage-cgroups-mode=odd":  "--manage-cgroups-mode",
		"--empty-ns=pid":             "--empty-ns",
		"--page-server=here":         "--page-server",
		"--page-server=1.2.3.4:high": "high",
		"--status-fd=9":              "--status-fd",
	} {
		n.fails(t, 1, []string{text}, "checkpoint", flag, "x")
	}
	n.fails(t, 1, []string{"--manage-cgroups-mode"}, "restore", "--manage-cgroups-mode=odd", "--bundle", bundle, "x")
	n.fails(t, 1, []string{"/none"}, "restore", "--image-path", "/none", "--bundle", bundle, "x")
	n.globals = append(n.globals, "--criu", "/none/criu")
	n.deleteLater(t, "x")
	n.must(t, "run", "--detach", "--bundle", bundle, "x")
	n.fails(t, 1, []string{"/none/criu"}, "checkpoint", "--image-path", bundle+"/images", "x")
	if s := n.state(t, "x"); s.Status != "running" {
		t.Errorf("state %+v", s)
	}
}
