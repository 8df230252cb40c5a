//go:build linux

package cgtree

import (
	"errors"

	"github.com/libcontainer/libcontainer/cgroups"
)

// Snapshot returns fixed, or without that what is known of this process's cgroups.
func Snapshot(fixed *cgroups.Snapshot) (*cgroups.Snapshot, error) {
	if fixed != nil {
		return fixed, nil
	}
	return cgroups.CurrentSnapshot()
}

// Complete is Snapshot, taken anew if what is known lacks something: it may have been
// mounted since.
func Complete(fixed *cgroups.Snapshot, lacks func(*cgroups.Snapshot) bool) (*cgroups.Snapshot, error) {
	s, err := Snapshot(fixed)
	if err != nil || fixed != nil || !lacks(s) {
		return s, err
	}
	return cgroups.RenewSnapshot()
}

// WithSnapshot calls create with a snapshot that is Complete, and if that is stale with a
// new one.
func WithSnapshot(fixed *cgroups.Snapshot, lacks func(*cgroups.Snapshot) bool, create func(*cgroups.Snapshot) ([]string, error)) ([]string, error) {
	s, err := Complete(fixed, lacks)
	if err != nil {
		return nil, err
	}
	made, err := create(s)
	if !errors.Is(err, ErrStale) || fixed != nil {
		return made, err
	}
	if s, err = cgroups.RenewSnapshot(); err != nil {
		return nil, err
	}
	return create(s)
}
