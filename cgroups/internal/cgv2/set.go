//go:build linux

package cgv2

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
)

// Set enables the controllers that the limits need and writes the limits, the former
// values to the journal. With hold it returns those that the set-up of a container
// could meet, and the rules for devices, instead of writing them. The limits have
// passed Check.
func (c *Cgroup) Set(l Limits, j *cglimit.Journal, hold bool) (Held, error) {
	enabled, err := c.enableFor(l)
	if err != nil {
		return nil, err
	}
	s := &setter{Setter: cglimit.Setter{Dir: c.Dir, Journal: j}, cgroup: c, hold: hold}
	err = s.setAll(l, enabled)
	return s.held, err
}

// enableFor enables the controllers that are needed, and returns all that are.
func (c *Cgroup) enableFor(l Limits) (enabled []string, err error) {
	needs := l.requires()
	if enabled, err = readWords(c.Dir, controllersFile); err != nil {
		return nil, err
	}
	missing := without(needs, enabled)
	if len(missing) == 0 {
		return enabled, nil
	}
	s, err := cgtree.Snapshot(c.Snapshot)
	if err != nil {
		return nil, err
	}
	if err := enable(s, c.Dir, missing); err != nil {
		return nil, fmt.Errorf("%s cannot be set: %w", l.fieldFor(missing), err)
	}
	if enabled, err = readWords(c.Dir, controllersFile); err != nil {
		return nil, err
	}
	if missing = without(needs, enabled); len(missing) > 0 {
		return nil, fmt.Errorf("%s cannot be set: %w", l.fieldFor(missing), cgroups.NewNotFoundError(missing[0]))
	}
	return enabled, nil
}

// Held are limits that are to be written when the first process of a container is
// about to execve.
type Held []held

type held struct {
	field, file string
	write       func(s *setter) error
}

// With returns the limits held back with newer ones, which replace those of the same
// files.
func (h Held) With(newer Held) Held {
	kept := slices.DeleteFunc(slices.Clone(h), func(old held) bool {
		return slices.ContainsFunc(newer, func(n held) bool { return n.file == old.file })
	})
	return append(kept, newer...)
}

// WriteHeld writes limits that were held back. On failure those written are put back.
func (c *Cgroup) WriteHeld(list Held) error {
	if len(list) == 0 {
		return nil
	}
	before, _ := cgread.KeyValues(c.Dir, memoryEvents)
	var j cglimit.Journal
	s := &setter{Setter: cglimit.Setter{Dir: c.Dir, Journal: &j}, cgroup: c}
	for _, h := range list {
		if err := h.write(s); err != nil {
			return errors.Join(err, j.Rollback(c.Dir.Kind()))
		}
	}
	after, _ := cgread.KeyValues(c.Dir, memoryEvents)
	if after["oom_kill"] > before["oom_kill"] {
		return errors.New("the limit of memory is below what the container's set-up takes, and the kernel has killed its first process")
	}
	return nil
}

// setter writes files of one cgroup.
type setter struct {
	cglimit.Setter
	cgroup *Cgroup

	// hold says to put off what writeLate is to write.
	hold bool
	held Held
}

// setAll sets the limits of all enabled controllers.
func (s *setter) setAll(l Limits, enabled []string) error {
	for _, c := range l.controllers() {
		request, _ := c.asks(l.r)
		if request == nothing || !slices.Contains(enabled, c.name()) {
			continue
		}
		if err := c.set(s, l.r); err != nil {
			return err
		}
	}
	late := LateFiles()
	for _, file := range l.files() {
		if err := setUnified(s, file, l.r.Unified[file], slices.Contains(late, file)); err != nil {
			return err
		}
	}
	if l.some {
		return nil
	}
	if err := setFreezerState(s, l.r.Freezer); err != nil {
		return err
	}
	// Last, since the rules in force cannot be read, to be put back.
	return setDevices(s, l.r)
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
	reset, _ := keyed(file)
	return s.version(file, s.WriteKeyed(field, file, key, value, reset))
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
	if s.cgroup.Features.Has(s.Dir, f) {
		return nil
	}
	return s.explain(field, string(f), &fs.PathError{Op: "open", Path: s.Dir.Path(string(f)), Err: fs.ErrNotExist})
}
