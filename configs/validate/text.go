package validate

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

var (
	errNil         = errors.New("is nil")
	errEmpty       = errors.New("is empty")
	errNUL         = errors.New("has a NUL byte")
	errNotAbsolute = errors.New("is not absolute")
	errDotDot      = errors.New(`has a ".." component`)
)

// invalid is an error about a field, with its value and what is wrong with it.
func invalid(field string, value any, reason error) error {
	if text, ok := value.(string); ok {
		return fmt.Errorf("%s %q %w", field, text, reason)
	}
	return fmt.Errorf("%s %v %w", field, value, reason)
}

// inRange checks that low <= value <= high.
func inRange(field string, value, low, high int64) error {
	if value < low || value > high {
		return fmt.Errorf("%s %d is not in the range %d to %d", field, value, low, high)
	}
	return nil
}

// atLeast checks that value >= low.
func atLeast(field string, value, low int64) error {
	if value < low {
		return fmt.Errorf("%s %d is less than %d", field, value, low)
	}
	return nil
}

// noNUL checks a string that is given to the kernel, where NUL would end it.
func noNUL(field, value string) error {
	if strings.ContainsRune(value, 0) {
		return invalid(field, value, errNUL)
	}
	return nil
}

// filled checks a string that is given to the kernel and cannot be empty.
func filled(field, value string) error {
	if value == "" {
		return invalid(field, value, errEmpty)
	}
	return noNUL(field, value)
}

// line checks a string that is written to a file as one line.
func line(field, value string) error {
	if strings.ContainsAny(value, "\x00\n") {
		return invalid(field, value, errors.New("has a NUL byte or a line break"))
	}
	return nil
}

// insidePath checks a path that must stay below where it starts.
func insidePath(field, value string) error {
	if err := filled(field, value); err != nil {
		return err
	}
	if hasDotDot(value) {
		return invalid(field, value, errDotDot)
	}
	return nil
}

// absolutePath checks a path that must be absolute and stay below its root.
func absolutePath(field, value string) error {
	if err := insidePath(field, value); err != nil {
		return err
	}
	if !path.IsAbs(value) {
		return invalid(field, value, errNotAbsolute)
	}
	return nil
}

// notRoot checks that an inside path does not mean the root itself.
func notRoot(field, value string) error {
	if path.Clean("/"+value) == "/" {
		return invalid(field, value, errors.New("is the root itself"))
	}
	return nil
}

func hasDotDot(name string) bool {
	for component := range strings.SplitSeq(name, "/") {
		if component == ".." {
			return true
		}
	}
	return false
}

// command checks a program that is to be run.
func command(field string, c configs.Command) error {
	if err := filled(field+".Path", c.Path); err != nil {
		return err
	}
	for i, arg := range c.Args {
		if err := noNUL(fmt.Sprintf("%s.Args[%d]", field, i), arg); err != nil {
			return err
		}
	}
	for i, variable := range c.Env {
		if err := noNUL(fmt.Sprintf("%s.Env[%d]", field, i), variable); err != nil {
			return err
		}
	}
	if c.Timeout != nil && *c.Timeout <= 0 {
		return invalid(field+".Timeout", *c.Timeout, errors.New("is not positive"))
	}
	return noNUL(field+".Dir", c.Dir)
}
