// The host's side: what criu gets of the host at a restore, in a mount namespace of its own:
// the root file system and the mounts that are the host's.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	securejoin "github.com/cyphar/filepath-securejoin"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/criurpc"
	"github.com/libcontainer/libcontainer/internal/thread"
)

// restoreHost is what criu is given. Its paths are those of criu's mount namespace.
type restoreHost struct {
	root    string
	yard    string // the hierarchies of cgroups, "" if criu mounts them
	mounts  []hostMount
	images  *os.File
	work    *os.File
	release chan struct{} // ends the thread that has forked criu
	held    bool
}

// hostMount is the source of an external mount.
type hostMount struct {
	index  int    // in the record
	source string // on the host
	within string // if not "": source lies in this directory, in which links are not followed
	place  string // where criu finds it
	tree   int    // what lies there, if it is to be a peer of the host's again
	id     fileID
}

// fileID tells a file or directory from others.
type fileID struct {
	dev, inode, rdev uint64
	dir              bool
}

func (h *restoreHost) externals() (out []string) {
	for _, m := range h.mounts {
		out = append(out, "mnt["+externalKey(m.index)+"]:"+m.place)
	}
	return out
}

// done is called when criu has ended.
func (h *restoreHost) done() {
	h.images.Close()
	h.work.Close()
	if !h.held {
		close(h.release)
	}
}

// outlive keeps the thread that has forked criu until init has ended, if that is to get
// a signal when its parent ends: of a process of many threads the kernel takes the end of one
// for that (PR_SET_PDEATHSIG in prctl(2)).
func (h *restoreHost) outlive(run *runningProcess) {
	h.held = true
	go func() {
		<-run.ended
		close(h.release)
	}()
}

// newHost finds the source of each external mount in the configuration.
func (r *restore) newHost() (*restoreHost, error) {
	h := &restoreHost{release: make(chan struct{})}
	s := &sources{config: r.config, paths: r.driver.GetPaths()}
	if r.process.console != nil {
		s.console = r.stdio.files[0].Name()
	}
	if err := s.resolve(); err != nil {
		return nil, err
	}
	for i, m := range r.record.Mounts {
		if !m.External {
			continue
		}
		source, within, err := s.of(m)
		if err != nil {
			return nil, fmt.Errorf("mount %s: %w", m.Point, err)
		}
		h.mounts = append(h.mounts, hostMount{index: i, source: source, within: within})
	}
	return h, nil
}

// sources finds what is mounted in a container of the host's, by the configuration.
type sources struct {
	config *configs.Config
	paths  map[string]string // of the cgroups
	binds  []boundMount

	console string // the slave of the process's terminal if that is one of the host's
}

// boundMount is a bind mount of the configuration, or what is bound for it.
type boundMount struct {
	point     string // in the container, with all links resolved
	source    string
	recursive bool
}

func (s *sources) resolve() error {
	for _, m := range s.config.Mounts {
		if m.IsBind() && m.Flags&unix.MS_REMOUNT == 0 {
			if err := s.add(m.Destination, m.Source, m.Flags&unix.MS_REC != 0); err != nil {
				return err
			}
		}
		if m.Device == "sysfs" { // one is bound where a new one is refused
			if err := s.add(m.Destination, "/sys", true); err != nil {
				return err
			}
		}
	}
	for _, d := range s.config.Devices {
		if err := s.add(d.Path, d.Path, false); err != nil {
			return err
		}
	}
	for _, p := range expandMasks(s.config.MaskPaths, filepath.Glob) {
		if err := s.add(p, os.DevNull, false); err != nil {
			return err
		}
	}
	return nil
}

func (s *sources) add(point, source string, recursive bool) error {
	full, err := securejoin.SecureJoin(s.config.Rootfs, point)
	if err != nil {
		return fmt.Errorf("find %s in the root file system: %w", point, err)
	}
	resolved := path.Clean("/" + strings.TrimPrefix(full, s.config.Rootfs))
	s.binds = append(s.binds, boundMount{resolved, source, recursive})
	if clean := path.Clean("/" + point); clean != resolved {
		// A mount of the configuration may cover the link.
		s.binds = append(s.binds, boundMount{clean, source, recursive})
	}
	return nil
}

// of finds the source of a mount: that of the last bind mount at its point, or the nearest
// one that has brought it along with it. Such a one lies within what the container can write:
// on the way to it there may be links of the container's.
func (s *sources) of(m checkpointMount) (source, within string, err error) {
	if m.Type == "cgroup" || m.Type == "cgroup2" {
		source, err = s.cgroup(m)
		return source, "", err
	}
	if m.Point == "/dev/console" && m.Type == "devpts" && s.console != "" {
		return s.console, "", nil
	}
	for _, b := range slices.Backward(s.binds) {
		if b.point == m.Point {
			return b.source, "", nil
		}
	}
	// Nothing lies nearer than what the root file system has brought along.
	nearest := boundMount{"/", s.config.Rootfs, true}
	for _, b := range s.binds {
		if _, ok := below(m.Point, b.point); ok && b.recursive && len(b.point) > len(nearest.point) {
			nearest = b
		}
	}
	rel, _ := below(path.Clean("/"+m.Point), nearest.point)
	source = filepath.Join(nearest.source, rel)
	if nearest.point != "/" {
		return source, nearest.source, nil
	}
	fd, err := openBeneath(nearest.source, source)
	if err == nil {
		defer unix.Close(fd)
		if mounted, err := isMountPoint(fd); err == nil && mounted {
			return source, nearest.source, nil
		}
	}
	return "", "", invalid(fmt.Errorf("it is one of the host's (%s), and no mount, device or mask of the configuration explains it", m.Type))
}

func below(p, dir string) (rel string, ok bool) {
	if dir == "/" {
		return strings.TrimPrefix(p, "/"), p != "/"
	}
	return strings.CutPrefix(p, dir+"/")
}

// openBeneath opens what a path below a directory leads to without any link.
func openBeneath(dir, name string) (int, error) {
	rel, err := filepath.Rel(dir, name)
	if err != nil {
		return -1, err
	}
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(root)
	fd, err := unix.Openat2(root, rel, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return fd, nil
}

func isMountPoint(fd int) (bool, error) {
	var st unix.Statx_t
	if err := unix.Statx(fd, "", unix.AT_EMPTY_PATH, 0, &st); err != nil {
		return false, err
	}
	return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
}

// cgroup finds the container's own cgroup in a hierarchy.
func (s *sources) cgroup(m checkpointMount) (string, error) {
	mounted := slices.ContainsFunc(s.config.Mounts, func(m *configs.Mount) bool {
		return m.Device == "cgroup" || m.Device == "cgroup2" || m.IsBind()
	})
	if !mounted {
		return "", invalid(errors.New("it is a hierarchy of cgroups, and the configuration mounts none"))
	}
	if m.Type == "cgroup2" {
		if p := s.paths[""]; p != "" {
			return p, nil
		}
	}
	for _, option := range strings.Split(m.Super, ",") {
		if p := s.paths[option]; p != "" {
			return p, nil
		}
	}
	return "", invalid(fmt.Errorf("it is a hierarchy of cgroups (%s) in which the container has none", m.Super))
}

// startCriu forks criu in a mount namespace of its own, from a thread of its own that has no
// other use. Nothing of it is seen by the host, and whatever is mounted there goes with criu.
func (r *restore) startCriu() error {
	started := make(chan error)
	thread.Go(func() {
		err := r.enterHost()
		if err == nil {
			err = r.forkCriu()
		}
		started <- err
		if err == nil {
			<-r.host.release
		}
	})
	err := <-started
	if err != nil {
		r.host.images.Close()
		r.host.work.Close()
	}
	return err
}

func (r *restore) forkCriu() (err error) {
	lock, err := r.c.dir.LockFile()
	if err != nil {
		return err
	}
	defer lock.Close()
	files := []*os.File{r.host.images, r.host.work, lock}
	for _, f := range r.inherit {
		files = append(files, f.File)
	}
	criu := r.c.factory.criu()
	criu.SameSession = r.opts.ShellJob
	r.criu, err = criu.Start(files...)
	return err
}

// enterHost puts the calling thread into a mount namespace in which all is that criu needs
// of the host, each thing found once by its path and then held.
func (r *restore) enterHost() error {
	// In the host's own mount namespace, whose copy is all slaves: what is a peer of the host's stays one.
	trees, err := r.openSources()
	for _, fd := range trees {
		r.closers = append(r.closers, os.NewFile(uintptr(fd), "source"))
	}
	if err != nil {
		return err
	}
	if err := ownMounts(); err != nil {
		return err
	}
	// Criu takes directories of its own mount namespace only.
	if r.host.images, err = reopen(r.images.File(), r.opts.ImagesDirectory); err != nil {
		return fmt.Errorf("directory of images: %w", err)
	}
	if r.host.work, err = reopen(r.work, r.work.Name()); err != nil {
		return fmt.Errorf("work directory: %w", err)
	}
	if err := r.makePlaces(trees[0]); err != nil {
		return err
	}
	return r.placeSources(trees)
}

// reopen opens a directory by its path, and makes sure that it is the same.
func reopen(dir *os.File, name string) (*os.File, error) {
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	f := os.NewFile(uintptr(fd), name)
	same, err := sameFile(dir, f)
	if err == nil && !same {
		err = fmt.Errorf("%s has been exchanged: %w", name, unix.ESTALE)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func sameFile(a, b *os.File) (bool, error) {
	x, err := a.Stat()
	if err != nil {
		return false, err
	}
	y, err := b.Stat()
	if err != nil {
		return false, err
	}
	return os.SameFile(x, y), nil
}

// openSources copies the root's mount, and then those of the sources.
func (r *restore) openSources() (trees []int, err error) {
	open := func(name, within string) error {
		const flags = unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC
		at, path := unix.AT_FDCWD, name
		if within != "" {
			if at, err = openBeneath(within, name); err != nil {
				return err
			}
			defer unix.Close(at)
			path = ""
		}
		fd, err := unix.OpenTree(at, path, flags|unix.AT_EMPTY_PATH)
		if err != nil {
			return &os.PathError{Op: "open_tree", Path: name, Err: err}
		}
		trees = append(trees, fd)
		return nil
	}
	if err := open(r.config.Rootfs, ""); err != nil {
		return trees, fmt.Errorf("root file system: %w", err)
	}
	for i := range r.host.mounts {
		m := &r.host.mounts[i]
		if err := open(m.source, m.within); err != nil {
			return trees, fmt.Errorf("mount %s: %w", r.record.Mounts[m.index].Point, err)
		}
		if m.id, err = identify(trees[len(trees)-1]); err != nil {
			return trees, fmt.Errorf("mount %s: %w", r.record.Mounts[m.index].Point, err)
		}
		if m.source == os.DevNull && (m.id.rdev != unix.Mkdev(nullMajor, nullMinor)) {
			return trees, fmt.Errorf("the host's %s is another file: %w", os.DevNull, unix.EEXIST)
		}
	}
	return trees, nil
}

// placeSources lays the trees out where criu sees nothing but them, in its own mount namespace:
// that of the host is not touched.
func (r *restore) placeSources(trees []int) error {
	base, err := r.hideTmp()
	if err != nil {
		return err
	}
	if err := mountTmpfs(base); err != nil {
		return err
	}
	r.host.root = filepath.Join(base, "root")
	if err := placeTree(trees[0], r.host.root, true); err != nil {
		return fmt.Errorf("root file system: %w", err)
	}
	for i := range r.host.mounts {
		m := &r.host.mounts[i]
		m.place = filepath.Join(base, strconv.Itoa(m.index))
		if err := placeTree(trees[i+1], m.place, m.id.dir); err != nil {
			return fmt.Errorf("mount %s: %w", r.record.Mounts[m.index].Point, err)
		}
		if r.record.Mounts[m.index].Peer {
			m.tree = trees[i+1]
		}
	}
	if err := r.setPropagation(); err != nil {
		return err
	}
	r.host.yard, err = mountYard(base)
	return err
}

// setPropagation makes slaves of the sources, but of those whose mounts were peers of the host's: these
// get its peer group again (see restoredMount.rejoin). Criu wants a group where there was one. If the host has
// none now the sources have one of their own, which ends with criu.
func (r *restore) setPropagation() error {
	mounts, err := readThreadMounts()
	if err != nil {
		return err
	}
	alone := make(map[string]bool)
	for _, m := range mounts {
		peers, master := groupsOf(m)
		alone[m.Mountpoint] = peers == 0 && master == 0
	}
	set := func(place string, was checkpointMount) error {
		flags := uintptr(unix.MS_SLAVE)
		switch {
		case !was.Peer && !was.Slave:
		case alone[place]:
			flags = unix.MS_SHARED
		case was.Peer:
			return nil
		}
		if err := unix.Mount("", place, "", flags, ""); err != nil {
			return fmt.Errorf("mount %s: set its propagation: %w", was.Point, err)
		}
		return nil
	}
	for _, m := range r.host.mounts {
		if err := set(m.place, r.record.Mounts[m.index]); err != nil {
			return err
		}
	}
	root := slices.IndexFunc(r.record.Mounts, func(m checkpointMount) bool { return m.Point == "/" })
	if root < 0 {
		return fmt.Errorf("the images have no root mount: %w", unix.EBADMSG)
	}
	return set(r.host.root, r.record.Mounts[root])
}

func mountTmpfs(name string) error {
	if err := unix.Mount("tmpfs", name, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=711"); err != nil {
		return fmt.Errorf("mount tmpfs on %s: %w", name, err)
	}
	return nil
}

func placeTree(tree int, name string, dir bool) error {
	var err error
	if dir {
		err = os.Mkdir(name, 0o700)
	} else {
		err = os.WriteFile(name, nil, 0o600)
	}
	if err != nil {
		return err
	}
	if err := unix.MoveMount(tree, "", unix.AT_FDCWD, name, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return &os.PathError{Op: "move_mount", Path: name, Err: err}
	}
	return nil
}

// hideTmp gives criu a /tmp where what it makes vanishes with its mount namespace: criu leaves
// directories there when it is killed. The files of the host's are still seen. It returns an
// empty directory that nobody else uses: one in there, since the root user of a user namespace
// must reach what lies in it, and cannot enter the directory of the state.
//
// Where overlay cannot do that criu has the host's /tmp, and the directory is the container's own
// of the state.
func (r *restore) hideTmp() (string, error) {
	base := r.c.root
	if err := mountTmpfs(base); err != nil {
		return "", err
	}
	upper, work := filepath.Join(base, "upper"), filepath.Join(base, "work")
	for _, name := range []string{upper, work} {
		if err := os.Mkdir(name, 0o700); err != nil {
			return "", err
		}
	}
	if err := os.Chmod(upper, 0o777|os.ModeSticky); err != nil {
		return "", err
	}
	if err := overlayTmp(base); err != nil {
		return base, nil //nolint:nilerr // see above
	}
	return os.MkdirTemp("/tmp", ".libcontainer-restore-")
}

// overlayTmp names the directories relative to the calling thread's working directory: what
// separates options of overlay may be in a path.
func overlayTmp(base string) error {
	here, err := unix.Open(".", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(here)
	if err := unix.Chdir(base); err != nil {
		return err
	}
	err = unix.Mount("overlay", "/tmp", "overlay", unix.MS_NOSUID|unix.MS_NODEV, "lowerdir=/tmp,upperdir=upper,workdir=work")
	return errors.Join(err, unix.Fchdir(here))
}

// identify tells which file a descriptor is of.
func identify(fd int) (fileID, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fileID{}, os.NewSyscallError("fstat", err)
	}
	return fileID{dev: st.Dev, inode: st.Ino, rdev: st.Rdev, dir: st.Mode&unix.S_IFMT == unix.S_IFDIR}, nil
}

// criu tells how criu is executed.
func (l *LinuxFactory) criu() *criurpc.Criu { return &criurpc.Criu{Path: l.CriuPath} }
