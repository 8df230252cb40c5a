//go:build linux

package cgv2

import (
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/configs"
)

// Shared is a controller that has the same files in cgroup v1, where it is in a hierarchy
// and need not be enabled: rdma (Linux 4.11; the kernel's document cgroup-v1/rdma) and misc
// (Linux 5.13; cgroup-v1/misc).
type Shared struct{ of controller }

// SharedControllers returns all of them.
func SharedControllers() []Shared { return []Shared{{rdma{}}, {misc{}}} }

// Name is the controller's.
func (c Shared) Name() string { return c.of.name() }

// Asks tells what r asks of the controller, and by which field.
func (c Shared) Asks(r *configs.Resources) (cglimit.Request, string) { return c.of.asks(r) }

// Set writes what r asks for.
func (c Shared) Set(s *cglimit.Setter, features *cgfeature.Set, r *configs.Resources) error {
	return c.of.set(&setter{Setter: *s, cgroup: &Cgroup{Dir: s.Dir, Features: features}}, r)
}

// Stats reads the controller's part of stats.
func (c Shared) Stats(dir *cgdir.Dir, features *cgfeature.Set, stats *cgroups.Stats) error {
	return c.of.stats(&Cgroup{Dir: dir, Features: features}, stats)
}
