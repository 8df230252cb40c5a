//go:build linux

// Package cgtree names, makes and removes the directories of a container's
// cgroups.
package cgtree

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
)

// maxCreateTries bounds how often a directory is made anew because somebody
// removed a parent at the same time.
const maxCreateTries = 100

// ErrStale says that a directory that should always exist does not: the process
// was moved and its former cgroup removed, or a hierarchy was unmounted.
var ErrStale = errors.New("the process's own cgroup does not exist any more")

// Target is a directory to be made.
type Target struct {
	// Keys are the hierarchy's, see cgroups.Manager.GetPaths.
	Keys []string

	// Base exists.
	Base string

	// Names are elements of a path below Base. The last is the container's own,
	// which is no other container's parent.
	Names []string

	// Fill, if it is not nil, is called with each directory of Names and the
	// one above it. The directory may not be new, and yet not filled.
	Fill func(parent, dir *cgdir.Dir, made bool) error
}

// Path returns the container's directory.
func (t Target) Path() string {
	return strings.TrimSuffix(t.Base, "/") + "/" + strings.Join(t.Names, "/")
}

// CheckUnused refuses a cgroup with processes in it: it is another container's,
// and destroying this one would kill them.
func (t Target) CheckUnused() error {
	if !cgroups.PathExists(t.Path()) {
		return nil
	}
	pids, err := cgroups.GetAllPids(t.Path())
	if cgdir.IsGone(err) || err == nil && len(pids) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for processes in the cgroup: %w", err)
	}
	return fmt.Errorf("the cgroup %s is in use by the processes %v: %w", t.Path(), pids, unix.EBUSY)
}

// missingParents returns the directories above the container's that do not exist.
func (t Target) missingParents() (missing []string) {
	dir := strings.TrimSuffix(t.Base, "/")
	for _, name := range t.Names[:len(t.Names)-1] {
		dir += "/" + name
		if len(missing) > 0 || !cgroups.PathExists(dir) {
			missing = append(missing, dir)
		}
	}
	return missing
}

// Plan returns the paths of targets by their keys, and the parents that do not
// exist, each before what is in it. Nothing is made. It refuses a cgroup in use.
func Plan(targets []Target) (paths map[string]string, parents []string, err error) {
	for _, t := range targets {
		if err := t.CheckUnused(); err != nil {
			return nil, nil, err
		}
		parents = append(parents, t.missingParents()...)
	}
	return PathMap(targets), parents, nil
}

// PathMap returns the paths of targets by their keys.
func PathMap(targets []Target) map[string]string {
	paths := make(map[string]string)
	for _, t := range targets {
		for _, key := range t.Keys {
			paths[key] = t.Path()
		}
	}
	return paths
}

// Names returns the elements of Path, or of Parent/Name, and whether that is absolute.
func Names(cg *configs.Cgroup) (names []string, absolute bool, err error) {
	if cg.Path != "" {
		if cg.Parent != "" || cg.Name != "" {
			return nil, false, fmt.Errorf("invalid Cgroups.Path %q: Cgroups.Parent is %q and Cgroups.Name %q; only the one or the others can be set",
				cg.Path, cg.Parent, cg.Name)
		}
		names, err = elements("Path", cg.Path)
		if err == nil && len(names) == 0 {
			err = fmt.Errorf("invalid Cgroups.Path %q: it names no cgroup", cg.Path)
		}
		return names, strings.HasPrefix(cg.Path, "/"), err
	}
	if err := cgdir.CheckName(cg.Name); err != nil {
		return nil, false, fmt.Errorf("invalid Cgroups.Name: %w", err)
	}
	names, err = elements("Parent", cg.Parent)
	return append(names, cg.Name), strings.HasPrefix(cg.Parent, "/"), err
}

// elements splits a path, which is that of a field.
func elements(field, path string) (names []string, err error) {
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." {
			continue
		}
		if err := cgdir.CheckName(name); err != nil {
			return nil, fmt.Errorf("invalid Cgroups.%s %q: %w", field, path, err)
		}
		names = append(names, name)
	}
	return names, nil
}

// Creator makes directories and remembers them.
type Creator struct {
	// Kind is that of the directories.
	Kind cgdir.Kind

	// Made lists what was made, a parent before what is in it.
	Made []string
}

// Create makes the directory of t and its parents.
func (c *Creator) Create(t Target) error {
	base, err := cgdir.Open(t.Base, c.Kind)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", ErrStale, err)
	}
	if err != nil {
		return err
	}
	defer base.Close()
	for range maxCreateTries {
		err = c.descend(base, t, t.Names)
		// A parent that others have just removed is made again.
		if !cgdir.IsGone(err) || !base.Exists("cgroup.procs") {
			break
		}
	}
	return err
}

// descend makes names below dir, one in the other.
func (c *Creator) descend(dir *cgdir.Dir, t Target, names []string) error {
	leaf := len(names) == 1
	made, err := c.mkdir(dir, names[0], leaf)
	if err != nil {
		return err
	}
	if leaf && made && t.Fill == nil {
		return nil
	}
	sub, err := dir.Sub(names[0])
	if err != nil {
		return err
	}
	defer sub.Close()
	if t.Fill != nil {
		if err := t.Fill(dir, sub, made); err != nil {
			return err
		}
	}
	if leaf {
		return nil
	}
	return c.descend(sub, t, names[1:])
}

// mkdir makes the directory name in dir unless it exists, and reports whether
// it did.
func (c *Creator) mkdir(dir *cgdir.Dir, name string, leaf bool) (bool, error) {
	// Parents mostly exist, and leaves mostly do not.
	if !leaf && dir.Exists(name) {
		return false, nil
	}
	err := dir.Mkdir(name)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	c.Made = append(c.Made, dir.Path(name))
	if !leaf {
		mark(dir.Path(name))
	}
	return true, nil
}
