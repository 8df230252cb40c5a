//go:build linux

package group

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
)

// MaxFile is how many bytes a file may have for ReadFile. The kernel's longest are lists of
// processes, of which this is some half a million.
const MaxFile = 4 << 20

// corePrefix starts the names of those files of cgroup v2 that are no controller's.
const corePrefix = "cgroup."

// Exists tells whether any of the group's directories exists, whoever has made it.
func (g *Group) Exists(ctx context.Context) (bool, error) {
	paths := g.driver.GetPaths()
	if len(paths) == 0 {
		var err error
		if paths, err = g.find(ctx); err != nil {
			return false, g.fail("look for it", err)
		}
	}
	return len(g.existing(paths)) > 0, nil
}

// existing returns those of paths that are directories of cgroups.
func (g *Group) existing(paths map[string]string) map[string]string {
	there := make(map[string]string)
	for key, path := range paths {
		if dir, err := cgdir.Open(path, g.kind); err == nil {
			dir.Close()
			there[key] = path
		}
	}
	return there
}

// Paths returns the group's directories by their controllers, or "name=NAME" for a named
// hierarchy, or "" for cgroup v2. There are none before Create, or after Destroy.
func (g *Group) Paths() map[string]string { return g.driver.GetPaths() }

// Path returns the group's directory in the hierarchy that has a controller, such as
// "memory", "" if there is none. It is that of cgroup v2 for "", and for a controller that
// cgroup v2 has: all of them where there is cgroup v2 alone, and in the hybrid layout those
// that are enabled there for the group.
func (g *Group) Path(controller string) string {
	paths := g.driver.GetPaths()
	if path, ok := paths[controller]; ok {
		return path
	}
	unified, ok := paths[""]
	if !ok || strings.HasPrefix(controller, "name=") {
		return ""
	}
	if len(paths) == 1 {
		return unified
	}
	if controller == "blkio" {
		controller = "io"
	}
	text, err := g.read(unified, "cgroup.controllers")
	if err != nil || !slices.Contains(strings.Fields(text), controller) {
		return ""
	}
	return unified
}

// ReadFile returns the content of a file of the group, such as "memory.stat", of at most
// MaxFile bytes; the error for a longer one is EFBIG. The name is a single path element: the
// file is opened in the group's directory, which must be one of a cgroup file system, and no
// link or mount leads out of it, so that the name may come from anywhere.
//
// Where there is more than one directory it is that of the hierarchy whose controller the
// name begins with, and that of cgroup v2 if the controller has no hierarchy or no such file
// there. Files without a controller, such as "cgroup.procs", are those of cgroup v2 first,
// and then of any hierarchy.
func (g *Group) ReadFile(name string) ([]byte, error) {
	const step = "read a file"
	if err := cgdir.CheckName(name); err != nil {
		return nil, g.fail(step, err)
	}
	dirs := g.dirsOf(name)
	if len(dirs) == 0 {
		return nil, g.fail(step, errNotMade)
	}
	var first error
	for _, dir := range dirs {
		text, err := g.read(dir, name)
		if err == nil {
			return []byte(text), nil
		}
		if first == nil {
			first = err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, g.fail(step, err)
		}
	}
	return nil, g.fail(step, first)
}

// dirsOf returns the directories in which a file may be, the best first.
func (g *Group) dirsOf(name string) (dirs []string) {
	paths := g.driver.GetPaths()
	controller, _, hasPrefix := strings.Cut(name, ".")
	if dir, ok := paths[controller]; ok && hasPrefix {
		dirs = append(dirs, dir)
	}
	if dir, ok := paths[""]; ok {
		dirs = append(dirs, dir)
	}
	if hasPrefix && !strings.HasPrefix(name, corePrefix) && len(dirs) > 0 {
		return dirs
	}
	for _, key := range slices.Sorted(maps.Keys(paths)) {
		if !slices.Contains(dirs, paths[key]) {
			dirs = append(dirs, paths[key])
		}
	}
	return dirs
}

// read reads a file of a directory.
func (g *Group) read(path, name string) (string, error) {
	dir, err := cgdir.Open(path, g.kind)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	return dir.ReadFileMax(name, MaxFile)
}

// OOMKills returns how many processes of the group and of the cgroups below it the kernel
// has killed for want of memory since the group was made. Without the memory controller the
// error is fs.ErrNotExist, and before Linux 4.13 errors.ErrUnsupported.
func (g *Group) OOMKills() (uint64, error) {
	path := g.Path("memory")
	if path == "" {
		return 0, g.fail("count OOM kills", fmt.Errorf("it has no memory controller: %w", fs.ErrNotExist))
	}
	kills, err := cgroups.OOMKills(path)
	return kills, g.fail("", err)
}

// Pressure tells for how long processes were stalled for want of each resource. What the
// kernel does not tell is nil.
type Pressure struct {
	CPU, Memory, IO *cgroups.PSI
}

// Pressure reads the pressure of the group with the cgroups below it (the kernel's
// accounting/psi). It takes a directory of cgroup v2, which there is in the hybrid layout,
// too: with cgroup v1 alone the error is a NotSupportedError, and so it is if the kernel was
// built or booted without, or it was turned off for the group (cgroup.pressure).
func (g *Group) Pressure() (*Pressure, error) {
	const step = "read pressure"
	paths := g.driver.GetPaths()
	path, ok := paths[""]
	switch {
	case len(paths) == 0:
		return nil, g.fail(step, errNotMade)
	case !ok:
		return nil, g.fail(step, &NotSupportedError{What: "the pressure of a group", Needs: "cgroup v2"})
	}
	dir, err := cgdir.Open(path, g.kind)
	if err != nil {
		return nil, g.fail(step, err)
	}
	defer dir.Close()
	var stats cgroups.Stats
	if err := cgread.Pressure(dir, &stats); err != nil {
		return nil, g.fail(step, err)
	}
	p := &Pressure{CPU: stats.CpuStats.PSI, Memory: stats.MemoryStats.PSI, IO: stats.BlkioStats.PSI}
	if *p == (Pressure{}) {
		return nil, g.fail(step, &NotSupportedError{
			What: "the pressure of a group", Needs: "a kernel with CONFIG_PSI, psi=1 at boot, and cgroup.pressure not turned off in " + path,
		})
	}
	return p, nil
}
