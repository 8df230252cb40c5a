//go:build linux

package fs

import (
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
	"github.com/libcontainer/libcontainer/configs"
)

// shared is a controller that has the same files in both versions of cgroups, see there.
type shared struct {
	cgv2.Shared
	features *cgfeature.Set
}

func (c shared) key() string { return c.Name() }

func (c shared) asks(r *configs.Resources) (request, string) { return c.Asks(r) }

func (c shared) set(s *setter, r *configs.Resources) error { return c.Set(s, c.features, r) }

func (c shared) stats(dir *cgdir.Dir, stats *cgroups.Stats) error {
	return c.Stats(dir, c.features, stats)
}
