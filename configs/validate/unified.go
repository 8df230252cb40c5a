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
		if err := unifiedFile(file); err != nil {
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

// unifiedFile checks the name of a file with a controller's settings, such as
// "hugetlb.2MB.max". The kernel's names are made of letters, digits, ".", "_" and
// "-".
func unifiedFile(file string) error {
	controller, rest, found := strings.Cut(file, ".")
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)
	}
	switch {
	case !found, controller == "", rest == "", strings.HasSuffix(file, "."), strings.Contains(file, ".."):
		return errors.New(`is not a cgroup v2 file, such as "memory.high"`)
	case strings.ContainsFunc(file, func(r rune) bool { return !plain(r) }):
		return errors.New("has a character that no cgroup file has")
	case file == "cgroup.max.depth", file == "cgroup.max.descendants":
		return nil
	case controller == "cgroup":
		return errors.New("is not a setting of a controller")
	case strings.HasSuffix(file, ".pressure"):
		return errors.New("is not a setting: a trigger in it ends with the write")
	}
	return nil
}
