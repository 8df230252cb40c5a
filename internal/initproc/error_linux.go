// Both sides: how a failure inside the container reaches the caller of Start.

package initproc

import (
	"errors"
	"syscall"
)

// Failure is what init reports before it ends.
type Failure struct {
	// Message says which step failed, on what, and why.
	Message string `json:"message"`
	// Errno is the system error behind it, 0 if there is none.
	Errno syscall.Errno `json:"errno,omitempty"`
	// Invalid is set when the cause is what the caller asked for: a program,
	// user or working directory that the container does not have.
	Invalid bool `json:"invalid,omitempty"`
}

// Error returns the message.
func (f *Failure) Error() string { return f.Message }

// Unwrap returns the system error, so that errors.Is(err, syscall.ENOENT) holds
// on the host's side too.
func (f *Failure) Unwrap() error {
	if f.Errno == 0 {
		return nil
	}
	return f.Errno
}

// invalidError marks an error as caused by the caller's request.
type invalidError struct{ error }

func (e invalidError) Unwrap() error { return e.error }

func newFailure(err error) *Failure {
	f := &Failure{Message: err.Error()}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		f.Errno = errno
	}
	var invalid invalidError
	f.Invalid = errors.As(err, &invalid)
	return f
}
