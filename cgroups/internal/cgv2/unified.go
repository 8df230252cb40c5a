//go:build linux

package cgv2

import (
	"fmt"
	"strings"
)

func unifiedField(file string) string { return fmt.Sprintf("Unified[%q]", file) }

// setUnified writes a value of configs.Resources.Unified as it is given.
func setUnified(s *setter, file, value string, late bool) error {
	field := unifiedField(file)
	if late {
		return s.writeLate(field, file, value)
	}
	if _, ok := keyed(file); ok {
		return setUnifiedLines(s, field, file, value)
	}
	if value == "" {
		value = "\n" // the kernel does not see a write of nothing
	}
	return s.write(field, file, value)
}

// setUnifiedLines writes the lines of a value, each with a key, one by one: the
// kernel takes one at a time.
func setUnifiedLines(s *setter, field, file, value string) error {
	for line := range strings.Lines(value) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		key, rest, found := strings.Cut(line, " ")
		if !found { // io.weight takes "100" for "default 100"
			key, rest = "default", line
		}
		if err := s.writeKeyed(field, file, key, rest); err != nil {
			return err
		}
	}
	return nil
}
