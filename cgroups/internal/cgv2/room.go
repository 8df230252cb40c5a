//go:build linux

package cgv2

import (
	"strconv"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

// HasRoom tells whether the set-up of a container can be done within limits, nil for
// none. The number of tasks does not matter: threads end with execve(2).
func HasRoom(r *configs.Resources) bool {
	if r == nil {
		return true
	}
	for _, limit := range []int64{r.Memory, r.MemoryHigh} {
		if limit > 0 && limit < cgroups.SetupMemory {
			return false
		}
	}
	for _, file := range []string{memoryMax, memoryHigh} {
		text, ok := r.Unified[file]
		if text = strings.TrimSpace(text); !ok || text == cgread.NoLimit {
			continue
		}
		// A number that the kernel understands and this does not is not worth a
		// parser.
		if limit, err := strconv.ParseUint(text, 10, 64); err != nil || limit < cgroups.SetupMemory {
			return false
		}
	}
	return true
}
