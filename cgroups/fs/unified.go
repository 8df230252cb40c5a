//go:build linux

package fs

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgtree"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgv2"
	"github.com/libcontainer/libcontainer/configs"
)

// unified are the limits that are set through the cgroup v2 mount of the hybrid
// layout, since no v1 hierarchy has their controllers.
type unified struct {
	controllers []string // of the mount
	limits      cgv2.Limits
}

// has tells whether the controller of cgroup v1 that is called key is in the mount.
func (u unified) has(key string) bool { return slices.Contains(u.controllers, unifiedName(key)) }

// asked tells whether a limit needs the mount.
func (u unified) asked() bool { return len(u.controllers) > 0 && u.limits.Required() != "" }

// unifiedName returns what cgroup v2 calls a controller.
func unifiedName(key string) string {
	if key == "blkio" {
		return "io"
	}
	return key
}

func unifiedNames(paths map[string]string) (names []string) {
	for key := range maps.Keys(paths) {
		names = append(names, unifiedName(key))
	}
	return names
}

// unified returns those limits of r that are the mount's. What would be, if the mount
// held the controller, is refused.
func (m *Manager) unified(r *configs.Resources) (unified, error) {
	if !m.mayNeedUnified(r) {
		return unified{}, nil
	}
	controllers, err := m.unifiedControllers()
	if err != nil {
		return unified{}, err
	}
	if err := refuse(r, controllers); err != nil {
		return unified{}, err
	}
	return unified{controllers, cgv2.Of(r, controllers)}, nil
}

// mayNeedUnified tells whether a look at the mount is worth its while.
func (m *Manager) mayNeedUnified(r *configs.Resources) bool {
	if field, _ := cgv2.Beyond(r, nil); field != "" {
		return true
	}
	paths := m.GetPaths()
	return slices.ContainsFunc(m.controllers(), func(c controller) bool {
		request, _ := c.asks(r)
		_, mounted := paths[c.key()]
		return request == required && !mounted
	})
}

// unifiedControllers returns the controllers that the cgroup v2 mount holds, and the
// core; none if there is no mount or the container is not in it.
func (m *Manager) unifiedControllers() (names []string, err error) {
	s, err := cgtree.Snapshot(m.state.Snapshot)
	if err != nil {
		return nil, err
	}
	h, err := s.Find("")
	if _, ok := m.GetPaths()[""]; err != nil || !ok {
		return nil, nil
	}
	err = m.withDir(filepath.Clean(h.Mountpoint), func(dir *cgdir.Dir) error {
		text, err := dir.ReadFile("cgroup.controllers")
		names = append([]string{cgv2.Core}, strings.Fields(text)...)
		return err
	})
	return names, err
}

// setUnified sets the limits that are the mount's.
func (m *Manager) setUnified(u unified, paths map[string]string, j *cglimit.Journal) error {
	if !u.asked() {
		return nil
	}
	if err := u.limits.Check(); err != nil {
		return err
	}
	return m.withDir(paths[""], func(dir *cgdir.Dir) error {
		_, err := m.inMount(dir).Set(u.limits, j, false)
		return err
	})
}

// inMount is the container's directory in the mount.
func (m *Manager) inMount(dir *cgdir.Dir) *cgv2.Cgroup {
	return &cgv2.Cgroup{Dir: dir, Features: &m.state.Features, Snapshot: m.state.Snapshot}
}
