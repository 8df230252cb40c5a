//go:build linux

package cgv2

import "github.com/libcontainer/libcontainer/cgroups/internal/cgread"

// dmem is the controller of device memory (Linux 6.14). It has no fields:
// configs.Resources.Unified sets its files.
type dmem struct{ plain }

func (dmem) name() string { return "dmem" }

func (dmem) keyed(string) (reset string, ok bool) { return cgread.NoLimit, true }
