package specconv

import (
	"errors"
	"fmt"
)

// FieldError is what is wrong with a property of a bundle's configuration.
type FieldError struct {
	// Path is the property, such as "linux.namespaces[2].type".
	Path string

	// Err says what is wrong with it.
	Err error
}

func (e *FieldError) Error() string { return e.Path + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *FieldError) Unwrap() error { return e.Err }

// notes collects the first error of a conversion, and all of its warnings. That a
// conversion goes on after an error keeps it short; its result is not used then.
type notes struct {
	err      error
	warnings []error
}

func (n *notes) fail(path, format string, args ...any) {
	if n.err == nil {
		n.err = &FieldError{path, fmt.Errorf(format, args...)}
	}
}

func (n *notes) warn(path, format string, args ...any) {
	n.warnings = append(n.warnings, &FieldError{path, fmt.Errorf(format, args...)})
}

var errOtherSystem = errors.New("is for another system than Linux")
