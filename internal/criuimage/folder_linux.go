package criuimage

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// maxFiles and maxImage bound what is read of a folder. Images of pages, of files in
	// memory and of deleted files are as big as these were; of all others a process has a
	// few kilobytes.
	maxFiles = 1 << 20
	maxImage = 1 << 30

	// parentLink is the name of criu's link to the images of the pre-dump before, see
	// --prev-images-dir in criu(8).
	parentLink = "parent"
)

// ErrUntrusted is in the chain of every error that says who else may have written images,
// or that they are not what was dumped.
var ErrUntrusted = errors.New("the images are not to be trusted")

func untrusted(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrUntrusted, fmt.Errorf(format, args...))
}

// Folder is an open directory with images.
type Folder struct {
	path string
	dir  *os.File
	made bool // by OpenEmpty
}

// Open opens a directory, which may be a symbolic link to one.
func Open(path string) (*Folder, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	return &Folder{path: path, dir: os.NewFile(uintptr(fd), path)}, nil
}

// OpenEmpty opens a directory for new images, and makes it if there is none. It must be
// empty, but for logs: old images among new ones would be restored with them. It gets the
// owner, and a mode with which nobody else can enter it: see GiveTo.
func OpenEmpty(path string, owner int) (*Folder, error) {
	err := os.Mkdir(path, 0o700)
	if err != nil && !errors.Is(err, os.ErrExist) {
		return nil, err
	}
	made := err == nil
	f, err := Open(path)
	if err != nil {
		return nil, err
	}
	f.made = made
	if err := f.take(owner); err != nil {
		f.Close()
		return nil, errors.Join(err, f.unmake())
	}
	return f, nil
}

func (f *Folder) take(owner int) error {
	if err := f.checkEmpty(); err != nil {
		return err
	}
	if err := f.GiveTo(owner); err != nil {
		return err
	}
	// Whoever could write there before may have done so since.
	return f.checkEmpty()
}

func (f *Folder) checkEmpty() error {
	names, err := f.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if !isLog(name) {
			return &os.PathError{Op: "use for new images", Path: f.path, Err: fmt.Errorf("%w: it holds %q", unix.ENOTEMPTY, name)}
		}
	}
	return nil
}

// isLog tells whether a file is a log of criu's, which it makes anew.
func isLog(name string) bool { return strings.HasSuffix(name, ".log") }

// Discard removes the images of a dump that has failed, which hold memory, so that another
// can be made in the same folder. Logs stay, which say why it has failed. A folder that was
// made for the images, and has no log, is removed.
func (f *Folder) Discard() error {
	names, err := f.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if isLog(name) {
			continue
		}
		err := unix.Unlinkat(int(f.dir.Fd()), name, 0)
		if errors.Is(err, unix.EISDIR) {
			err = unix.Unlinkat(int(f.dir.Fd()), name, unix.AT_REMOVEDIR)
		}
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return &os.PathError{Op: "remove", Path: filepath.Join(f.path, name), Err: err}
		}
	}
	return f.unmake()
}

// Sweep removes the directories that a criu which was killed has left in a work directory, on
// which it had mounted cgroups, in a mount namespace that has gone with it.
func Sweep(work *os.File) error {
	f := &Folder{path: work.Name(), dir: work}
	names, err := f.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, ".criu.cgyard.") {
			continue
		}
		if err := unix.Unlinkat(int(work.Fd()), name, unix.AT_REMOVEDIR); err != nil && !errors.Is(err, unix.ENOENT) {
			return &os.PathError{Op: "rmdir", Path: filepath.Join(f.path, name), Err: err}
		}
	}
	return nil
}

// unmake removes a folder that was made, unless it holds something.
func (f *Folder) unmake() error {
	if !f.made {
		return nil
	}
	if err := unix.Rmdir(f.path); err != nil && !errors.Is(err, unix.ENOTEMPTY) && !errors.Is(err, unix.ENOENT) {
		return &os.PathError{Op: "rmdir", Path: f.path, Err: err}
	}
	return nil
}

// GiveTo changes the owner of the folder, but of nothing in it.
//
// The processes that criu restores in a user namespace look for images themselves: as the root
// user there, who is the owner, and, when the namespace is so new that it has no mapping, as
// this program's user without any of its capabilities. That one may enter the folder by its
// group, which is this program's.
func (f *Folder) GiveTo(owner int) error {
	if err := f.dir.Chown(owner, os.Getegid()); err != nil {
		return err
	}
	if owner == os.Geteuid() {
		return f.dir.Chmod(0o700)
	}
	return f.dir.Chmod(0o710)
}

// Close closes the folder.
func (f *Folder) Close() error { return f.dir.Close() }

// File is the open directory. It is the folder's.
func (f *Folder) File() *os.File { return f.dir }

// Path is the path by which the folder was opened.
func (f *Folder) Path() string { return f.path }

// Same tells whether an open directory is the folder.
func (f *Folder) Same(dir *os.File) (bool, error) {
	own, err := f.dir.Stat()
	if err != nil {
		return false, err
	}
	other, err := dir.Stat()
	if err != nil {
		return false, err
	}
	return os.SameFile(own, other), nil
}

// names lists what is in the folder, in order.
func (f *Folder) names() ([]string, error) {
	// By a descriptor of its own, so that the place in the list is nobody else's.
	fd, err := unix.Openat(int(f.dir.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: f.path, Err: err}
	}
	dir := os.NewFile(uintptr(fd), f.path)
	defer dir.Close()
	names, err := dir.Readdirnames(maxFiles + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(names) > maxFiles {
		return nil, untrusted("%s holds more than %d files", f.path, maxFiles)
	}
	slices.Sort(names)
	return names, nil
}

// Check looks at who may have written the images: the folder and all in it belong to one
// of the owners, nobody else may write them, and there are but regular files. A fifo would hold
// up who opens it, a link leads to what nobody has looked at. The link to the images before
// these, which criu makes at a pre-dump, is followed, and what it leads to looked at in
// the same way.
func (f *Folder) Check(owners []int) error {
	parents, err := f.chain(func(f *Folder) error { return f.checkOne(owners) })
	closeFolders(parents)
	return err
}

// chain calls call for the folder, and then for those of the pre-dumps before it, which
// it returns: who has called closes them.
func (f *Folder) chain(call func(*Folder) error) (parents []*Folder, err error) {
	for one := f; ; {
		if err := call(one); err != nil {
			return parents, err
		}
		parent, err := one.parent()
		if err != nil || parent == nil {
			return parents, err
		}
		same := false
		for _, before := range append(parents, f) {
			is, err := before.Same(parent.dir)
			same = same || is || err != nil
		}
		parents = append(parents, parent)
		if same {
			return parents, untrusted("%s: the links %q lead back to one of the folders", f.path, parentLink)
		}
		one = parent
	}
}

func closeFolders(list []*Folder) {
	for _, f := range list {
		f.Close()
	}
}

// parent opens the folder of the images before these, nil if there are none.
func (f *Folder) parent() (*Folder, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(f.dir.Fd()), parentLink, buf)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	path := filepath.Join(f.path, parentLink)
	if err != nil {
		return nil, &os.PathError{Op: "readlink", Path: path, Err: err}
	}
	target := string(buf[:n])
	if filepath.IsAbs(target) || n == len(buf) {
		return nil, untrusted("link %s leads to %q, which is no relative path", path, target)
	}
	return f.openParent(target)
}

// openParent opens a folder by a path that is relative to this one.
func (f *Folder) openParent(target string) (*Folder, error) {
	fd, err := unix.Openat(int(f.dir.Fd()), target, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: filepath.Join(f.path, target), Err: err}
	}
	return &Folder{path: filepath.Join(f.path, target), dir: os.NewFile(uintptr(fd), target)}, nil
}

func (f *Folder) checkOne(owners []int) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.dir.Fd()), &st); err != nil {
		return &os.PathError{Op: "stat", Path: f.path, Err: err}
	}
	if err := checkOwner(f.path, &st, owners); err != nil {
		return err
	}
	names, err := f.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		path := filepath.Join(f.path, name)
		if err := unix.Fstatat(int(f.dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
			return &os.PathError{Op: "stat", Path: path, Err: err}
		}
		switch kind := st.Mode & unix.S_IFMT; {
		case kind == unix.S_IFLNK && name == parentLink:
			continue
		case kind == unix.S_IFSOCK && isSocketOfCriu(name):
			continue
		case kind != unix.S_IFREG:
			return untrusted("%s is no regular file but a %s", path, kindName(kind))
		case st.Nlink > 1:
			return untrusted("%s has %d names: what else it is nobody has looked at", path, st.Nlink)
		}
		if err := checkOwner(path, &st, owners); err != nil {
			return err
		}
	}
	return nil
}

// CheckOwner looks whether a file belongs to one of the owners, and nobody else may write it.
func CheckOwner(f *os.File, owners []int) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return &os.PathError{Op: "stat", Path: f.Name(), Err: err}
	}
	return checkOwner(f.Name(), &st, owners)
}

// isSocketOfCriu tells whether a file is the one by which "criu lazy-pages" is reached,
// which it leaves in its work directory.
func isSocketOfCriu(name string) bool { return name == "lazy-pages.socket" }

func checkOwner(path string, st *unix.Stat_t, owners []int) error {
	if !slices.Contains(owners, int(st.Uid)) {
		return untrusted("%s belongs to user %d, and only what belongs to %s is restored", path, st.Uid, userList(owners))
	}
	if st.Mode&0o022 != 0 {
		return untrusted("%s has mode %04o: others than its owner may write it (chmod go-w)", path, st.Mode&0o7777)
	}
	return nil
}

func userList(owners []int) string {
	var out []string
	for _, uid := range owners {
		out = append(out, fmt.Sprint("user ", uid))
	}
	return strings.Join(out, " or ")
}

func kindName(kind uint32) string {
	switch kind {
	case unix.S_IFLNK:
		return "symbolic link"
	case unix.S_IFIFO:
		return "fifo"
	case unix.S_IFDIR:
		return "directory"
	case unix.S_IFSOCK:
		return "socket"
	}
	return "device"
}

// open opens a file of the folder without following links, and without waiting for the
// other end of a fifo.
func (f *Folder) open(name string) (*os.File, error) {
	path := filepath.Join(f.path, name)
	fd, err := unix.Openat(int(f.dir.Fd()), name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if errors.Is(err, unix.ELOOP) {
		return nil, untrusted("%s is no regular file but a symbolic link", path)
	}
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: path, Err: err}
	}
	file := os.NewFile(uintptr(fd), path)
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = untrusted("%s is no regular file", path)
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// read reads a small image.
func (f *Folder) read(name string, most int64) ([]byte, error) {
	file, err := f.open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, most+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > most {
		return nil, untrusted("%s has more than %d bytes", file.Name(), most)
	}
	return data, nil
}

// Size returns how many bytes the files of the folder have whose names begin so.
func (f *Folder) Size(prefix string) (total int64, err error) {
	names, err := f.names()
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		var st unix.Stat_t
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		err := unix.Fstatat(int(f.dir.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return 0, &os.PathError{Op: "stat", Path: filepath.Join(f.path, name), Err: err}
		}
		total += st.Size
	}
	return total, nil
}
