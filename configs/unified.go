package configs

import (
	"errors"
	"strings"
)

// CheckUnifiedFile checks a key of Resources.Unified: the name of a file with a
// controller's settings, such as "hugetlb.2MB.max". The kernel's names are made of
// letters, digits, ".", "_" and "-".
func CheckUnifiedFile(file string) error {
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
