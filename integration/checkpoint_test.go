package integration

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/libcontainer/libcontainer"
)

// newCriuFactory makes a factory whose criu is that of this test run.
func newCriuFactory(t *testing.T) libcontainer.Factory {
	t.Helper()
	return newFactory(t, func(l *libcontainer.LinuxFactory) error {
		l.CriuPath = criuPath()
		return nil
	})
}

// criuPath is that of LIBCONTAINER_CRIU, or else of the machine's. It is looked for once: there are tests whose
// PATH does not lead to it.
var criuPath = sync.OnceValue(func() string {
	if path := os.Getenv("LIBCONTAINER_CRIU"); path != "" {
		return path
	}
	if path, err := exec.LookPath("criu"); err == nil {
		return path
	}
	return "criu"
})

// counter writes numbers, each after the one before, until it is killed.
const counter = "i=0; while :; do i=$((i+1)); echo $i; usleep 20000; done"

// numbers reads what a counter writes.
type numbers struct {
	t    *testing.T
	read *os.File
	in   *bufio.Reader
	last int
}

func newNumbers(t *testing.T, p *libcontainer.Process) *numbers {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	p.Stdout = w
	return &numbers{t: t, read: r, in: bufio.NewReader(r)}
}

// next reads one number, which must follow that before.
func (n *numbers) next() {
	n.t.Helper()
	line, err := n.in.ReadString('\n')
	if err != nil {
		n.t.Fatalf("after %d: %v", n.last, err)
	}
	got, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || n.last != 0 && got != n.last+1 {
		n.t.Fatalf("after %d comes %q", n.last, line)
	}
	n.last = got
}

// drain reads what is in the pipe, whose other end is closed.
func (n *numbers) drain() {
	n.t.Helper()
	for {
		if _, err := n.in.Peek(1); err != nil {
			return
		}
		n.next()
	}
}

// What comes back is the same container (see TestRestoredIsTheSame), with what depends on the layout of cgroups.
func TestRestoredInCgroupsIsTheSame(t *testing.T) {
	for name, tt := range sameTests {
		if tt.cgroups {
			t.Run(name, func(t *testing.T) { tt.run(t) })
		}
	}
}

func TestCheckpointAndRestore(t *testing.T) {
	checkLeaks(t)
	factory := newCriuFactory(t)
	config := newConfig(t)
	first, err := factory.Create("first", config)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Destroy()
	p, _ := shell(counter)
	before := newNumbers(t, p)
	if err := first.Start(p); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		before.next()
	}
	images := filepath.Join(publicTempDir(t), "images")
	if err := linux(first).CheckpointContext(context.Background(), &libcontainer.CriuOpts{ImagesDirectory: images}); err != nil {
		t.Fatal(err)
	}
	if status, err := first.Status(); err != nil || status != libcontainer.Checkpointed {
		t.Errorf("status is %v, error %v", status, err)
	}
	p.Stdout.(*os.File).Close()
	before.drain()

	other := *config
	cgroup := *config.Cgroups
	cgroup.Name += "-second"
	other.Cgroups = &cgroup
	second, err := factory.Create("second", &other)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Destroy()
	q := new(libcontainer.Process)
	after := newNumbers(t, q)
	after.last = before.last
	if err := linux(second).RestoreContext(context.Background(), q, &libcontainer.CriuOpts{ImagesDirectory: images}); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		after.next()
	}
	if err := second.Destroy(); err != nil {
		t.Error(err)
	}
}

// The options of the host's hierarchies of cgroups are those of whoever mounts one last in the initial
// cgroup namespace: criu mounts none.
//
// The mode FULL restores all properties of cgroups, which were frozen: the container runs all the same.
func TestCheckpointLeavesCgroupOptions(t *testing.T) {
	checkLeaks(t)
	options := func() (out []string) {
		for _, line := range lines(t, "/proc/self/mountinfo") {
			if _, super, _ := strings.Cut(line, " - "); strings.HasPrefix(super, "cgroup") {
				out = append(out, super)
			}
		}
		return out
	}
	before := options()
	container := createIn(t, newCriuFactory(t), "test", newConfig(t))
	p, said := startCounter(t, container, "")
	opts := newImages(t)
	opts.ManageCgroupsMode = libcontainer.CRIU_CG_MODE_FULL
	checkpoint(t, container, opts)
	if after := options(); !slices.Equal(before, after) {
		t.Errorf("after the checkpoint the hierarchies are %q, and were %q", after, before)
	}
	closeFiles(p)
	said.drain()
	restore(t, container, opts, said)
	if after := options(); !slices.Equal(before, after) {
		t.Errorf("after the restore the hierarchies are %q, and were %q", after, before)
	}
	// The machine's may have no options that could be lost. Where there is no cgroup2 criu mounts the others.
	isV2 := func(super string) bool { return strings.HasPrefix(super, "cgroup2 ") }
	if log := logOf(opts, "restore.log"); slices.ContainsFunc(before, isV2) && !strings.Contains(log, "/yard as cg yard") {
		t.Errorf("criu was not given the hierarchies: %s", log)
	}
}
