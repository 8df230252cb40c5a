//go:build linux

// Package cgpick picks the manager of cgroup directories that fits the machine.
package cgpick

import (
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/fs"
	"github.com/libcontainer/libcontainer/cgroups/fs2"
	"github.com/libcontainer/libcontainer/configs"
)

// Files is what the managers of packages fs and fs2 can do beside a Driver.
type Files interface {
	cgroups.Driver

	// SetAnd is Set which then calls commit, and takes the limits back if that
	// fails.
	SetAnd(container *configs.Config, commit func() error) error

	// Find returns those directories that exist.
	Find() (map[string]string, error)
}

// Manager returns package fs2's where there is cgroup v2 alone, and package fs's elsewhere.
func Manager(layout cgroups.Layout, cgroup *configs.Cgroup, paths map[string]string) Files {
	if layout == cgroups.LayoutV2 {
		return &fs2.Manager{Cgroups: cgroup, Paths: paths}
	}
	return &fs.Manager{Cgroups: cgroup, Paths: paths}
}
