//go:build linux

// Package cgoom counts the processes that the kernel has killed for want of memory.
package cgoom

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

const (
	field  = "oom_kill"
	v1File = "memory.oom_control"
	v2File = "memory.events"
)

// Kills returns how many processes of the cgroup dir, of either version, and of its
// sub-cgroups have been killed. Before Linux 4.13 the kernel does not count, and the error
// is errors.ErrUnsupported. If dir has no memory controller it is fs.ErrNotExist.
func Kills(dir *cgdir.Dir) (uint64, error) {
	kills, err := read(dir, v2File)
	if !errors.Is(err, fs.ErrNotExist) {
		return kills, err // there the kernel has added what is below
	}
	kills = 0
	err = dir.Walk(func(dir *cgdir.Dir) error {
		n, err := read(dir, v1File)
		kills += n
		return err
	})
	return kills, err
}

// read reads the field of a file whose lines are a name and a number.
func read(dir *cgdir.Dir, file string) (uint64, error) {
	text, err := dir.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		value, ok := strings.CutPrefix(line, field+" ")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s: %s: %w", dir.Path(file), field, err)
		}
		return n, nil
	}
	return 0, fmt.Errorf("%s has no %s, which came with Linux 4.13: %w", dir.Path(file), field, errors.ErrUnsupported)
}
