//go:build linux

// Package cglimit writes the limits of a cgroup, and puts back the former values
// if one of them cannot be written.
package cglimit

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// Request is what a configuration asks of a controller.
type Request int

const (
	// Nothing: the controller's files are left alone.
	Nothing Request = iota
	// Welcome: to be set, but no harm is done if the controller is missing.
	Welcome
	// Required: without the controller the configuration cannot be met.
	Required
)

// Journal remembers overwritten values.
type Journal []entry

type entry struct {
	dir, file, old string
}

// Rollback writes the former values, the last first.
func (j Journal) Rollback(kind cgdir.Kind) error {
	var errs []error
	for _, e := range slices.Backward(j) {
		if err := e.restore(kind); err != nil {
			errs = append(errs, fmt.Errorf("restore the former value: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (e entry) restore(kind cgdir.Kind) error {
	dir, err := cgdir.Open(e.dir, kind)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.WriteFile(e.file, e.old)
}

// Setter writes files of one cgroup.
type Setter struct {
	// Dir is the cgroup.
	Dir *cgdir.Dir

	// Journal gets the former values.
	Journal *Journal
}

// Write writes the value which the configuration has in field to a file that
// holds a single value.
func (s *Setter) Write(field, file, value string) error {
	old, readable, err := s.Dir.SwapFile(file, value)
	if err != nil {
		return s.Explain(field, file, err)
	}
	if readable {
		s.Record(file, old)
	}
	return nil
}

// Record remembers the former content of file.
func (s *Setter) Record(file, old string) {
	// A file that was empty is emptied by a newline.
	*s.Journal = append(*s.Journal, entry{s.Dir.Path(""), file, strings.TrimSpace(old) + "\n"})
}

// WriteOnly is like Write for a file that is not a single value, and is not
// restored.
func (s *Setter) WriteOnly(field, file, value string) error {
	if err := s.Dir.WriteFile(file, value); err != nil {
		return s.Explain(field, file, err)
	}
	return nil
}

// Explain says in an error what was to be set, and tells a kernel without the
// feature from a cgroup that has vanished.
func (s *Setter) Explain(field, file string, err error) error {
	missing := s.Dir.Lacks(err)
	if missing || errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("%s (%s) is not supported by this kernel: %w", field, file, err)
	}
	return fmt.Errorf("%s: %w", field, err)
}
