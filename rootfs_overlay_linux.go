// Config.Overlay: a root file system of layers, as operations of init.
//
// Each layer is a mount of its own, in a directory of a tmpfs that lies on / until the overlay
// is there: so no path of the host has to be written as an option, with escapes and in
// less than a page, what is mounted below a layer is not in it, and its ids can be mapped.
// Kernels before Linux 6.15 take only layers that are mounted in the mount namespace.

package libcontainer

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

// upperPlace is the mount with the upper layer, beside those of the lower ones, which are
// numbered.
const upperPlace = "upper"

// How many files an upper layer in memory may have, about as much memory as their
// contents.
const (
	minInodes     = 1024
	bytesPerInode = 1024
)

// overlay is the making of a root of layers.
type overlay struct {
	*rootfs
	config *configs.Overlay
	slash  program.Reg // /, which the root will lie on
	place  program.Reg // the tmpfs with the layers

	upper, work         program.Reg
	upperName, workName string // their paths in the mount of the upper layer

	options []string

	// kept are 1 if a layer's mount has that protection, which the overlay's gets.
	kept [3]program.Reg
}

// protections are what protects the files of a mount, by its names in statfs(2) and
// mount_setattr(2).
var protections = [3]struct {
	flag int
	attr uint64
}{
	{unix.ST_NOSUID, unix.MOUNT_ATTR_NOSUID},
	{unix.ST_NODEV, unix.MOUNT_ATTR_NODEV},
	{unix.ST_NOEXEC, unix.MOUNT_ATTR_NOEXEC},
}

// openOverlay mounts the layers, the overlay of them, and that on /.
func (r *rootfs) openOverlay() {
	out := r.In("make the root of layers")
	defer out()
	o := &overlay{rootfs: r, config: r.plan.config.Overlay, slash: r.openSlash()}
	r.root, r.onTop = r.Reg(), r.Reg()
	o.place = r.newMount("tmpfs", "tmpfs", []string{"mode=700"}, unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC)
	r.attach(o.place, o.slash)
	for i := range o.kept {
		o.kept[i] = r.Reg()
		r.Add(o.kept[i], num(0), num(0))
	}
	// The root of the whole is the upper layer's, and in memory it is to look like that of the image.
	mode, uid, gid := r.Reg(), r.Reg(), r.Reg()
	for i, name := range o.config.Lower {
		tree := o.openLayer("layer", name, treeFlags{noLinks: true})
		if i == 0 {
			st := r.stat(tree)
			r.LoadInto(mode, st.At(statxMode), 2)
			r.LoadInto(uid, st.At(statxUid), 4)
			r.LoadInto(gid, st.At(statxGid), 4)
		}
		o.keep(strconv.Itoa(i), tree)
	}
	if o.config.Memory > 0 {
		o.upperInMemory(mode, uid, gid)
	} else {
		o.upperOnDisk()
	}
	r.Free(mode, uid, gid)
	o.setOptions()
	o.mount()
	o.protect()
	r.Close(o.upper)
	r.Close(o.work)
	// The overlay has its own references to the layers.
	r.Do("change to the layers", unix.SYS_FCHDIR, o.place.Arg())
	r.Do("unmount the layers", unix.SYS_UMOUNT2, r.String("."), num(unix.MNT_DETACH))
	r.Do("change to /", unix.SYS_CHDIR, r.String("/"))
	r.Close(o.place)
	r.attach(r.root, o.slash)
	r.setPropagation(r.root, unix.MS_SLAVE)
	r.Add(r.onTop, num(1), num(0))
	r.Close(o.slash)
}

// openLayer copies the mount of a directory of the host, with its ids mapped if that is asked for.
func (o *overlay) openLayer(what, name string, how treeFlags) program.Reg {
	out := o.In(what + " " + name)
	defer out()
	tree := o.Reg()
	closed, opened := o.Label(), o.Label()
	o.Blame(true)
	dir := o.openHostDir(name)
	if o.plan.inUserNS() {
		o.Or(closed, unix.EACCES)
	}
	o.Blame(false)
	o.Set(tree, "open_tree", unix.SYS_OPEN_TREE, dir.Arg(), o.String(""), num(how.flags()|unix.AT_EMPTY_PATH))
	locked := o.Label()
	if o.plan.inUserNS() {
		// A mount of the host's is below, which a user namespace may not leave out.
		o.Or(locked, unix.EINVAL)
	}
	o.Close(dir)
	o.Bind(opened)
	if o.plan.inUserNS() {
		o.Later(func() {
			o.Bind(locked)
			o.Do("close", unix.SYS_CLOSE, dir.Arg())
			o.Bind(closed)
			o.Ask("have the host open it", func([]byte, []int) (*program.Program, error) {
				return openTreeFor(tree, name, how)
			}, o.String(""), num(0))
			o.Jump(opened)
		})
	}
	o.mapRoot(tree, name)
	o.look(tree)
	return tree
}

// look sees what protects the files of a layer's mount.
func (o *overlay) look(tree program.Reg) {
	st := o.Space(sizeofStatfs)
	o.Do("fstatfs", unix.SYS_FSTATFS, tree.Arg(), st)
	flags := o.Load(st.At(statfsFlags), 8)
	for i, p := range protections {
		without := o.Label()
		o.Test(flags.Arg(), num(p.flag), num(p.flag), without)
		o.Add(o.kept[i], num(1), num(0))
		o.Bind(without)
	}
	o.Free(flags)
}

// protect gives the overlay what protects its layers: a file of a nosuid mount must not get
// an effect by way of another one.
func (o *overlay) protect() {
	for i, p := range protections {
		without := o.Label()
		o.Test(o.kept[i].Arg(), num(-1), num(1), without)
		o.addAttrs(o.root, p.attr, false, false)
		o.Bind(without)
		o.Free(o.kept[i])
	}
}

// openHostDir opens a directory of the host by a path without links. Create has seen to it
// that it has none, and who owns a directory on the way may have put one there since.
func (r *rootfs) openHostDir(name string) program.Reg {
	return r.Get("open", unix.SYS_OPENAT2, num(unix.AT_FDCWD), r.String(name),
		r.Words(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0, unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_MAGICLINKS),
		num(sizeofOpenHow))
}

// mapRoot has the host map the ids of a mount of the root file system, which is attached
// nowhere yet.
func (r *rootfs) mapRoot(tree program.Reg, name string) {
	kind := r.plan.config.RootIDMapping
	if kind == configs.IDMapNone {
		return
	}
	r.Ask("map ids", func(_ []byte, files []int) (*program.Program, error) {
		return nil, r.plan.mapMount(&configs.Mount{Source: name, Destination: "/", IDMapping: kind}, files)
	}, r.String(""), num(0), tree)
}

// keep mounts a layer below the tmpfs.
func (o *overlay) keep(name string, tree program.Reg) {
	o.attachBelow(name, tree)
	o.Close(tree)
}

func (o *overlay) attachBelow(name string, tree program.Reg) {
	o.Do("mkdir "+name, unix.SYS_MKDIRAT, o.place.Arg(), o.String(name), num(0o700))
	dir := o.Reg()
	o.openAt(dir, o.place, name, unix.O_PATH|unix.O_DIRECTORY)
	o.attach(tree, dir)
	o.Close(dir)
}

// upperInMemory makes the upper layer in a tmpfs, with the mode and owner of the image's root.
func (o *overlay) upperInMemory(mode, uid, gid program.Reg) {
	out := o.In("upper layer in memory")
	defer out()
	o.upperName, o.workName = "upper", "work"
	// Files without contents take memory, too, that size does not count.
	inodes := max(minInodes, o.config.Memory/bytesPerInode)
	options := []string{"mode=755", "size=" + strconv.FormatInt(o.config.Memory, 10), "nr_inodes=" + strconv.FormatInt(inodes, 10)}
	tree := o.newMount("tmpfs", "tmpfs", options, 0)
	for _, name := range []string{o.upperName, o.workName} {
		o.Do("mkdir "+name, unix.SYS_MKDIRAT, tree.Arg(), o.String(name), num(0o755))
	}
	o.upper, o.work = o.Reg(), o.Reg()
	o.openAt(o.upper, tree, o.upperName, unix.O_RDONLY|unix.O_DIRECTORY)
	o.openAt(o.work, tree, o.workName, unix.O_PATH|unix.O_DIRECTORY)
	if !o.plan.inUserNS() || o.plan.config.RootIDMapping != configs.IDMapNone { // else an id may have no name inside
		o.Do("chown", unix.SYS_FCHOWN, o.upper.Arg(), uid.Arg(), gid.Arg())
	}
	o.Do("chmod", unix.SYS_FCHMOD, o.upper.Arg(), mode.Arg())
	o.keep(upperPlace, tree)
}

// upperOnDisk opens the directories of the upper layer. Overlayfs wants them in one mount:
// it is that of the directory that holds both.
func (o *overlay) upperOnDisk() {
	dir := commonDir(o.config.Upper, o.config.Work)
	o.upperName, o.workName = pathBelow(o.config.Upper, dir), pathBelow(o.config.Work, dir)
	// With what is mounted below, so that to be in another one is an error.
	tree := o.openLayer("upper layer in", dir, treeFlags{recursive: true, noLinks: true})
	o.attachBelow(upperPlace, tree)
	o.upper, o.work = o.openBelow(tree, o.config.Upper, o.upperName), o.openBelow(tree, o.config.Work, o.workName)
	o.Close(tree)
}

// commonDir gives the nearest directory that is above both clean paths.
func commonDir(a, b string) string {
	dir := filepath.Dir(a)
	for {
		if _, ok := below(b, dir); ok {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

// pathBelow gives the rest of a path that is below a directory.
func pathBelow(name, dir string) string {
	rel, _ := below(name, dir)
	return rel
}

// openBelow opens a directory in a mount, or has the host do it where a directory on the
// way is closed to the container's root.
func (o *overlay) openBelow(tree program.Reg, name, rel string) program.Reg {
	out := o.In("upper layer " + name)
	defer out()
	dir := o.Reg()
	o.Blame(true)
	o.Set(dir, "open", unix.SYS_OPENAT2, tree.Arg(), o.String(rel),
		o.Words(unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0, unix.RESOLVE_BENEATH|unix.RESOLVE_NO_SYMLINKS|unix.RESOLVE_NO_XDEV), num(sizeofOpenHow))
	o.Hint(upperHints)
	closed, opened := o.Label(), o.Label()
	if o.plan.inUserNS() {
		o.Or(closed, unix.EACCES)
		o.Later(func() {
			o.Bind(closed)
			o.Ask("have the host open it", func(_ []byte, files []int) (*program.Program, error) {
				return openBelowFor(dir, name, rel, files)
			}, o.String(""), num(0), tree)
			o.Jump(opened)
		})
	}
	o.Bind(opened)
	o.Blame(false)
	return dir
}

var (
	upperHints = program.Hints{
		unix.EXDEV: "Upper and Work must be in one mount of one file system",
	}
	mappedLayerHints = program.Hints{
		unix.EINVAL: "overlays of layers with mapped ids need Linux 5.19",
	}
)

// openBelowFor opens a directory in a mount for an init that has no way to it.
func openBelowFor(r program.Reg, name, rel string, fds []int) (*program.Program, error) {
	defer closeFds(fds)
	if len(fds) != 1 {
		return nil, fmt.Errorf("open %s for the container: %d descriptors came: %w", name, len(fds), unix.EBADMSG)
	}
	fd, err := unix.Openat2(fds[0], rel, &unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s for the container: %w", name, err)
	}
	return giveFile(r, os.NewFile(uintptr(fd), name))
}

// setOptions gathers the options of the overlay, but for its layers.
func (o *overlay) setOptions() {
	if o.plan.inUserNS() {
		o.options = append(o.options, "userxattr")
	}
	o.options = append(o.options, splitOptions("overlay", o.config.Data)...)
	if label := o.plan.config.MountLabel; label != "" && !hasOption(o.options, "context") {
		o.options = append(o.options, "context="+label)
	}
}

// mount mounts the overlay, attached nowhere, into r.root: layer by layer if the kernel knows that.
func (o *overlay) mount() {
	old, done := o.Label(), o.Label()
	o.Do("change to the layers", unix.SYS_FCHDIR, o.place.Arg())
	o.takesLayers(old)
	f := o.fsopen("overlay")
	for i, name := range o.config.Lower {
		what := "layer " + name
		f.config(what, unix.FSCONFIG_SET_STRING, o.String("lowerdir+"), o.String(strconv.Itoa(i)))
		if i == 0 {
			// Linux 6.5 and 6.6 take all layers as one string alone.
			f.otherwise(old, unix.EINVAL)
		}
	}
	for _, dir := range []struct {
		what, key string
		fd        program.Reg
	}{{"upper layer " + o.config.Upper, "upperdir", o.upper}, {"work directory " + o.config.Work, "workdir", o.work}} {
		// By its name the container's root might have no way to it.
		o.Do("change to the "+dir.what, unix.SYS_FCHDIR, dir.fd.Arg())
		f.string(dir.what, dir.key, ".")
	}
	mount := f.mount("overlay", o.options, 0)
	o.Add(o.root, mount.Arg(), num(0))
	o.Free(mount)
	o.Bind(done)
	o.Later(func() {
		o.Bind(old)
		o.mountOld()
		o.Jump(done)
	})
}

// mountOld mounts the overlay by mount(2), on a directory beside its layers.
func (o *overlay) mountOld() {
	const place = "root"
	data := o.data()
	if len(data) > maxMountData {
		o.blame(fmt.Sprintf("the names of the upper layer are too long: the options have %d bytes, and mount(2) takes %d", len(data), maxMountData), unix.EINVAL)
		return
	}
	o.Do("mkdir "+place, unix.SYS_MKDIRAT, o.place.Arg(), o.String(place), num(0o700))
	o.Do("change to the layers", unix.SYS_FCHDIR, o.place.Arg())
	o.Do("mount overlay", unix.SYS_MOUNT, o.String("overlay"), o.String(place), o.String("overlay"), num(0), o.String(data))
	if o.plan.config.RootIDMapping == configs.IDMapNone {
		o.Hint(fsHints)
	} else {
		o.Hint(mappedLayerHints)
	}
	o.Set(o.root, "open_tree", unix.SYS_OPEN_TREE, o.place.Arg(), o.String(place),
		num(unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC))
}

// data writes the options for mount(2), of layers whose names are relative to the tmpfs.
func (o *overlay) data() string {
	lower := make([]string, len(o.config.Lower))
	for i := range lower {
		lower[i] = strconv.Itoa(i)
	}
	escape := strings.NewReplacer(`\`, `\\`, `,`, `\,`)
	options := []string{
		"lowerdir=" + strings.Join(lower, ":"),
		"upperdir=" + escape.Replace(path.Join(upperPlace, o.upperName)),
		"workdir=" + escape.Replace(path.Join(upperPlace, o.workName)),
	}
	for _, option := range o.options {
		if label, ok := strings.CutPrefix(option, "context="); ok {
			option = `context="` + label + `"`
		}
		options = append(options, option)
	}
	return strings.Join(options, ",")
}
