//go:build linux

package fs2

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

// checkUnified refuses files of r.Unified that are not settings of a controller.
// Nobody but this manager moves processes and enables controllers.
func checkUnified(r *configs.Resources) error {
	for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
		if err := configs.CheckUnifiedFile(file); err != nil {
			return fmt.Errorf("%s: %w", unifiedField(file), err)
		}
	}
	return nil
}

func unifiedField(file string) string { return fmt.Sprintf("Unified[%q]", file) }

// unifiedControllers returns the controllers whose files are in r.Unified.
func unifiedControllers(r *configs.Resources) (names []string) {
	for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
		if name, _, _ := strings.Cut(file, "."); name != "cgroup" {
			names = append(names, name)
		}
	}
	return slices.Compact(names)
}

// setUnified writes values as they are given.
func setUnified(s *setter, values map[string]string) error {
	for _, file := range slices.Sorted(maps.Keys(values)) {
		if err := setUnifiedFile(s, unifiedField(file), file, values[file]); err != nil {
			return err
		}
	}
	return nil
}

func setUnifiedFile(s *setter, field, file, value string) error {
	switch file {
	case memoryMax, memoryHigh, swapMax, "memory.swap.high", pidsMax:
		return s.writeLate(field, file, value)
	}
	switch controller, _, _ := strings.Cut(file, "."); controller {
	case "io", "rdma", "misc", "dmem":
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
