//go:build linux

// Package cgv2 sets the limits and reads the statistics of a directory of cgroup v2:
// a container's own where there is cgroup v2 alone, and the one that it has in the
// cgroup v2 mount of the hybrid layout.
//
// There is one file for each controller. A new controller is such a file, its line in
// controllers, and its fields in configs.Resources and cgroups.Stats.
package cgv2

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/configs"
)

const procsFile = "cgroup.procs"

// Cgroup is an open directory of cgroup v2.
type Cgroup struct {
	Dir *cgdir.Dir

	// Features are those of the kernel.
	Features *cgfeature.Set

	// Snapshot tells where cgroup v2 is mounted. If it is nil that is
	// cgroups.CurrentSnapshot.
	Snapshot *cgroups.Snapshot

	// Attach replaces attachDevices in tests.
	Attach AttachFunc
}

// AttachFunc puts r's rules for devices in force for the cgroup that dirFd is the
// directory of, in place of those that an earlier call has put in force.
type AttachFunc func(dirFd int, r *configs.Resources) error

// Enter moves the process pid to the cgroup, if it is not there.
func (c *Cgroup) Enter(pid int) error {
	// Reading is cheap, and a move is not, even if it leads nowhere.
	value := strconv.Itoa(pid)
	if pids, err := readWords(c.Dir, procsFile); err == nil && slices.Contains(pids, value) {
		return nil
	}
	err := c.Dir.WriteFile(procsFile, value)
	switch {
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w: %s", err, describeType(c.Dir))
	case errors.Is(err, unix.EBUSY):
		enabled, _ := readWords(c.Dir, subtreeFile)
		return fmt.Errorf("%w: a process of the container has enabled the controllers %q for sub-cgroups, and cgroup v2 then allows processes only in those", err, enabled)
	}
	return err
}

// readWords reads a file with words in one line.
func readWords(dir *cgdir.Dir, file string) ([]string, error) {
	text, err := dir.ReadFile(file)
	return strings.Fields(text), err
}

// without returns what is in list and not in other.
func without(list, other []string) (rest []string) {
	for _, word := range list {
		if !slices.Contains(other, word) {
			rest = append(rest, word)
		}
	}
	return rest
}
