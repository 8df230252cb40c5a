package devices

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

// Access is a set of accesses to a device, in the bits of the kernel's
// BPF_DEVCG_ACC constants.
type Access uint8

const (
	// Mknod makes a node of the device.
	Mknod Access = 1 << iota
	// Read opens a node of the device for reading.
	Read
	// Write opens a node of the device for writing. A node opened for both is
	// opened with Read|Write, which is a single access.
	Write

	allAccesses = Mknod | Read | Write
)

// Pattern matches devices by type and number.
type Pattern struct {
	// Kind is 'b' for block devices, 'c' for character devices.
	Kind byte

	// Major and Minor are numbers, or configs.Wildcard for every number.
	Major, Minor int64
}

// matches reports whether the pattern matches a device.
func (p Pattern) matches(kind byte, major, minor uint32) bool {
	return p.Kind == kind &&
		(p.Major == configs.Wildcard || p.Major == int64(major)) &&
		(p.Minor == configs.Wildcard || p.Minor == int64(minor))
}

// List holds the accesses that are exceptions, for each pattern. Rules with the
// same pattern are merged, as the kernel merges them; those whose patterns only
// overlap are not, see Rules.Allows.
type List map[Pattern]Access

// Rules say which devices may be used. The zero value forbids all.
type Rules struct {
	// AllowAll says that every access is allowed but those in Exceptions.
	// Otherwise none is but those.
	AllowAll   bool
	Exceptions List
}

// New makes rules of fields of configs.Resources: all devices but denied if
// allowAll is set, otherwise allowed and no others. The list that does not count
// is not looked at. A type 'a' stands for block and character devices. A fifo
// needs no rule and has none. An error names the field and the index.
func New(allowAll bool, allowed, denied []*configs.Device) (Rules, error) {
	field, devices := "AllowedDevices", allowed
	if allowAll {
		field, devices = "DeniedDevices", denied
	}
	rules := Rules{AllowAll: allowAll, Exceptions: make(List)}
	for i, d := range devices {
		if err := rules.Exceptions.add(d); err != nil {
			return Rules{}, fmt.Errorf("%s[%d]: %w", field, i, err)
		}
	}
	return rules, nil
}

func (l List) add(d *configs.Device) error {
	if d == nil {
		return errors.New("the device is nil")
	}
	kinds, err := kindsOf(d.Type)
	if err != nil || len(kinds) == 0 {
		return err
	}
	for _, number := range []int64{d.Major, d.Minor} {
		// The kernel takes the highest number for the wildcard.
		if number < configs.Wildcard || number >= math.MaxUint32 {
			return fmt.Errorf("%d is not a device number", number)
		}
	}
	access, err := parseAccess(d.Permissions)
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		l[Pattern{kind, d.Major, d.Minor}] |= access
	}
	return nil
}

// kindsOf returns the kernel's types for the type of a configuration.
func kindsOf(t rune) ([]byte, error) {
	switch t {
	case 'b':
		return []byte{'b'}, nil
	case 'c', 'u':
		return []byte{'c'}, nil
	case 'a':
		return []byte{'b', 'c'}, nil
	case 'p':
		return nil, nil
	}
	return nil, fmt.Errorf("%q is not a type of devices", t)
}

// accessLetters has the letters of accesses in the kernel's order.
const accessLetters = "rwm"

// accessOf returns the access of one of accessLetters, 0 for another letter.
func accessOf(letter rune) Access {
	switch letter {
	case 'r':
		return Read
	case 'w':
		return Write
	case 'm':
		return Mknod
	}
	return 0
}

func parseAccess(letters string) (Access, error) {
	var access Access
	for _, letter := range letters {
		one := accessOf(letter)
		if one == 0 {
			return 0, fmt.Errorf("permissions %q are not of the letters %q", letters, accessLetters)
		}
		access |= one
	}
	if access == 0 {
		return 0, fmt.Errorf("no permissions: some of %q are needed", accessLetters)
	}
	return access, nil
}

// String returns the letters of the accesses, such as "rw".
func (a Access) String() string {
	var letters strings.Builder
	for _, letter := range accessLetters {
		if a&accessOf(letter) != 0 {
			letters.WriteRune(letter)
		}
	}
	return letters.String()
}

// Allows tells what a devices cgroup with the rules answers, in the kernel's own
// way: without AllowAll one exception alone must cover the whole access. So "c 1:3
// r" and "c 1:* w" together do not allow to open the device for reading and
// writing. With AllowAll an exception that has a part of the access denies it.
//
// The access 0 is that of access(2) with F_OK.
func (r Rules) Allows(kind byte, major, minor uint32, access Access) bool {
	for pattern, exception := range r.Exceptions {
		if !pattern.matches(kind, major, minor) {
			continue
		}
		if r.AllowAll && access&exception != 0 {
			return false
		}
		if !r.AllowAll && access&^exception == 0 {
			return true
		}
	}
	return r.AllowAll
}

// AllowsAll reports whether the rules forbid nothing.
func (r Rules) AllowsAll() bool {
	if r.AllowAll {
		return len(r.Exceptions) == 0
	}
	every := func(kind byte) Access {
		return r.Exceptions[Pattern{kind, configs.Wildcard, configs.Wildcard}]
	}
	return every('b') == allAccesses && every('c') == allAccesses
}

// Without returns the exceptions that l has and others does not.
func (l List) Without(others List) List {
	rest := make(List)
	for pattern, access := range l {
		if access &^= others[pattern]; access != 0 {
			rest[pattern] = access
		}
	}
	return rest
}
