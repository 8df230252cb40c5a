//go:build linux

package fs

import "strings"

// namedPrefix starts the key of a named hierarchy, such as systemd's
// "name=systemd". It has no controller: processes are in its cgroups, and that
// is all, so that nothing is set there and there are no statistics.
const namedPrefix = "name="

// procsKey returns the key of the hierarchy, of those in keys, in which the
// container's processes are best looked for, and false if there are no keys.
//
// The freezer comes first: it is entered before the set-up of a container, and
// programs in containers have no reason to make sub-cgroups there.
func procsKey(keys []string) (string, bool) {
	best, found := "", false
	for _, key := range keys {
		if !found || procsRank(key) < procsRank(best) || (procsRank(key) == procsRank(best) && key < best) {
			best, found = key, true
		}
	}
	return best, found
}

// procsRank ranks keys for procsKey, the best with 0.
func procsRank(key string) int {
	switch {
	case key == "freezer":
		return 0
	case key == "devices":
		return 1
	case strings.HasPrefix(key, namedPrefix):
		return 2
	}
	return 3
}
