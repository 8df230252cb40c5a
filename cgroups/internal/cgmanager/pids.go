//go:build linux

package cgmanager

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
)

// GetPids returns the processes in the container's cgroup, in ascending order,
// without those in its sub-cgroups.
func (b Base) GetPids() ([]int, error) { return b.pids(cgroups.GetPids) }

// GetAllPids returns the processes in the container's cgroup and its sub-cgroups, in
// ascending order.
func (b Base) GetAllPids() ([]int, error) { return b.pids(cgroups.GetAllPids) }

func (b Base) pids(list func(path string) ([]int, error)) ([]int, error) {
	paths, err := b.Existing()
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, b.Missing("")
	}
	return list(paths[procsKey(paths)])
}

// procsKey returns the key of the hierarchy in which the container's processes are
// best looked for.
func procsKey(paths map[string]string) string {
	return slices.MinFunc(slices.Collect(maps.Keys(paths)), func(a, b string) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
	})
}

// rank ranks keys for procsKey, the best with 0.
//
// The freezer comes first: it is entered before the set-up of a container, and
// programs in containers have no reason to make sub-cgroups there.
func rank(key string) int {
	switch {
	case key == "freezer":
		return 0
	case key == "devices":
		return 1
	case strings.HasPrefix(key, "name="):
		return 2
	}
	return 3
}
