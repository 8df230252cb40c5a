//go:build linux

package group

import (
	"errors"
	"fmt"
	"io/fs"
)

// Error is the error of all functions and methods that are about a group. What it wraps
// names the file and has the system call's error, for errors.Is.
type Error struct {
	// Group is the group's name, such as "/agent/workers".
	Group string

	// Err is what has failed.
	Err error
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("group %s: %v", e.Group, e.Err) }

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// NotSupportedError says that the machine does not have what a method needs. errors.Is
// finds errors.ErrUnsupported in it.
type NotSupportedError struct {
	// What is what was asked for.
	What string

	// Needs is what it takes.
	Needs string
}

// Error implements error.
func (e *NotSupportedError) Error() string {
	return fmt.Sprintf("%s is not supported here: it needs %s", e.What, e.Needs)
}

// Unwrap returns errors.ErrUnsupported.
func (e *NotSupportedError) Unwrap() error { return errors.ErrUnsupported }

// ErrSelf says that the calling process is in the group, or in a cgroup below it. It cannot
// freeze itself and go on, kill itself and tell, or remove what it is in.
var ErrSelf = errors.New("the calling process is in the group")

// errNotMade says that there are no directories.
var errNotMade = fmt.Errorf("it was not created: %w", fs.ErrNotExist)

// fail adds the group's name to an error, once.
func (g *Group) fail(step string, err error) error {
	if err == nil {
		return nil
	}
	if step != "" {
		err = fmt.Errorf("%s: %w", step, err)
	}
	return &Error{Group: g.name, Err: err}
}
