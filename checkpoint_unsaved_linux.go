// The host's side: what processes have and criu would lose without a word, or would refuse by another
// name. A checkpoint refuses it.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// Types of file systems of the kernel's own, see statfs(2) and <linux/magic.h>.
const (
	mqueueMagic    = 0x19800202
	secretmemMagic = 0x5345434d
)

// checkSaved refuses a descriptor that criu cannot save, or would save as something else.
func (d *openFile) checkSaved(pid int, number string) error {
	what := ""
	switch {
	case d.link == "anon_inode:[eventfd]":
		if isSemaphore(pid, number) {
			return fmt.Errorf("process %d (%s): descriptor %s is a semaphore of eventfd(2), of which criu would make a counter: %w",
				pid, commOf(pid), number, errors.ErrUnsupported)
		}
		return nil
	case !strings.HasPrefix(d.link, "/"):
		return nil
	}
	var st unix.Statfs_t
	if err := unix.Statfs(procFile(pid, "fd/"+number), &st); err != nil {
		return nil //nolint:nilerr // it has been closed
	}
	switch st.Type {
	case mqueueMagic:
		what = "the POSIX message queue " + d.link
	case secretmemMagic:
		what = "memory of memfd_secret(2)"
	default:
		return nil
	}
	return fmt.Errorf("process %d (%s) has %s open as descriptor %s, which criu cannot save: %w",
		pid, commOf(pid), what, number, errors.ErrUnsupported)
}

// isSemaphore tells whether an eventfd was made with EFD_SEMAPHORE. Kernels before 6.5 don't tell.
func isSemaphore(pid int, number string) bool {
	data, err := pidfd.ReadFile(procFile(pid, "fdinfo/"+number))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "eventfd-semaphore:"); ok {
			return strings.TrimSpace(value) == "1"
		}
	}
	return false
}

// checkSettings refuses a thread that has a personality(2) or a NUMA memory policy of its own: criu saves
// neither, and nobody but the thread itself could set it again.
func checkSettings(pid, tid int) error {
	task := procFile(pid, fmt.Sprintf("task/%d/", tid))
	data, err := pidfd.ReadFile(task + "personality")
	if err == nil {
		if domain := strings.TrimSpace(string(data)); strings.Trim(domain, "0") != "" {
			return fmt.Errorf("it has the personality 0x%s, which criu does not save: set DropSettings to do without it: %w",
				strings.TrimLeft(domain, "0"), errors.ErrUnsupported)
		}
	}
	if policy := memoryPolicy(task + "numa_maps"); policy != "" && policy != "default" {
		return fmt.Errorf("it has the NUMA memory policy %s, which criu does not save: set DropSettings to do without it: %w",
			policy, errors.ErrUnsupported)
	}
	return nil
}

// memoryPolicy is that of a thread's first memory, see numa_maps(5): unless that has one of its own it
// is the thread's. Only the first lines are read, since the kernel counts the pages of each.
func memoryPolicy(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return "" // the kernel has no NUMA
	}
	defer f.Close()
	begin := make([]byte, 128)
	n, _ := f.Read(begin)
	fields := strings.Fields(string(begin[:n]))
	if len(fields) < 2 {
		return ""
	}
	return fields[1]
}
