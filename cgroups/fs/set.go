//go:build linux

package fs

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
)

// request is what a configuration asks of a controller.
type request int

const (
	// nothing: the controller's files are left alone.
	nothing request = iota
	// welcome: to be set, but no harm is done if the controller is missing.
	welcome
	// required: without the controller the configuration cannot be met.
	required
)

// controller knows the files of one cgroup v1 controller.
type controller interface {
	// key is the controller's name, as in Paths.
	key() string

	// asks tells what r asks of the controller, and by which field.
	asks(r *configs.Resources) (request, string)

	// set writes what r asks for.
	set(s *setter, r *configs.Resources) error

	// stats reads the controller's part of stats.
	stats(dir *cgdir.Dir, stats *cgroups.Stats) error
}

// controllers returns the controllers in the order in which limits are set.
// Those whose former state is not restored after a failure come last.
func (m *Manager) controllers() []controller {
	return []controller{
		cpuset{},
		cpu{},
		cpuacct{},
		memory{},
		pids{},
		hugetlb{},
		blkio{},
		netCls{},
		netPrio{},
		perfEvent{},
		devices{state: &m.devices},
		freezer{},
	}
}

// Set writes the limits of container.Cgroups.Resources, those that are not
// zero, to the container's cgroups. It does nothing if there are no Resources,
// and nothing for cgroups joined through Cgroup.Paths.
//
// The zero value has a meaning in two places: without AllowAllDevices all
// devices are forbidden but AllowedDevices, and MemorySwappiness 0 is written.
//
// If a value cannot be written, those written before are put back: single
// values and the list of allowed devices, but neither per-device block I/O
// settings nor network priorities.
func (m *Manager) Set(container *configs.Config) error {
	if container == nil || container.Cgroups == nil || container.Cgroups.Resources == nil {
		return nil
	}
	if m.joins() || len(container.Cgroups.Paths) > 0 {
		return nil
	}
	m.ops.Lock()
	defer m.ops.Unlock()
	paths := m.GetPaths()
	if len(paths) == 0 && !container.Cgroups.Optional {
		return errors.New("set cgroup limits: the container has no cgroups yet")
	}
	var j journal
	for _, c := range m.controllers() {
		if err := m.setController(c, paths, container.Cgroups.Resources, &j); err != nil {
			err = fmt.Errorf("set cgroup limits of %s: %w", c.key(), err)
			return errors.Join(err, j.rollback(m.kind))
		}
	}
	return nil
}

// setController sets the limits of one controller.
func (m *Manager) setController(c controller, paths map[string]string, r *configs.Resources, j *journal) error {
	request, field := c.asks(r)
	if request == nothing {
		return nil
	}
	path, mounted := paths[c.key()]
	if !mounted {
		if request == welcome {
			return nil
		}
		return fmt.Errorf("%s cannot be set: %w", field, m.missing(c.key()))
	}
	return m.withDir(path, func(dir *cgdir.Dir) error {
		return c.set(&setter{dir: dir, journal: j}, r)
	})
}

// journal remembers overwritten values.
type journal []journalEntry

type journalEntry struct {
	dir, file, old string
}

// rollback writes the former values, the last first.
func (j journal) rollback(kind cgdir.Kind) error {
	var errs []error
	for _, e := range slices.Backward(j) {
		if err := e.restore(kind); err != nil {
			errs = append(errs, fmt.Errorf("restore the former value: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (e journalEntry) restore(kind cgdir.Kind) error {
	dir, err := cgdir.Open(e.dir, kind)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.WriteFile(e.file, e.old)
}

// setter writes files of one cgroup.
type setter struct {
	dir     *cgdir.Dir
	journal *journal
}

// write writes the value which the configuration has in field to a file that
// holds a single value.
func (s *setter) write(field, file, value string) error {
	old, readable, err := s.dir.SwapFile(file, value)
	if err != nil {
		return s.explain(field, file, err)
	}
	if readable {
		s.record(file, old)
	}
	return nil
}

// record remembers the former content of file.
func (s *setter) record(file, old string) {
	// A file that was empty is emptied by a newline.
	*s.journal = append(*s.journal, journalEntry{s.dir.Path(""), file, strings.TrimSpace(old) + "\n"})
}

// writeOnly is like write for a file that is not a single value, and is not
// restored.
func (s *setter) writeOnly(field, file, value string) error {
	if err := s.dir.WriteFile(file, value); err != nil {
		return s.explain(field, file, err)
	}
	return nil
}

// explain says in an error what was to be set, and tells a kernel without the
// feature from a cgroup that has vanished.
func (s *setter) explain(field, file string, err error) error {
	missing := errors.Is(err, fs.ErrNotExist) && s.dir.Exists("cgroup.procs")
	if missing || errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("%s (%s) is not supported by this kernel: %w", field, file, err)
	}
	return fmt.Errorf("%s: %w", field, err)
}
