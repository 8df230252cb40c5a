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

// WithSnapshot calls create with a Snapshot, and if that is stale with a new one.
func WithSnapshot(fixed *cgroups.Snapshot, create func(*cgroups.Snapshot) ([]string, error)) ([]string, error) {
	s, err := Snapshot(fixed)
	if err != nil {
		return nil, err
	}
	made, err := create(s)
	if !errors.Is(err, ErrStale) || fixed != nil {
		return made, err
	}
	if s, err = cgroups.ReadSnapshot(); err != nil {
		return nil, err
	}
	return create(s)
}
