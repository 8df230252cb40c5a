//go:build linux

package cgroups

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// procsFile lists a cgroup's processes, and moves a process that is written
// to it.
const procsFile = "cgroup.procs"

// PathExists reports whether path exists and can be examined.
func PathExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// GetPids returns the ids of the processes in the cgroup directory path, in
// ascending order, without those in its sub-cgroups.
func GetPids(path string) ([]int, error) {
	dir, err := cgdir.Open(path, cgdir.Any)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return readPids(dir)
}

// GetAllPids returns the ids of the processes in the cgroup directory path and
// all its sub-cgroups, in ascending order, however deep these are. Sub-cgroups that
// are removed meanwhile are passed over.
func GetAllPids(path string) ([]int, error) {
	dir, err := cgdir.Open(path, cgdir.Any)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	var pids []int
	err = dir.Walk(func(dir *cgdir.Dir) error {
		own, err := readPids(dir)
		pids = append(pids, own...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return sortPids(pids), nil
}

// readPids reads the processes of dir alone.
func readPids(dir *cgdir.Dir) ([]int, error) {
	text, err := dir.ReadFile(procsFile)
	if errors.Is(err, unix.EOPNOTSUPP) {
		return readThreads(dir)
	}
	if err != nil {
		return nil, err
	}
	pids, err := parsePids(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir.Path(procsFile), err)
	}
	return pids, nil
}

// readThreads reads the processes of which dir has threads. In a threaded cgroup,
// which a container can make too, the kernel tells only those.
func readThreads(dir *cgdir.Dir) ([]int, error) {
	text, err := dir.ReadFile("cgroup.threads")
	if err != nil {
		return nil, err
	}
	tids, err := parsePids(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir.Path("cgroup.threads"), err)
	}
	var pids []int
	for _, tid := range tids {
		pid, err := processOf(tid)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return nil, err
		}
		pids = append(pids, pid)
	}
	return sortPids(pids), nil
}

// processOf returns the process of a thread, see proc_pid_status(5).
func processOf(tid int) (int, error) {
	file := fmt.Sprintf("/proc/%d/status", tid)
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "Tgid:"); ok {
			return strconv.Atoi(strings.TrimSpace(value))
		}
	}
	return 0, fmt.Errorf("%s: no Tgid", file)
}

// parsePids parses the content of a cgroup.procs file. The 0 which stands for
// a process of another pid namespace is left out, since nothing can be done
// with it.
func parsePids(text string) ([]int, error) {
	var pids []int
	number := 0
	for line := range strings.Lines(text) {
		number++
		pid, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
		if err != nil || pid < 0 {
			return nil, fmt.Errorf("line %d: %q is not a process id", number, line)
		}
		if pid != 0 {
			pids = append(pids, pid)
		}
	}
	return sortPids(pids), nil
}

// sortPids sorts and removes duplicates: cgroup v2 promises neither.
func sortPids(pids []int) []int {
	slices.Sort(pids)
	return slices.Compact(pids)
}
