//go:build linux

package fs

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/configs"
)

// maxCreateTries bounds how often a directory is made anew because somebody
// removed a parent at the same time.
const maxCreateTries = 100

// target is a directory to be made: names below base, the last of which is the
// container's own.
type target struct {
	keys  []string
	base  string
	names []string
}

// path returns the container's directory.
func (t target) path() string {
	return strings.TrimSuffix(t.base, "/") + "/" + strings.Join(t.names, "/")
}

// Plan returns what GetPaths will return after Create, and those parents that do
// not exist yet, each before what is in it; it makes nothing. It lets a caller
// record the directories before they exist, so that they can be collected
// whenever the caller dies: a Manager with such Paths, which adopts such parents,
// can Destroy them whether or not they were made.
func (m *Manager) Plan() (paths map[string]string, parents []string, err error) {
	if m.Cgroups == nil {
		return map[string]string{}, nil, nil
	}
	if m.joins() {
		return maps.Clone(m.Cgroups.Paths), nil, nil
	}
	s, err := m.currentSnapshot()
	if err != nil {
		return nil, nil, err
	}
	targets, err := plan(s, m.Cgroups)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range targets {
		if err := t.checkUnused(); err != nil {
			return nil, nil, err
		}
		parents = append(parents, t.missingParents()...)
	}
	return pathMap(targets), parents, nil
}

// checkUnused refuses a cgroup with processes in it: it is another container's,
// and destroying this one would kill them.
func (t target) checkUnused() error {
	if !cgroups.PathExists(t.path()) {
		return nil
	}
	pids, err := cgroups.GetAllPids(t.path())
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(pids) == 0 {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for processes in the cgroup: %w", err)
	}
	return fmt.Errorf("the cgroup %s is in use by the processes %v: %w", t.path(), pids, unix.EBUSY)
}

// missingParents returns the directories above the container's that do not exist.
func (t target) missingParents() (missing []string) {
	dir := strings.TrimSuffix(t.base, "/")
	for _, name := range t.names[:len(t.names)-1] {
		dir += "/" + name
		if len(missing) > 0 || !cgroups.PathExists(dir) {
			missing = append(missing, dir)
		}
	}
	return missing
}

// create makes the cgroups and sets Paths. It returns the directories it made.
// The caller holds ops.
func (m *Manager) create() ([]string, error) {
	if m.joins() {
		return nil, m.joinExisting()
	}
	s, err := m.currentSnapshot()
	if err != nil {
		return nil, err
	}
	made, err := m.createIn(s)
	if errors.Is(err, errStaleSnapshot) && m.snapshot == nil {
		// The process was moved and its former cgroup removed, or a
		// hierarchy was unmounted.
		if s, err = cgroups.ReadSnapshot(); err != nil {
			return nil, err
		}
		made, err = m.createIn(s)
	}
	return made, err
}

func (m *Manager) currentSnapshot() (*cgroups.Snapshot, error) {
	if m.snapshot != nil {
		return m.snapshot, nil
	}
	return cgroups.CurrentSnapshot()
}

// createIn makes the cgroups in the hierarchies of s.
func (m *Manager) createIn(s *cgroups.Snapshot) ([]string, error) {
	targets, err := plan(s, m.Cgroups)
	if err != nil {
		return nil, err
	}
	c := creator{kind: m.kind}
	usable := targets[:0]
	for _, t := range targets {
		err := c.create(t)
		if m.Cgroups.Optional && notPermitted(err) {
			m.refuse(t.keys, err)
			continue
		}
		if err != nil {
			m.removeMade(c.made)
			return nil, fmt.Errorf("make the cgroup for %s: %w", strings.Join(t.keys, ","), err)
		}
		usable = append(usable, t)
	}
	m.made = append(m.made, c.made...)
	m.devices = deviceState{known: c.freshDevices}
	m.setPaths(pathMap(usable))
	return c.made, nil
}

// joinExisting takes over the paths of the configuration, which must exist.
func (m *Manager) joinExisting() error {
	for key, path := range m.Cgroups.Paths {
		err := m.withDir(path, func(*cgdir.Dir) error { return nil })
		if err != nil {
			return fmt.Errorf("join the cgroup for %s: %w", key, err)
		}
	}
	m.setPaths(maps.Clone(m.Cgroups.Paths))
	return nil
}

// undoCreate undoes a create which had returned made.
func (m *Manager) undoCreate(made []string, paths map[string]string) {
	m.removeMade(made)
	m.made = m.made[:len(m.made)-len(made)]
	m.devices = deviceState{}
	m.setPaths(paths)
}

// MadeParents returns the parents of the container's cgroups that this manager
// has made, each before what is in it.
func (m *Manager) MadeParents() []string {
	m.ops.Lock()
	defer m.ops.Unlock()
	leaves := slices.Collect(maps.Values(m.GetPaths()))
	return slices.DeleteFunc(slices.Clone(m.made), func(path string) bool { return slices.Contains(leaves, path) })
}

// AdoptParents makes Destroy remove parents that an earlier manager has made, as
// its MadeParents told. Paths that do not lead to the container's cgroups are
// ignored.
func (m *Manager) AdoptParents(parents []string) {
	m.ops.Lock()
	defer m.ops.Unlock()
	leaves := slices.Collect(maps.Values(m.GetPaths()))
	for _, parent := range parents {
		if slices.ContainsFunc(leaves, func(leaf string) bool { return strings.HasPrefix(leaf, parent+"/") }) {
			m.made = append(m.made, parent)
		}
	}
}

// removeMade removes directories in the reverse of the order they were made
// in. One that is used by others stays; one that is gone does not matter.
func (m *Manager) removeMade(made []string) {
	for _, path := range slices.Backward(made) {
		// Not RemovePaths: what is below belongs to somebody else.
		_ = unix.Rmdir(path)
	}
}

// plan computes the directories of a container.
func plan(s *cgroups.Snapshot, cg *configs.Cgroup) ([]target, error) {
	if s.Layout() == cgroups.LayoutV2 {
		return nil, errors.New("cgroups/fs: the machine has only cgroup v2 mounted; this manager is for cgroup v1 and the hybrid layout")
	}
	names, absolute, err := containerNames(cg)
	if err != nil {
		return nil, err
	}
	var targets []target
	for _, h := range s.Hierarchies() {
		base := h.Own
		if absolute {
			base = h.Mountpoint
		}
		if base == "" {
			return nil, fmt.Errorf("the mount %s does not show this process's own cgroup for %s; an absolute Cgroups.Parent is needed",
				h.Mountpoint, strings.Join(h.Keys, ","))
		}
		targets = append(targets, target{keys: h.Keys, base: base, names: names})
	}
	if len(targets) == 0 {
		return nil, cgroups.NewNotFoundError("")
	}
	return targets, nil
}

// containerNames returns the elements of the path Parent/Name, and whether
// Parent is absolute.
func containerNames(cg *configs.Cgroup) (names []string, absolute bool, err error) {
	if err := cgdir.CheckName(cg.Name); err != nil {
		return nil, false, fmt.Errorf("invalid Cgroups.Name: %w", err)
	}
	for name := range strings.SplitSeq(cg.Parent, "/") {
		if name == "" || name == "." {
			continue
		}
		if err := cgdir.CheckName(name); err != nil {
			return nil, false, fmt.Errorf("invalid Cgroups.Parent %q: %w", cg.Parent, err)
		}
		names = append(names, name)
	}
	return append(names, cg.Name), strings.HasPrefix(cg.Parent, "/"), nil
}

func pathMap(targets []target) map[string]string {
	paths := make(map[string]string)
	for _, t := range targets {
		for _, key := range t.keys {
			paths[key] = t.path()
		}
	}
	return paths
}

// errStaleSnapshot says that a directory that should always exist does not.
var errStaleSnapshot = errors.New("the process's own cgroup does not exist any more")

// creator makes directories and remembers them.
type creator struct {
	kind         cgdir.Kind
	made         []string
	freshDevices bool
}

// create makes the directory of t and its parents.
func (c *creator) create(t target) error {
	base, err := cgdir.Open(t.base, c.kind)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", errStaleSnapshot, err)
	}
	if err != nil {
		return err
	}
	defer base.Close()
	for range maxCreateTries {
		err = c.descend(base, t, t.names)
		// A parent that others have just removed is made again.
		if !cgdir.IsGone(err) || !base.Exists("cgroup.procs") {
			break
		}
	}
	return err
}

// descend makes names below dir, one in the other.
func (c *creator) descend(dir *cgdir.Dir, t target, names []string) error {
	leaf := len(names) == 1
	made, err := c.mkdir(dir, names[0], leaf)
	if err != nil {
		return err
	}
	cpuset := slices.Contains(t.keys, "cpuset")
	if leaf && slices.Contains(t.keys, "devices") {
		c.freshDevices = made
	}
	if leaf && made && !cpuset {
		return nil
	}
	sub, err := dir.Sub(names[0])
	if err != nil {
		return err
	}
	defer sub.Close()
	if cpuset {
		if err := inheritCpuset(dir, sub, made); err != nil {
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
func (c *creator) mkdir(dir *cgdir.Dir, name string, leaf bool) (bool, error) {
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
	c.made = append(c.made, dir.Path(name))
	if !leaf {
		mark(dir.Path(name))
	}
	return true, nil
}
