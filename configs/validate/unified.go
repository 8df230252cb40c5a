package validate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

// resourceUnified checks what only cgroup v2 has with names from the
// configuration: Rdma, Misc and Unified.
func resourceUnified(r *configs.Resources) error {
	for _, device := range slices.Sorted(maps.Keys(r.Rdma)) {
		if err := controlWord("Cgroups.Rdma", device); err != nil {
			return err
		}
	}
	for _, resource := range slices.Sorted(maps.Keys(r.Misc)) {
		field := fmt.Sprintf("Cgroups.Misc[%q]", resource)
		if err := controlWord("Cgroups.Misc", resource); err != nil {
			return err
		}
		if err := atLeast(field, r.Misc[resource], -1); err != nil {
			return err
		}
	}
	for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
		if err := configs.CheckUnifiedFile(file); err != nil {
			return invalid("Cgroups.Unified", file, err)
		}
		if strings.Contains(r.Unified[file], "\x00") {
			return fmt.Errorf("Cgroups.Unified[%q] contains a NUL", file)
		}
	}
	return nil
}

// controlWord checks the first word of a line for a cgroup file.
func controlWord(field, word string) error {
	if word == "" || strings.ContainsFunc(word, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return invalid(field, word, errors.New("is not a single word"))
	}
	return nil
}
