package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// hangTimeout is how long a test may take, also on an emulated machine.
const hangTimeout = 8 * time.Minute

// running is the test that runs. They run one after another.
var running hangWatch

// hangWatch ends the program when a test hangs, and says what there is to know: the
// timeout of package testing tells of goroutines, but not what the processes of a
// container wait for.
type hangWatch struct {
	mu    sync.Mutex
	test  string
	timer *time.Timer
}

func (w *hangWatch) watch(t *testing.T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
	w.test = t.Name()
	w.timer = time.AfterFunc(hangTimeout, w.expired)
}

func (w *hangWatch) expired() {
	w.mu.Lock()
	defer w.mu.Unlock()
	stacks := make([]byte, 4<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for stack := range strings.SplitSeq(string(stacks), "\n\n") {
		if strings.Contains(stack, "libcontainer") {
			fmt.Printf("%s\n\n", stack)
		}
	}
	// The end of an output is what is kept of it.
	fmt.Printf("the test %s hangs; the processes that it has started:\n", w.test)
	describeChildren(os.Getpid(), "")
	os.Exit(2)
}

// describeChildren says what the kernel knows of the children of a process, and theirs.
func describeChildren(pid int, indent string) {
	for _, child := range pidfd.Children(pid) {
		dir := filepath.Join("/proc", itoa(child))
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		fmt.Printf("%sprocess %d %q\n", indent, child, command)
		for _, name := range []string{"wchan", "syscall", "stack", "cgroup"} {
			text, _ := os.ReadFile(filepath.Join(dir, name))
			for line := range strings.Lines(string(text)) {
				fmt.Printf("%s  %s: %s\n", indent, name, strings.TrimSpace(line))
			}
		}
		status, _ := os.ReadFile(filepath.Join(dir, "status"))
		for line := range strings.Lines(string(status)) {
			if key, _, _ := strings.Cut(line, ":"); key == "State" || strings.HasPrefix(key, "Sig") || key == "NSpid" {
				fmt.Printf("%s  %s\n", indent, strings.TrimSpace(line))
			}
		}
		describeChildren(child, indent+"  ")
	}
}
