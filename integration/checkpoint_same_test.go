//world:one

package integration

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// knownDifferences are those that every restored container has.
var knownDifferences = []difference{
	{"namespace time(_for_children)?", "clocks that have no date go on from where they were, by a time namespace"},
}

// A sameTest is one of the containers of TestRestoredIsTheSame.
type sameTest struct {
	config  func(t *testing.T, c *configs.Config)
	process func(t *testing.T, p *libcontainer.Process)
	script  string // is run first
	opts    libcontainer.CriuOpts
	differ  []difference

	// cgroups says that it depends on the layout of cgroups.
	cgroups bool

	// keepsThread says that the factory keeps a thread until it is garbage: leaks are not
	// looked for.
	keepsThread bool

	// limits says that criu must read limits of a process of another user. Without the right to
	// do so the checkpoint is refused, and the container goes on.
	limits bool
}

// What comes back is the same container: all that can be seen of it, from outside and from inside,
// is as it was.
func TestRestoredIsTheSame(t *testing.T) {
	for name, tt := range sameTests {
		if !tt.cgroups {
			t.Run(name, func(t *testing.T) { tt.run(t) })
		}
	}
}

func (tt *sameTest) run(t *testing.T) {
	if !tt.keepsThread {
		checkLeaks(t)
	}
	factory := newCriuFactory(t)
	config := newConfig(t)
	if tt.config != nil {
		tt.config(t, config)
	}
	withNewParent(config)
	first := createIn(t, factory, "first", config)
	p, said := counterProcess(t, tt.script)
	if tt.process != nil {
		tt.process(t, p)
	}
	if err := first.Start(p); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		said.next()
	}
	pid, err := p.Pid()
	if err != nil {
		t.Fatal(err)
	}
	before := factsOf(t, first, pid)
	opts := tt.opts
	opts.ImagesDirectory = filepath.Join(publicTempDir(t), "images")
	err = linux(first).CheckpointContext(context.Background(), &opts)
	if tt.limits && !hasCapability(t, unix.CAP_SYS_RESOURCE) {
		checkError(t, err, libcontainer.SystemError, "CAP_SYS_RESOURCE", "user 1000")
		for range 3 {
			said.next()
		}
		return
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, logOf(&opts, "dump.log"))
	}
	closeFiles(p)
	said.drain()

	second := createIn(t, factory, "second", elsewhere(config))
	q := new(libcontainer.Process)
	if err := said.again(q); err != nil {
		t.Fatal(err)
	}
	if err := linux(second).RestoreContext(context.Background(), q, &opts); err != nil {
		t.Fatalf("%v\n%s", err, logOf(&opts, "restore.log"))
	}
	closeFiles(q)
	for range 3 {
		said.next()
	}
	if pid, err = q.Pid(); err != nil {
		t.Fatal(err)
	}
	compareFacts(t, before, factsOf(t, second, pid), append(tt.differ, knownDifferences...))
	if err := first.Destroy(); err != nil {
		t.Error(err)
	}
	said.next()
}

// counterProcess is a process that counts, after a script.
func counterProcess(t *testing.T, script string) (*libcontainer.Process, *numbers) {
	t.Helper()
	p, _ := shell(script + "\n" + counter)
	p.Stderr = nil
	return p, newNumbers(t, p)
}

// again gives the numbers to a restored process.
func (n *numbers) again(p *libcontainer.Process) error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	n.t.Cleanup(func() { r.Close(); w.Close() })
	p.Stdout = w
	n.read, n.in = r, bufio.NewReader(r)
	return nil
}

// hasCapability tells whether this program has a capability, by its number.
func hasCapability(t *testing.T, number int) bool {
	t.Helper()
	for _, line := range lines(t, "/proc/self/status") {
		if set, ok := strings.CutPrefix(line, "CapEff:"); ok {
			caps, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			return caps&(1<<number) != 0
		}
	}
	t.Fatal("there is no telling which capabilities this program has")
	return false
}

// closeFiles closes this program's files of a process that has them.
func closeFiles(p *libcontainer.Process) {
	for _, f := range []any{p.Stdin, p.Stdout, p.Stderr} {
		if f, ok := f.(*os.File); ok {
			f.Close()
		}
	}
}

func createIn(t *testing.T, factory libcontainer.Factory, id string, config *configs.Config) libcontainer.Container {
	t.Helper()
	container, err := factory.Create(id, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := container.Destroy(); err != nil {
			t.Errorf("destroy %s: %v", id, err)
		}
	})
	return container
}

// elsewhere is the configuration of the same container in other cgroups, of another parent.
func elsewhere(config *configs.Config) *configs.Config {
	other, cgroup := *config, *config.Cgroups
	cgroup.Name += "-second"
	other.Cgroups = &cgroup
	withNewParent(&other)
	return &other
}

// withNewParent gives a container's cgroup a parent that is nobody else's: in cgroup v2 it has the controllers that any
// cgroup there has ever needed.
func withNewParent(config *configs.Config) {
	name := "parent" + strconv.Itoa(int(parents.Add(1)))
	if tested.Systemd() {
		config.Cgroups.Parent = strings.TrimSuffix(cgroupParent, ".slice") + "-" + name + ".slice"
		return
	}
	config.Cgroups.Parent = filepath.Join(cgroupParent, name)
}

// parents is how many there have been.
var parents atomic.Int32

func logOf(opts *libcontainer.CriuOpts, name string) string {
	data, _ := os.ReadFile(filepath.Join(opts.ImagesDirectory, name))
	return string(data)
}
