// Sub-cgroups of a container's cgroups, in which a further process begins.

package libcontainer

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
)

// inSubCgroup tells whether the process begins in other cgroups than the container's.
func (p *Process) inSubCgroup() bool { return p.SubCgroup != "" || len(p.SubCgroups) > 0 }

// checkSubCgroups refuses what does not lead below the container's cgroups.
func checkSubCgroups(p *Process) error {
	check := func(field, path string) error {
		if !filepath.IsLocal(path) || filepath.Clean(path) == "." || strings.ContainsRune(path, 0) {
			return fmt.Errorf("%s %q is not a path below the container's cgroup", field, path)
		}
		return nil
	}
	if p.SubCgroup != "" {
		if err := check("SubCgroup", p.SubCgroup); err != nil {
			return err
		}
	}
	for _, controller := range slices.Sorted(maps.Keys(p.SubCgroups)) {
		if err := check(fmt.Sprintf("SubCgroups[%q]", controller), p.SubCgroups[controller]); err != nil {
			return err
		}
	}
	return nil
}

// subCgroups gives for each cgroup of the container, by its path, the one below it in which
// the process begins, "" for itself.
func (p *Process) subCgroups(paths map[string]string) (subs map[string]string, err error) {
	subs = make(map[string]string)
	for _, path := range paths {
		subs[path] = p.SubCgroup
	}
	for _, controller := range slices.Sorted(maps.Keys(p.SubCgroups)) {
		path, ok := paths[controller]
		if !ok {
			return nil, fmt.Errorf("SubCgroups[%q]: the container has no cgroup of that controller", controller)
		}
		sub := p.SubCgroups[controller]
		if other := subs[path]; other != p.SubCgroup && other != sub {
			return nil, fmt.Errorf("SubCgroups[%q] is %q, and another controller of the same hierarchy has %q", controller, sub, other)
		}
		subs[path] = sub
	}
	return subs, nil
}

// openSubCgroups opens the files by which a further process enters its cgroups, or the host
// moves it there.
func (st *starting) openSubCgroups() error {
	paths := st.driver.GetPaths()
	subs, err := st.process.subCgroups(paths)
	if err != nil {
		return invalid(err)
	}
	for _, path := range slices.Sorted(maps.Keys(subs)) {
		if path == paths[""] && subs[path] == "" && st.plan.privileged {
			if err := st.openUnified(); err != nil {
				return err
			}
			continue
		}
		name := "cgroup.procs"
		if path != paths[""] && st.plan.privileged {
			name = "tasks" // see Driver.EntryFiles
		}
		f, err := openSubCgroup(path, subs[path], name)
		if err != nil {
			return err
		}
		st.closers = append(st.closers, f)
		if st.plan.privileged {
			st.plan.execFiles = append(st.plan.execFiles, f)
		} else {
			st.moveFiles = append(st.moveFiles, f)
		}
	}
	return nil
}

// openSubCgroup opens a file of a cgroup below another one. The container may make them,
// and remove them, but no links: only the way to its own cgroup is somebody else's.
func openSubCgroup(path, sub, name string) (*os.File, error) {
	dir, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(dir)
	how := unix.OpenHow{
		Flags:   unix.O_WRONLY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	fd, err := unix.Openat2(dir, filepath.Join(sub, name), &how)
	full := filepath.Join(path, sub, name)
	if errors.Is(err, unix.ENOENT) && sub != "" {
		return nil, invalid(fmt.Errorf("enter sub-cgroup %q: %w (it must be there before the process)", sub,
			&os.PathError{Op: "open", Path: full, Err: err}))
	}
	if err != nil {
		return nil, fmt.Errorf("enter sub-cgroup %q: %w", sub, &os.PathError{Op: "open", Path: full, Err: err})
	}
	return os.NewFile(uintptr(fd), full), nil
}

// moveIn moves a further process into its cgroups: the container's, or those below.
func (st *starting) moveIn(pid int) error {
	if !st.process.inSubCgroup() {
		if err := st.driver.Enter(pid, cgroups.StageSetup); err != nil {
			return err
		}
		return st.driver.Enter(pid, cgroups.StageExec)
	}
	for _, f := range st.moveFiles {
		if _, err := f.WriteString(strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("enter sub-cgroup: %w", err)
		}
	}
	return nil
}
