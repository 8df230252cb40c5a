package configs

import "github.com/libcontainer/libcontainer/internal/linux"

// RlimitType returns the number that Rlimit.Type has for a resource, by its name in
// getrlimit(2), such as "RLIMIT_NOFILE". ok is false if there is none of that name.
func RlimitType(name string) (number int, ok bool) {
	value, ok := linux.Rlimits().Value(name)
	return int(value), ok
}
