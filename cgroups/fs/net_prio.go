//go:build linux

package fs

import (
	"fmt"
	"math"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
)

// netPrio is the controller of network priorities, see cgroup-v1/net_prio.rst.
type netPrio struct{}

func (netPrio) key() string { return "net_prio" }

func (netPrio) asks(r *configs.Resources) (request, string) {
	if len(r.NetPrioIfpriomap) == 0 {
		return nothing, ""
	}
	return required, "NetPrioIfpriomap"
}

func (netPrio) set(s *setter, r *configs.Resources) error {
	for i, m := range r.NetPrioIfpriomap {
		field := fmt.Sprintf("NetPrioIfpriomap[%d]", i)
		switch {
		case m == nil:
			return fmt.Errorf("%s is nil", field)
		case m.Interface == "" || strings.ContainsAny(m.Interface, " \t\n/"):
			return fmt.Errorf("%s: %q is not the name of an interface", field, m.Interface)
		case m.Priority < 0 || m.Priority > math.MaxUint32:
			return fmt.Errorf("%s: priority %d is not a 32-bit number", field, m.Priority)
		}
		// The file holds a line an interface, and takes one at a time.
		if err := s.WriteOnly(field, "net_prio.ifpriomap", m.CgroupString()); err != nil {
			return err
		}
	}
	return nil
}

// stats does nothing: net_prio has no statistics.
func (netPrio) stats(*cgdir.Dir, *cgroups.Stats) error { return nil }
