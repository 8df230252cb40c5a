package integration

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// snapshot is all that a container could leave behind.
type snapshot struct {
	children, fds, mounts, cgroups []string
	netDevices                     []string
	goroutines                     []string
}

// checkLeaks registers a check, to be run after all that is registered later,
// that everything is as it is now. Tests that use it cannot run in parallel.
func checkLeaks(t *testing.T) {
	t.Helper()
	running.watch(t)
	before := takeSnapshot(t)
	t.Cleanup(func() {
		after := takeSnapshot(t)
		// A goroutine that has done its work may not have ended yet.
		for range 1000 {
			if len(added(before.goroutines, after.goroutines)) == 0 {
				break
			}
			after.goroutines = goroutines()
		}
		for _, kind := range []struct {
			name          string
			before, after []string
		}{
			{"child process", before.children, after.children},
			{"file descriptor", before.fds, after.fds},
			{"mount", before.mounts, after.mounts},
			{"cgroup", before.cgroups, after.cgroups},
			{"network device", before.netDevices, after.netDevices},
			{"goroutine", before.goroutines, after.goroutines},
		} {
			for _, left := range added(kind.before, kind.after) {
				if kind.name == "child process" {
					comm, _ := os.ReadFile("/proc/" + left + "/comm")
					left += " " + strings.TrimSpace(string(comm))
				}
				t.Errorf("%s left behind: %s", kind.name, left)
			}
		}
	})
}

// added gives what is in after more often than in before.
func added(before, after []string) (more []string) {
	before = slices.Clone(before)
	for _, s := range after {
		if i := slices.Index(before, s); i >= 0 {
			before = slices.Delete(before, i, i+1)
		} else {
			more = append(more, s)
		}
	}
	return more
}

func takeSnapshot(t *testing.T) snapshot {
	t.Helper()
	return snapshot{
		children:   children(t),
		fds:        openFds(t),
		mounts:     lines(t, "/proc/self/mountinfo"),
		cgroups:    ownCgroups(t),
		netDevices: netDevices(t),
		goroutines: goroutines(),
	}
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}

// children lists the processes whose parent we are, zombies too.
func children(t *testing.T) (list []string) {
	t.Helper()
	for _, pid := range pidfd.Children(os.Getpid()) {
		list = append(list, itoa(pid))
	}
	return list
}

// openFds lists descriptors by what they refer to, for the runtime may hold the
// same thing at another number.
func openFds(t *testing.T) (list []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err != nil || target == fmt.Sprintf("/proc/%d/fd", os.Getpid()) {
			continue // the descriptor of this very listing
		}
		if tested.Classic() && strings.HasPrefix(target, "/memfd:libcontainer-init") {
			continue // the copy of this program, which a factory keeps as long as it is there
		}
		list = append(list, target)
	}
	return list
}

// ownCgroups lists the cgroups of this test run in all hierarchies.
func ownCgroups(t *testing.T) (list []string) {
	t.Helper()
	for _, line := range lines(t, "/proc/self/mountinfo") {
		left, right, _ := strings.Cut(line, " - ")
		if !strings.HasPrefix(right, "cgroup") {
			continue
		}
		root := filepath.Join(strings.Fields(left)[4], cgroupParent)
		err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				list = append(list, path)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return list
}

// netDevices lists the network devices of the host. Two of one name and number
// are the same one.
func netDevices(t *testing.T) (list []string) {
	t.Helper()
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		list = append(list, fmt.Sprintf("%d: %s", i.Index, i.Name))
	}
	return list
}

// goroutines lists the functions that goroutines were started with. One that is
// about to end is given the chance to.
func goroutines() (list []string) {
	runtime.Gosched()
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	for _, g := range bytes.Split(buf, []byte("\n\n")) {
		i := bytes.Index(g, []byte("created by "))
		if i < 0 {
			continue
		}
		line, _, _ := bytes.Cut(g[i:], []byte("\n"))
		name, _, _ := bytes.Cut(line, []byte(" in goroutine"))
		if bytes.Contains(name, []byte("os/signal.Notify")) {
			continue // package signal has one from its first use on
		}
		list = append(list, string(name))
	}
	return list
}
