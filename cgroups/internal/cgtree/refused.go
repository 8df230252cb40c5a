//go:build linux

package cgtree

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
)

// RefusedError says that the container runs without a cgroup that was optional.
// cgroups.IsNotFound is true for it.
type RefusedError struct {
	// Key is the cgroup's, "" for any.
	Key string

	// Err is why the cgroup was refused, nil if another process has made the
	// cgroups.
	Err error
}

// Error implements error.
func (e *RefusedError) Error() string {
	name := "cgroup for " + e.Key
	if e.Key == "" {
		name = "cgroup"
	}
	if e.Err == nil {
		return fmt.Sprintf("the container has no %s, which is optional and was not permitted or not mounted", name)
	}
	return fmt.Sprintf("the container has no %s, which is optional and was not permitted: %v", name, e.Err)
}

// Unwrap returns a cgroups.NotFoundError and Err.
func (e *RefusedError) Unwrap() []error {
	errs := []error{cgroups.NewNotFoundError(e.Key)}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}

// NotPermitted tells whether making or entering a cgroup failed for want of
// privileges or of a writable mount.
func NotPermitted(err error) bool {
	return errors.Is(err, unix.EACCES) || errors.Is(err, unix.EPERM) || errors.Is(err, unix.EROFS)
}
