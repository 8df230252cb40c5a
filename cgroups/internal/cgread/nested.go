//go:build linux

package cgread

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

// Entry is what a nested keyed file of cgroup v2 tells of one key: a device, or
// a kind of stall.
type Entry struct {
	Key    string
	Values map[string]string
}

// Uint returns the number called name, or 0 if there is none.
func (e Entry) Uint(name string) (uint64, error) {
	text, ok := e.Values[name]
	if !ok {
		return 0, nil
	}
	value, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%s %s: %q is not a number", e.Key, name, text)
	}
	return value, nil
}

// Float returns the decimal fraction called name, or 0 if there is none.
func (e Entry) Float(name string) (float64, error) {
	text, ok := e.Values[name]
	if !ok {
		return 0, nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return 0, fmt.Errorf("%s %s: %q is not a number", e.Key, name, text)
	}
	return value, nil
}

// Max is like Uint for a number or "max", which gives math.MaxUint64.
func (e Entry) Max(name string) (uint64, error) {
	if e.Values[name] == NoLimit {
		return math.MaxUint64, nil
	}
	return e.Uint(name)
}

// Nested reads a file with lines such as "8:0 rbytes=1 wbytes=2".
func Nested(dir *cgdir.Dir, file string) ([]Entry, error) {
	text, err := dir.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return inFile(parseNested(text))(dir, file)
}

// parseNested parses lines of a key and name=value pairs. Some kernels end no
// line after a device without values in io.stat, so that a further key follows.
func parseNested(text string) ([]Entry, error) {
	var entries []Entry
	number := 0
	for line := range strings.Lines(text) {
		number++
		first := true
		for field := range strings.FieldsSeq(line) {
			name, value, found := strings.Cut(field, "=")
			switch {
			case !found:
				entries = append(entries, Entry{Key: field, Values: make(map[string]string)})
			case first:
				return nil, fmt.Errorf("line %d: %q does not begin with a key", number, line)
			case name == "":
				return nil, fmt.Errorf("line %d: %q has no name", number, field)
			default:
				entries[len(entries)-1].Values[name] = value
			}
			first = false
		}
	}
	return entries, nil
}

// Max reads a file that holds one number, or "max", which gives math.MaxUint64.
func Max(dir *cgdir.Dir, file string) (uint64, error) {
	text, err := dir.ReadFile(file)
	if err != nil {
		return 0, err
	}
	if strings.TrimSpace(text) == NoLimit {
		return math.MaxUint64, nil
	}
	return inFile(parseUint(text))(dir, file)
}

// MaxValues reads a file with a key and a number, or "max", in each line.
func MaxValues(dir *cgdir.Dir, file string) (map[string]uint64, error) {
	text, err := dir.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return inFile(parseMaxValues(text))(dir, file)
}

func parseMaxValues(text string) (map[string]uint64, error) {
	var numbers strings.Builder
	for line := range strings.Lines(text) {
		if key, found := strings.CutSuffix(strings.TrimSuffix(line, "\n"), " "+NoLimit); found {
			line = key + " " + strconv.FormatUint(math.MaxUint64, 10) + "\n"
		}
		numbers.WriteString(line)
	}
	return parseKeyValues(numbers.String())
}

// PSI reads a pressure file. It returns nil if the kernel has none: it was built
// without, it was turned off at boot, or with cgroup.pressure.
func PSI(dir *cgdir.Dir, file string) (*cgroups.PSI, error) {
	text, err := dir.ReadFile(file)
	if dir.Lacks(err) || errors.Is(err, unix.EOPNOTSUPP) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return inFile(parsePSI(text))(dir, file)
}

// parsePSI parses the lines "some" and "full". Linux before 5.13 has no "full"
// for the CPU.
func parsePSI(text string) (*cgroups.PSI, error) {
	entries, err := parseNested(text)
	if err != nil {
		return nil, err
	}
	psi := new(cgroups.PSI)
	for _, e := range entries {
		var data *cgroups.PSIData
		switch e.Key {
		case "some":
			data = &psi.Some
		case "full":
			data = &psi.Full
		default:
			continue
		}
		for name, avg := range map[string]*float64{"avg10": &data.Avg10, "avg60": &data.Avg60, "avg300": &data.Avg300} {
			if *avg, err = strconv.ParseFloat(e.Values[name], 64); err != nil {
				return nil, fmt.Errorf("%s %s: %q is not a number", e.Key, name, e.Values[name])
			}
		}
		if data.Total, err = e.Uint("total"); err != nil {
			return nil, err
		}
	}
	return psi, nil
}

// Pressure reads the pressure files of a cgroup v2 directory into stats.
func Pressure(dir *cgdir.Dir, stats *cgroups.Stats) error {
	for file, psi := range map[string]**cgroups.PSI{
		"cpu.pressure":    &stats.CpuStats.PSI,
		"memory.pressure": &stats.MemoryStats.PSI,
		"io.pressure":     &stats.BlkioStats.PSI,
	} {
		var err error
		if *psi, err = PSI(dir, file); err != nil {
			return err
		}
	}
	return nil
}
