//go:build linux

// Package cgread reads the files of a cgroup in which the kernel shows numbers.
// Each function opens the file below its directory, and an error names the file
// and, where there are several, the line.
package cgread

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// NoLimit is how some files say that there is no limit.
const NoLimit = "max"

// Uint reads a file that holds one number.
func Uint(dir *cgdir.Dir, file string) (uint64, error) {
	text, err := dir.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return inFile(parseUint(text))(dir, file)
}

// OptionalUint is like Uint, but takes a missing file for 0.
func OptionalUint(dir *cgdir.Dir, file string) (uint64, error) {
	value, err := Uint(dir, file)
	if dir.Lacks(err) {
		return 0, nil
	}
	return value, err
}

// OptionalInt is like OptionalUint for a number that may be below zero.
func OptionalInt(dir *cgdir.Dir, file string) (int64, error) {
	text, err := dir.ReadFile(file)
	if dir.Lacks(err) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return inFile(parseInt(text))(dir, file)
}

// Limit reads a file that holds one number, or "max", which gives 0.
func Limit(dir *cgdir.Dir, file string) (uint64, error) {
	text, err := dir.ReadFile(file)
	if err != nil {
		return 0, err
	}
	return inFile(parseLimit(text))(dir, file)
}

// UintList reads a file that holds numbers in one line.
func UintList(dir *cgdir.Dir, file string) ([]uint64, error) {
	text, err := dir.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return inFile(parseUintList(text))(dir, file)
}

// KeyValues reads a file with a key and a number in each line.
func KeyValues(dir *cgdir.Dir, file string) (map[string]uint64, error) {
	text, err := dir.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return inFile(parseKeyValues(text))(dir, file)
}

// Blkio reads a file of the blkio controller. A missing one is empty.
func Blkio(dir *cgdir.Dir, file string) ([]cgroups.BlkioStatEntry, error) {
	text, err := dir.ReadFile(file)
	if dir.Lacks(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return inFile(parseBlkio(text))(dir, file)
}

// inFile adds the file's path to the error of a parser.
func inFile[T any](value T, err error) func(*cgdir.Dir, string) (T, error) {
	return func(dir *cgdir.Dir, file string) (T, error) {
		if err != nil {
			return value, fmt.Errorf("%s: %w", dir.Path(file), err)
		}
		return value, nil
	}
}

// parseUint parses one number. A negative one is 0: some kernels show a usage
// counter that is momentarily below zero.
func parseUint(text string) (uint64, error) {
	text = strings.TrimSpace(text)
	if digits, negative := strings.CutPrefix(text, "-"); negative {
		if _, err := strconv.ParseUint(digits, 10, 64); err == nil {
			return 0, nil
		}
	}
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return value, nil
}

// parseInt parses one number.
func parseInt(text string) (int64, error) {
	text = strings.TrimSpace(text)
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number", text)
	}
	return value, nil
}

// parseLimit parses one number or "max".
func parseLimit(text string) (uint64, error) {
	if strings.TrimSpace(text) == NoLimit {
		return 0, nil
	}
	return parseUint(text)
}

// parseUintList parses numbers separated by spaces.
func parseUintList(text string) ([]uint64, error) {
	var values []uint64
	for field := range strings.FieldsSeq(text) {
		value, err := parseUint(field)
		if err != nil {
			return nil, err
		}
		values = append(values, value)
	}
	return values, nil
}

// parseKeyValues parses lines such as "cache 4096".
func parseKeyValues(text string) (map[string]uint64, error) {
	values := make(map[string]uint64)
	number := 0
	for line := range strings.Lines(text) {
		number++
		key, value, found := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !found || key == "" {
			return nil, fmt.Errorf("line %d: %q is not a key and a number", number, line)
		}
		parsed, err := parseUint(value)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		values[key] = parsed
	}
	return values, nil
}

// UnknownDevice is what the kernel writes in place of a device's number for one that is
// being removed (blkg_dev_name in block/blk-cgroup.c): "(unknown)". Its values are nobody's.
const UnknownDevice = "(unknown)"

// parseBlkio parses lines such as "8:0 Read 4096" and "8:0 4096". The last
// line, "Total 8192", is the sum of all devices and left out, as is a device that the
// kernel does not know.
func parseBlkio(text string) ([]cgroups.BlkioStatEntry, error) {
	var entries []cgroups.BlkioStatEntry
	number := 0
	for line := range strings.Lines(text) {
		number++
		fields := strings.Fields(line)
		if len(fields) == 2 && fields[0] == "Total" || len(fields) > 0 && fields[0] == UnknownDevice {
			continue
		}
		entry, err := parseBlkioFields(fields)
		if err != nil {
			return nil, fmt.Errorf("line %d: %q: %w", number, line, err)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

func parseBlkioFields(fields []string) (entry cgroups.BlkioStatEntry, err error) {
	switch len(fields) {
	case 2:
	case 3:
		entry.Op = fields[1]
	default:
		return entry, fmt.Errorf("%d fields, want 2 or 3", len(fields))
	}
	if entry.Major, entry.Minor, err = DeviceNumber(fields[0]); err != nil {
		return entry, err
	}
	entry.Value, err = parseUint(fields[len(fields)-1])
	return entry, err
}

// DeviceNumber parses "major:minor".
func DeviceNumber(text string) (major, minor uint64, err error) {
	first, second, _ := strings.Cut(text, ":")
	if major, err = strconv.ParseUint(first, 10, 32); err == nil {
		minor, err = strconv.ParseUint(second, 10, 32)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("%q is not a device number", text)
	}
	return major, minor, nil
}
