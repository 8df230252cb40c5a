package specconv

import (
	"math"
	"strconv"
	"strings"
)

// index gives the path of an item of a list.
func index(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

// key gives the path of a value in an object whose names are free.
func key(object, name string) string { return object + "[" + strconv.Quote(name) + "]" }

// parseVersion parses a semantic version, of which pre-releases and builds are no matter.
func parseVersion(text string) (major, minor int, ok bool) {
	core, _, _ := strings.Cut(text, "+")
	core, _, _ = strings.Cut(core, "-")
	parts := strings.Split(core, ".")
	if len(parts) != 3 {
		return 0, 0, false
	}
	var numbers [3]int
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil || len(part) > 1 && part[0] == '0' {
			return 0, 0, false
		}
		numbers[i] = int(n)
	}
	return numbers[0], numbers[1], true
}

// signed gives an unsigned number where configs have a signed one.
func (n *notes) signed(path string, value uint64) int64 {
	if value > math.MaxInt64 {
		n.fail(path, "%d is more than %d", value, int64(math.MaxInt64))
		return 0
	}
	return int64(value)
}

// valueOf gives what a pointer points to, or else the zero value.
func valueOf[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

// copyOf gives a pointer to a copy, or nil.
func copyOf[T any](p *T) *T {
	if p == nil {
		return nil
	}
	value := *p
	return &value
}

// pointerTo gives a pointer to a value, or nil to the zero value.
func pointerTo[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// stringsOf changes the type of names.
func stringsOf[To, From ~string](names []From) []To {
	if len(names) == 0 {
		return nil
	}
	list := make([]To, len(names))
	for i, name := range names {
		list[i] = To(name)
	}
	return list
}
