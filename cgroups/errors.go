package cgroups

import (
	"errors"
	"fmt"
)

// NotFoundError says that no hierarchy with the controller Subsystem is
// mounted.
type NotFoundError struct {
	Subsystem string
}

// Error implements error.
func (e *NotFoundError) Error() string {
	if e.Subsystem == "" {
		return "no cgroup mount found"
	}
	return fmt.Sprintf("no cgroup mount found for %s", e.Subsystem)
}

// NewNotFoundError returns a NotFoundError for the controller sub.
func NewNotFoundError(sub string) error {
	return &NotFoundError{Subsystem: sub}
}

// IsNotFound reports whether err is, or wraps, a NotFoundError. It is false
// for nil.
func IsNotFound(err error) bool {
	var notFound *NotFoundError
	return errors.As(err, &notFound)
}
