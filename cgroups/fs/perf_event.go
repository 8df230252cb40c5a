//go:build linux

package fs

import (
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
)

// perfEvent lets perf(1) count the container's events. It has no files of its
// own; the container's processes are in it, and that is all.
type perfEvent struct{}

func (perfEvent) key() string { return "perf_event" }

func (perfEvent) asks(*configs.Resources) (request, string) { return nothing, "" }

func (perfEvent) set(*setter, *configs.Resources) error { return nil }

func (perfEvent) stats(*cgdir.Dir, *cgroups.Stats) error { return nil }
