//go:build linux

package fs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

// v2Field is a field that only cgroup v2 has something for.
type v2Field struct {
	asked             bool
	field, controller string
}

func v2Fields(r *configs.Resources) []v2Field {
	fields := []v2Field{
		{r.MemoryMin > 0, "MemoryMin", "memory"},
		{r.MemoryLow > 0, "MemoryLow", "memory"},
		{r.MemoryHigh > 0, "MemoryHigh", "memory"},
		{r.CpuWeight != 0, "CpuWeight", "cpu"},
		{len(r.IoLatencyDevice) > 0, "IoLatencyDevice", "io"},
		{len(r.Rdma) > 0, "Rdma", "rdma"},
		{len(r.Misc) > 0, "Misc", "misc"},
	}
	for _, file := range slices.Sorted(maps.Keys(r.Unified)) {
		controller, _, _ := strings.Cut(file, ".")
		fields = append(fields, v2Field{true, fmt.Sprintf("Unified[%q]", file), controller})
	}
	return fields
}

// asksForV2 tells whether r has a limit that is cgroup v2's.
func asksForV2(r *configs.Resources) bool {
	return slices.ContainsFunc(v2Fields(r), func(f v2Field) bool { return f.asked })
}

// refuse returns an error for limits that are cgroup v2's, but for those of the
// controllers that are at hand. Values that ask for nothing pass.
func refuse(r *configs.Resources, controllers []string) error {
	for _, f := range v2Fields(r) {
		if f.asked && !slices.Contains(controllers, f.controller) {
			return fmt.Errorf("%s cannot be set: it needs %s of cgroup v2, which has %q here: %w",
				f.field, f.controller, controllers, errors.ErrUnsupported)
		}
	}
	return nil
}
