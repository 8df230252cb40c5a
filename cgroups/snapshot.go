package cgroups

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
)

// Hierarchy is a mounted cgroup hierarchy, as seen by the process which took
// the Snapshot.
type Hierarchy struct {
	// Keys names the hierarchy: its controllers, or "name=NAME", or "" for
	// the cgroup v2 hierarchy. There is at least one.
	Keys []string

	// Mountpoint is where the hierarchy is mounted.
	Mountpoint string

	// Root is the cgroup that is visible at Mountpoint, "/" unless the
	// mount shows only a part of the hierarchy.
	Root string

	// Own is the directory of the process's own cgroup, at or below
	// Mountpoint. It is empty if the mount does not show that cgroup.
	Own string

	// Version is 1 or 2.
	Version int
}

// Stage returns the stage of a container's start at which its process enters
// the hierarchy. A hierarchy with any of the controllers of StageExec is
// entered then.
func (h Hierarchy) Stage() Stage {
	if h.Version == 2 {
		return StageSetup
	}
	for _, key := range h.Keys {
		switch key {
		case "devices", "memory", "pids":
			return StageExec
		}
	}
	return StageSetup
}

// Snapshot is what is to know about the cgroups of a machine and a process:
// the mounts, and the process's own cgroups. It does not change once made, and
// may be shared.
type Snapshot struct {
	layout      Layout
	hierarchies []Hierarchy
	own         map[string]string
	mounts      []Mount
}

// CurrentSnapshot returns the snapshot of the calling process. It is taken at
// the first call, and kept if it has any hierarchy; use RenewSnapshot to see
// a later change, such as the process being moved to another cgroup.
func CurrentSnapshot() (*Snapshot, error) {
	current.Lock()
	defer current.Unlock()
	if current.snapshot != nil {
		return current.snapshot, nil
	}
	return renew()
}

// RenewSnapshot takes the snapshot that CurrentSnapshot returns from now on.
func RenewSnapshot() (*Snapshot, error) {
	current.Lock()
	defer current.Unlock()
	return renew()
}

// current is a cache of facts about the process.
var current struct {
	sync.Mutex
	snapshot *Snapshot
}

func renew() (*Snapshot, error) {
	s, err := ReadSnapshot()
	if err != nil {
		return nil, err
	}
	if len(s.hierarchies) > 0 { // else they may be mounted yet
		current.snapshot = s
	}
	return s, nil
}

// findCurrent looks a key up in the current snapshot. What that does not have may have been
// mounted since.
func findCurrent(key string) (Hierarchy, error) {
	s, err := CurrentSnapshot()
	if err != nil {
		return Hierarchy{}, err
	}
	h, err := s.Find(key)
	if !IsNotFound(err) {
		return h, err
	}
	if s, err = RenewSnapshot(); err != nil {
		return Hierarchy{}, err
	}
	return s.Find(key)
}

// ReadSnapshot parses /proc/self/mountinfo and /proc/self/cgroup.
func ReadSnapshot() (*Snapshot, error) {
	mountinfo, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer mountinfo.Close()
	own, err := os.Open("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	defer own.Close()
	return NewSnapshot(mountinfo, own)
}

// NewSnapshot makes a snapshot of the given contents of the files
// /proc/[pid]/mountinfo and /proc/[pid]/cgroup, see proc(5) and cgroups(7).
func NewSnapshot(mountinfo, cgroup io.Reader) (*Snapshot, error) {
	entries, err := parseMountinfo(mountinfo)
	if err != nil {
		return nil, err
	}
	own, err := parseCgroup(cgroup)
	if err != nil {
		return nil, fmt.Errorf("cgroup file: %w", err)
	}
	s := &Snapshot{own: own}
	for _, e := range entries {
		s.add(e)
	}
	s.layout = detectLayout(entries)
	return s, nil
}

// add adds a mount. Of several mounts of one hierarchy, the first that shows
// the process's own cgroup stands for the hierarchy.
func (s *Snapshot) add(e mountEntry) {
	h := Hierarchy{Mountpoint: e.mountpoint, Root: e.root, Version: 2, Keys: []string{""}}
	if e.fsType == fsTypeV1 {
		h.Version, h.Keys = 1, s.keysOf(e)
		if len(h.Keys) == 0 {
			return
		}
		s.mounts = append(s.mounts, Mount{Mountpoint: e.mountpoint, Root: e.root, Subsystems: slices.Clone(h.Keys)})
	}
	h.Own = ownDir(h, s.own)
	i := slices.IndexFunc(s.hierarchies, func(known Hierarchy) bool {
		return known.Version == h.Version && slices.Contains(known.Keys, h.Keys[0])
	})
	switch {
	case i < 0:
		s.hierarchies = append(s.hierarchies, h)
	case s.hierarchies[i].Own == "" && h.Own != "":
		s.hierarchies[i] = h
	}
}

// keysOf returns the keys of a v1 mount. Its options also tell other things
// ("rw", "xattr"); those which are keys are found in the process's cgroup
// file, which lists every hierarchy.
func (s *Snapshot) keysOf(e mountEntry) []string {
	var keys []string
	for _, opt := range e.superOpts {
		if _, known := s.own[opt]; known && opt != "" {
			keys = append(keys, opt)
		}
	}
	return keys
}

// ownDir returns the directory of the process's own cgroup in h.
func ownDir(h Hierarchy, own map[string]string) string {
	rel, err := relativeTo(h.Root, own[h.Keys[0]])
	if err != nil {
		return ""
	}
	return path.Join(h.Mountpoint, rel)
}

// relativeTo returns the path of the cgroup dir below the cgroup root. In a
// cgroup namespace both may start with /.., and then name a cgroup outside of
// the namespace.
func relativeTo(root, dir string) (string, error) {
	if dir == "" {
		return "", errors.New("no cgroup")
	}
	if root == "/" {
		if dir == "/.." || strings.HasPrefix(dir, "/../") {
			return "", fmt.Errorf("cgroup %s is outside of the mount's root %s", dir, root)
		}
		return strings.TrimPrefix(dir, "/"), nil
	}
	rel, below := strings.CutPrefix(dir, root)
	if !below || (rel != "" && rel[0] != '/') {
		return "", fmt.Errorf("cgroup %s is outside of the mount's root %s", dir, root)
	}
	return strings.TrimPrefix(rel, "/"), nil
}

// Layout returns the machine's layout.
func (s *Snapshot) Layout() Layout {
	return s.layout
}

// Hierarchies returns the mounted hierarchies, in the order of mounting. The
// result must not be changed.
func (s *Snapshot) Hierarchies() []Hierarchy {
	return s.hierarchies
}

// Find returns the hierarchy of a key: a controller, "name=NAME", or "" for
// cgroup v2. If there is none the error is a NotFoundError.
func (s *Snapshot) Find(key string) (Hierarchy, error) {
	for _, h := range s.hierarchies {
		if slices.Contains(h.Keys, key) {
			return h, nil
		}
	}
	return Hierarchy{}, NewNotFoundError(key)
}
