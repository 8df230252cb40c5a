package devices

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

// allLine is all that the kernel shows of rules with AllowAll.
const allLine = "a *:* rwm"

// Lines returns the exceptions in the format of a cgroup v1 file, such as "c 1:3
// rwm", in a fixed order.
func (l List) Lines() []string {
	lines := make([]string, 0, len(l))
	for pattern, access := range l {
		lines = append(lines, pattern.String()+" "+access.String())
	}
	slices.Sort(lines)
	return lines
}

// String returns the pattern in the kernel's format, such as "c 1:*".
func (p Pattern) String() string {
	return string(p.Kind) + " " + formatNumber(p.Major) + ":" + formatNumber(p.Minor)
}

func formatNumber(number int64) string {
	if number == configs.Wildcard {
		return "*"
	}
	return strconv.FormatInt(number, 10)
}

// ParseList parses the file devices.list of cgroup v1. It does not tell which
// exceptions there are from AllowAll: then there are none in the result.
func ParseList(text string) (Rules, error) {
	rules := Rules{Exceptions: make(List)}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSuffix(line, "\n")
		if line == allLine {
			rules.AllowAll = true
			continue
		}
		pattern, access, err := parseRule(line)
		if err != nil {
			return Rules{}, fmt.Errorf("line %d: %w", number, err)
		}
		rules.Exceptions[pattern] |= access
	}
	if rules.AllowAll && len(rules.Exceptions) > 0 {
		return Rules{}, fmt.Errorf("%q is not the only line", allLine)
	}
	return rules, nil
}

func parseRule(line string) (Pattern, Access, error) {
	fields := strings.Split(line, " ")
	if len(fields) != 3 || fields[0] != "b" && fields[0] != "c" {
		return Pattern{}, 0, fmt.Errorf("%q is not a device rule", line)
	}
	major, minor, found := strings.Cut(fields[1], ":")
	if !found {
		return Pattern{}, 0, fmt.Errorf("%q is not a device rule", line)
	}
	pattern := Pattern{Kind: fields[0][0]}
	var err error
	if pattern.Major, err = parseNumber(major); err != nil {
		return Pattern{}, 0, err
	}
	if pattern.Minor, err = parseNumber(minor); err != nil {
		return Pattern{}, 0, err
	}
	access, err := parseAccess(fields[2])
	return pattern, access, err
}

func parseNumber(text string) (int64, error) {
	if text == "*" {
		return configs.Wildcard, nil
	}
	number, err := strconv.ParseUint(text, 10, 32)
	if err != nil || number == math.MaxUint32 {
		return 0, fmt.Errorf("%q is not a device number", text)
	}
	return int64(number), nil
}
