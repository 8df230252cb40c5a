package integration

import (
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

func atoi(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// startHost starts a host program with a root file system, a state directory and
// a parent for its cgroups.
func startHost(t *testing.T, name string, args ...string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(buildProgram(t, name), args...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, stdout
}

// collect destroys what a dead host has left.
func collect(t *testing.T, root, id string) {
	t.Helper()
	factory, err := newFactoryIn(root)
	if err != nil {
		t.Fatal(err)
	}
	container, err := factory.Load(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
}

// No program has to say that it can be init, and none is hurt if it does. None needs
// cgo, for a seccomp filter neither.
func TestHosts(t *testing.T) {
	if tested.Classic() {
		t.Skip("with the classic init a program has to")
	}
	checkLeaks(t)
	rootfs := newRootfs(t)
	for _, tt := range []struct {
		name, program string
	}{
		{name: "blank import", program: "imports"},
		{name: "hook by hand", program: "hook"},
		{name: "neither", program: "neither"},
		{name: "neither, and goes on", program: "daemon"},
		{name: "without cgo", program: "imports-without"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			state := publicTempDir(t)
			cmd := exec.Command(buildProgram(t, tt.program), rootfs, state, cgroupParent)
			out, err := cmd.CombinedOutput()
			if err != nil || string(out) != "hello from the container\n" {
				t.Errorf("output %q, error %v", out, err)
			}
			if entries, _ := os.ReadDir(state); len(entries) != 0 {
				t.Errorf("left in the state directory: %v", entries)
			}
		})
	}
}

func TestInitPath(t *testing.T) {
	checkLeaks(t)
	before := openFds(t)
	t.Cleanup(func() {
		// The sealed copy of another program is closed when its factory has
		// been collected.
		for i := 0; i < 1000 && len(added(before, openFds(t))) > 0; i++ {
			runtime.GC()
		}
	})
	config := newConfig(t)
	for name, tt := range map[string]struct {
		path  string
		texts []string
	}{
		"another host": {path: buildProgram(t, "imports")},
		"no host":      {path: "/bin/true", texts: []string{"nsenter"}},
		"neither":      {path: buildProgram(t, "neither"), texts: []string{"github.com/libcontainer/libcontainer/nsenter", "StartInitialization"}},
		"goes on":      {path: buildProgram(t, "daemon"), texts: []string{"github.com/libcontainer/libcontainer/nsenter"}},
		"missing":      {path: "/nosuch/init", texts: []string{"/nosuch/init"}},
	} {
		t.Run(name, func(t *testing.T) {
			factory := newFactory(t, libcontainer.InitPath(tt.path, "init"))
			container, err := factory.Create("a", config)
			if err != nil {
				t.Fatal(err)
			}
			defer container.Destroy()
			p, out := shell("echo works")
			err = container.Start(p)
			if tt.texts == nil {
				if err != nil {
					t.Fatal(err)
				}
				if _, err := p.Wait(); err != nil || out.stdout.String() != "works\n" {
					t.Errorf("output %q, error %v", out.stdout.String(), err)
				}
				return
			}
			if err == nil {
				t.Fatal("start succeeded")
			}
			checkError(t, err, libcontainer.SystemError, tt.texts...)
		})
	}
}
