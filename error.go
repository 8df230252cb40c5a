// The API, platform-agnostic: errors.

package libcontainer

import (
	"errors"
	"fmt"
	"io"
	"runtime"
)

// ErrorCode says what kind of error an [Error] is. A code is an error itself, so
// that errors.Is(err, libcontainer.IdInUse) tells whether err is of that kind.
type ErrorCode int

// API error codes.
const (
	// Factory errors

	// IdInUse is the code when a container of that id exists already.
	IdInUse ErrorCode = iota
	// InvalidIdFormat is the code when an id is not a valid one.
	InvalidIdFormat

	// Container errors

	// ContainerNotExists is the code when no container of that id exists, or no
	// longer exists.
	ContainerNotExists
	// ContainerPaused is the code when what was asked cannot be done while the
	// container is paused.
	ContainerPaused
	// ContainerNotStopped is the code when the container still runs.
	ContainerNotStopped
	// ContainerNotRunning is the code when the container does not run.
	ContainerNotRunning
	// ContainerNotPaused is the code when the container is not paused.
	ContainerNotPaused

	// Process errors

	// ProcessNotExecuted is the code when a process has not been started.
	ProcessNotExecuted

	// Common errors

	// ConfigInvalid is the code when the caller's configuration or process is
	// wrong; the message names the field or the value.
	ConfigInvalid
	// ConsoleExists is the code when a process has a console already.
	ConsoleExists
	// SystemError is the code of all else: the system refused a step, which the
	// message names.
	SystemError

	// StatusUnknown is the code when a process has ended, its parent was another
	// process, and the kernel no longer knows its exit status.
	StatusUnknown
)

// String returns a description of the code.
func (c ErrorCode) String() string {
	switch c {
	case IdInUse:
		return "Id already in use"
	case InvalidIdFormat:
		return "Invalid format"
	case ContainerNotExists:
		return "Container does not exist"
	case ContainerPaused:
		return "Container paused"
	case ContainerNotStopped:
		return "Container is not stopped"
	case ContainerNotRunning:
		return "Container is not running"
	case ContainerNotPaused:
		return "Container is not paused"
	case ProcessNotExecuted:
		return "Process is not executed"
	case ConfigInvalid:
		return "Invalid configuration"
	case ConsoleExists:
		return "Console exists for process"
	case SystemError:
		return "System error"
	case StatusUnknown:
		return "Exit status unknown"
	default:
		return "Unknown error"
	}
}

// Error returns the description of the code, which makes a code a target for
// errors.Is.
func (c ErrorCode) Error() string { return c.String() }

// Error is the API's error type. Every error that New and the methods of this package
// return is one, and unwraps to its cause: for example errors.Is(err, syscall.ENOENT)
// holds when a file was missing, inside of the container too. What package os or os/exec
// returns in the same case is returned as it is, and only that:
//
//   - Process.Wait: an *exec.ExitError, if the program did not exit with status 0,
//   - Process.Signal: os.ErrProcessDone, if the process has ended,
//   - Process.PidFD: os.ErrProcessDone, if the process has been reaped,
//   - Read, Write and Close of a Console: the errors of the *os.File that it is.
type Error interface {
	error

	// Detail writes a verbose text: the code, the message and the stack of the
	// calls in which the error arose.
	Detail(w io.Writer) error

	// Code returns the error code for this error.
	Code() ErrorCode
}

type genericError struct {
	code  ErrorCode
	cause error
	stack []uintptr
}

// newError wraps cause, which names the step and its object, with a code. An
// error that has a code already keeps it.
func newError(cause error, code ErrorCode) error {
	if cause == nil {
		return nil
	}
	var e Error
	if errors.As(cause, &e) {
		code = e.Code()
	}
	stack := make([]uintptr, 32)
	return &genericError{code: code, cause: cause, stack: stack[:runtime.Callers(2, stack)]}
}

func newSystemError(cause error) error { return newError(cause, SystemError) }

// withCleanUp adds to an error what has failed when its traces were removed, if anything
// has. It keeps the error's code: errors.Join alone gives no Error.
func withCleanUp(err, cleanUp error) error {
	if cleanUp == nil {
		return err
	}
	return newSystemError(errors.Join(err, cleanUp))
}

func errorf(code ErrorCode, format string, args ...any) error {
	return newError(fmt.Errorf(format, args...), code)
}

func (e *genericError) Error() string { return e.cause.Error() }

func (e *genericError) Unwrap() error { return e.cause }

// Is makes errors.Is(err, code) hold for the code of this error.
func (e *genericError) Is(target error) bool {
	code, ok := target.(ErrorCode)
	return ok && code == e.code
}

func (e *genericError) Code() ErrorCode { return e.code }

func (e *genericError) Detail(w io.Writer) error {
	if _, err := fmt.Fprintf(w, "Code: %s\nMessage: %s\nFrames:\n", e.code, e.cause); err != nil {
		return err
	}
	frames := runtime.CallersFrames(e.stack)
	for {
		f, more := frames.Next()
		if _, err := fmt.Fprintf(w, "---\n%s\n\t%s:%d\n", f.Function, f.File, f.Line); err != nil {
			return err
		}
		if !more {
			return nil
		}
	}
}
