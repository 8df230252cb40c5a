//go:build linux

package fs

import (
	"errors"
	"fmt"

	"github.com/libcontainer/libcontainer/configs"
)

// refuse returns an error for limits that are cgroup v2's. Values that ask for
// nothing pass.
func refuse(r *configs.Resources) error {
	for _, v := range []struct {
		asked bool
		field string
	}{
		{r.MemoryMin > 0, "MemoryMin"},
		{r.MemoryLow > 0, "MemoryLow"},
		{r.MemoryHigh > 0, "MemoryHigh"},
		{r.CpuWeight != 0, "CpuWeight"},
		{len(r.IoLatencyDevice) > 0, "IoLatencyDevice"},
		{len(r.Rdma) > 0, "Rdma"},
		{len(r.Misc) > 0, "Misc"},
		{len(r.Unified) > 0, "Unified"},
	} {
		if v.asked {
			return fmt.Errorf("%s cannot be set: it needs cgroup v2: %w", v.field, errors.ErrUnsupported)
		}
	}
	return nil
}
