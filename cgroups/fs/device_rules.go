//go:build linux

package fs

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

// deviceAccess is a set of the accesses read, write and mknod.
type deviceAccess uint8

// accessLetters has the letter of each access, in the order of their bits,
// which is the kernel's order too.
const accessLetters = "rwm"

// deviceID is what a rule is about: devices of type 'b' or 'c', by number.
type deviceID struct {
	kind         byte
	major, minor int64
}

// deviceRules holds a rule for each device. The kernel merges rules for the
// same device in the same way.
type deviceRules map[deviceID]deviceAccess

// makeDeviceRules makes rules of a list in a configuration. A type 'a' stands
// for block and character devices. A fifo needs no rule and has none.
func makeDeviceRules(field string, list []*configs.Device) (deviceRules, error) {
	rules := make(deviceRules)
	for i, d := range list {
		if err := rules.add(d); err != nil {
			return nil, fmt.Errorf("%s[%d]: %w", field, i, err)
		}
	}
	return rules, nil
}

func (rules deviceRules) add(d *configs.Device) error {
	if d == nil {
		return errors.New("the device is nil")
	}
	kinds, err := deviceKinds(d.Type)
	if err != nil || len(kinds) == 0 {
		return err
	}
	for _, number := range []int64{d.Major, d.Minor} {
		if number < configs.Wildcard || number > math.MaxUint32 {
			return fmt.Errorf("%d is not a device number", number)
		}
	}
	access, err := parseAccess(d.Permissions)
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		rules[deviceID{kind, d.Major, d.Minor}] |= access
	}
	return nil
}

// deviceKinds returns the kernel's types for the type of a configuration.
func deviceKinds(t rune) ([]byte, error) {
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

func parseAccess(letters string) (deviceAccess, error) {
	var access deviceAccess
	for _, letter := range letters {
		i := strings.IndexRune(accessLetters, letter)
		if i < 0 {
			return 0, fmt.Errorf("permissions %q are not of the letters %q", letters, accessLetters)
		}
		access |= 1 << i
	}
	if access == 0 {
		return 0, fmt.Errorf("no permissions: some of %q are needed", accessLetters)
	}
	return access, nil
}

// without returns what rules has and others does not.
func (rules deviceRules) without(others deviceRules) deviceRules {
	rest := make(deviceRules)
	for id, access := range rules {
		if access &^= others[id]; access != 0 {
			rest[id] = access
		}
	}
	return rest
}

// strings returns the rules in the kernel's format, such as "c 1:3 rwm", in a
// fixed order.
func (rules deviceRules) strings() []string {
	lines := make([]string, 0, len(rules))
	for id, access := range rules {
		lines = append(lines, id.String()+" "+access.String())
	}
	slices.Sort(lines)
	return lines
}

func (id deviceID) String() string {
	return string(id.kind) + " " + numberString(id.major) + ":" + numberString(id.minor)
}

func (a deviceAccess) String() string {
	var letters []byte
	for i := range len(accessLetters) {
		if a&(1<<i) != 0 {
			letters = append(letters, accessLetters[i])
		}
	}
	return string(letters)
}

func numberString(number int64) string {
	if number == configs.Wildcard {
		return "*"
	}
	return strconv.FormatInt(number, 10)
}

// parseDevicesList parses devices.list. The line "a *:* rwm" says that all
// devices are allowed but some, which the file does not tell.
func parseDevicesList(text string) (rules deviceRules, allowsAll bool, err error) {
	rules = make(deviceRules)
	number := 0
	for line := range strings.Lines(text) {
		number++
		id, access, err := parseDeviceRule(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, false, fmt.Errorf("line %d: %w", number, err)
		}
		if id.kind == 'a' {
			allowsAll = true
			continue
		}
		rules[id] |= access
	}
	return rules, allowsAll, nil
}

func parseDeviceRule(line string) (deviceID, deviceAccess, error) {
	fields := strings.Split(line, " ")
	if len(fields) != 3 || len(fields[0]) != 1 || !strings.Contains("abc", fields[0]) {
		return deviceID{}, 0, fmt.Errorf("%q is not a device rule", line)
	}
	major, minor, found := strings.Cut(fields[1], ":")
	if !found {
		return deviceID{}, 0, fmt.Errorf("%q is not a device rule", line)
	}
	id := deviceID{kind: fields[0][0]}
	var err error
	if id.major, err = parseDeviceNumber(major); err != nil {
		return deviceID{}, 0, err
	}
	if id.minor, err = parseDeviceNumber(minor); err != nil {
		return deviceID{}, 0, err
	}
	access, err := parseAccess(fields[2])
	return id, access, err
}

func parseDeviceNumber(text string) (int64, error) {
	if text == "*" {
		return configs.Wildcard, nil
	}
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("%q is not a device number", text)
	}
	return int64(number), nil
}
