//go:build linux

package fs2

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/configs"
)

// What a configuration asks of a controller.
type request = cglimit.Request

const (
	nothing  = cglimit.Nothing
	welcome  = cglimit.Welcome
	required = cglimit.Required
)

// controller knows the files of one cgroup v2 controller.
type controller interface {
	// name is the controller's, as in cgroup.controllers.
	name() string

	// asks tells what r asks of the controller, and by which field.
	asks(r *configs.Resources) (request, string)

	// set writes what r asks for.
	set(s *setter, r *configs.Resources) error

	// stats reads the controller's part of stats. It is called only where the
	// controller is enabled.
	stats(c *reader, stats *cgroups.Stats) error
}

// controllers returns the controllers in the order in which limits are set.
func controllers() []controller {
	return []controller{cpuset{}, cpu{}, memory{}, pids{}, hugetlb{}, io{}, rdma{}, misc{}}
}

// firstRequired returns the first field of r that cannot be met without a cgroup,
// "" if there is none.
func firstRequired(r *configs.Resources) string {
	for _, c := range controllers() {
		if request, field := c.asks(r); request == required {
			return field
		}
	}
	switch {
	case len(r.Unified) > 0:
		return "Unified"
	case r.Freezer != configs.Undefined:
		return "Freezer"
	}
	return asksDevices(r)
}

// Set writes the limits of container.Cgroups.Resources, those that are not zero,
// to the container's cgroup. It does nothing if there are no Resources, and
// nothing for a cgroup joined through Cgroup.Paths. What cgroup v2 does not have
// is refused, with an error that wraps errors.ErrUnsupported; see the package's
// documentation. A controller that is needed is enabled in the cgroups above.
//
// The zero value has a meaning in one place: without AllowAllDevices all devices
// are forbidden but AllowedDevices.
//
// Between Create and Enter with cgroups.StageExec there is a program of the library
// in the cgroup, which sets up the container, or none. What could disturb it is
// not written then but held back for Enter: memory.max, memory.high,
// memory.swap.max, memory.swap.high and pids.max, also those of Unified, and the
// rules for devices. A Manager that did not Create the cgroup writes all at once.
//
// If a value cannot be written, those written before are put back.
func (m *Manager) Set(container *configs.Config) error { return m.SetAnd(container, nil) }

// SetAnd is Set which calls commit, if that is not nil, when all is written, and if
// that fails puts back what can be: all but the rules for devices. Where Set does
// nothing commit is not called.
func (m *Manager) SetAnd(container *configs.Config, commit func() error) error {
	if container == nil || container.Cgroups == nil || container.Cgroups.Resources == nil {
		return nil
	}
	if m.joins() || len(container.Cgroups.Paths) > 0 {
		return nil
	}
	if err := m.set(container.Cgroups.Resources, commit); err != nil {
		return fmt.Errorf("set cgroup limits: %w", err)
	}
	return nil
}

func (m *Manager) set(r *configs.Resources, commit func() error) error {
	if err := refuse(r); err != nil {
		return err
	}
	m.ops.Lock()
	defer m.ops.Unlock()
	path, ok := m.path()
	if !ok {
		field := firstRequired(r)
		switch {
		case m.Cgroups == nil || !m.Cgroups.Optional:
			return errors.New("the container has no cgroups yet")
		case field != "":
			return fmt.Errorf("%s cannot be set: %w", field, m.missing())
		}
		return nil
	}
	return m.withDir(path, func(dir *cgdir.Dir) error {
		enabled, err := m.enableFor(dir, r)
		if err != nil {
			return err
		}
		var j cglimit.Journal
		s := &setter{Setter: cglimit.Setter{Dir: dir, Journal: &j}, m: m, hold: m.start.ahead}
		if err := s.setAll(r, enabled); err != nil {
			return errors.Join(err, j.Rollback(m.kind))
		}
		if commit != nil {
			if err := commit(); err != nil {
				return errors.Join(err, j.Rollback(m.kind))
			}
		}
		m.hold(s.held)
		return nil
	})
}

// enableFor enables the controllers that r needs, and returns all that are.
func (m *Manager) enableFor(dir *cgdir.Dir, r *configs.Resources) (enabled []string, err error) {
	needs := requiredBy(r)
	if enabled, err = readWords(dir, controllersFile); err != nil {
		return nil, err
	}
	missing := without(needs, enabled)
	if len(missing) == 0 {
		return enabled, nil
	}
	s, err := cgtree.Snapshot(m.snapshot)
	if err != nil {
		return nil, err
	}
	if err := m.enable(s, dir.Path(""), missing); err != nil {
		return nil, fmt.Errorf("%s cannot be set: %w", fieldOf(r, missing), err)
	}
	if enabled, err = readWords(dir, controllersFile); err != nil {
		return nil, err
	}
	if missing = without(needs, enabled); len(missing) > 0 {
		return nil, fmt.Errorf("%s cannot be set: %w", fieldOf(r, missing), cgroups.NewNotFoundError(missing[0]))
	}
	return enabled, nil
}

// fieldOf returns the field for which one of the controllers missing is needed.
func fieldOf(r *configs.Resources, missing []string) string {
	for _, c := range controllers() {
		if request, field := c.asks(r); request == required && slices.Contains(missing, c.name()) {
			return field
		}
	}
	for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
		if name, _, _ := strings.Cut(file, "."); slices.Contains(missing, name) {
			return unifiedField(file)
		}
	}
	return "a limit"
}

// hold replaces the limits held back by newer ones of the same files, and adds
// the others.
func (m *Manager) hold(list []held) {
	for _, h := range list {
		m.start.held = slices.DeleteFunc(m.start.held, func(old held) bool { return old.file == h.file })
	}
	m.start.held = append(m.start.held, list...)
}

// setter writes files of one cgroup.
type setter struct {
	cglimit.Setter
	m *Manager

	// hold says to put off what writeLate is to write.
	hold bool
	held []held
}

// setAll sets the limits of all enabled controllers.
func (s *setter) setAll(r *configs.Resources, enabled []string) error {
	for _, c := range controllers() {
		request, _ := c.asks(r)
		if request == nothing || !slices.Contains(enabled, c.name()) {
			continue
		}
		if err := c.set(s, r); err != nil {
			return err
		}
	}
	if err := setUnified(s, r.Unified); err != nil {
		return err
	}
	if err := setFreezerState(s, r.Freezer); err != nil {
		return err
	}
	// Last, since the rules in force cannot be read, to be put back.
	return setDevices(s, r)
}

// writeLate writes a single value when the first process is about to execve.
func (s *setter) writeLate(field, file, value string) error {
	if !s.hold {
		return s.write(field, file, value)
	}
	if !s.Dir.Exists(file) {
		return s.explain(field, file, &fs.PathError{Op: "open", Path: s.Dir.Path(file), Err: fs.ErrNotExist})
	}
	s.held = append(s.held, held{field, file, func(s *setter) error { return s.write(field, file, value) }})
	return nil
}

// write writes a file that holds a single value.
func (s *setter) write(field, file, value string) error {
	return s.version(file, s.Write(field, file, value))
}

// writeKeyed writes one line of a file with a line a key.
func (s *setter) writeKeyed(field, file, key, value string) error {
	return s.version(file, s.WriteKeyed(field, file, key, value, resetOf(file)))
}

// explain is Setter.Explain with the version of Linux that has the file.
func (s *setter) explain(field, file string, err error) error {
	return s.version(file, s.Explain(field, file, err))
}

func (s *setter) version(file string, err error) error {
	since := cgfeature.Feature(file).Since()
	if since == "" || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return fmt.Errorf("%w (it came with Linux %s)", err, since)
}

// needs refuses a field whose file the kernel does not have.
func (s *setter) needs(field string, f cgfeature.Feature) error {
	if s.m.features.Has(s.Dir, f) {
		return nil
	}
	return s.explain(field, string(f), &fs.PathError{Op: "open", Path: s.Dir.Path(string(f)), Err: fs.ErrNotExist})
}
