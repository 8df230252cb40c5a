//go:build linux

package cgroups

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// EnterPid moves the process pid, with all its threads, into each of the
// cgroups cgroupPaths. A cgroup that does not exist is an error, because the
// process would escape that controller's limits.
func EnterPid(cgroupPaths map[string]string, pid int) error {
	return enterPid(slices.Collect(maps.Values(cgroupPaths)), pid, cgdir.Cgroup)
}

func enterPid(paths []string, pid int, kind cgdir.Kind) error {
	if pid <= 0 {
		return fmt.Errorf("enter cgroups: %d is not a process id", pid)
	}
	slices.Sort(paths)
	for _, path := range slices.Compact(paths) {
		if err := enterCgroup(path, pid, kind); err != nil {
			return fmt.Errorf("move process %d to its cgroup: %w", pid, err)
		}
	}
	return nil
}

func enterCgroup(path string, pid int, kind cgdir.Kind) error {
	dir, err := cgdir.Open(path, kind)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.WriteFile(procsFile, strconv.Itoa(pid))
}
