// The container's side: thin layers over the kernel's mount calls, which work on
// descriptors: fsopen(2), fsconfig(2), fsmount(2), open_tree(2), move_mount(2)
// and mount_setattr(2).

package initproc

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// mountAttrs translates mount(2) flags to the attributes of a mount.
func mountAttrs(flags int) (attrs uint64, atime bool) {
	for _, f := range []struct {
		flag int
		attr uint64
	}{
		{unix.MS_RDONLY, unix.MOUNT_ATTR_RDONLY},
		{unix.MS_NOSUID, unix.MOUNT_ATTR_NOSUID},
		{unix.MS_NODEV, unix.MOUNT_ATTR_NODEV},
		{unix.MS_NOEXEC, unix.MOUNT_ATTR_NOEXEC},
		{unix.MS_NODIRATIME, unix.MOUNT_ATTR_NODIRATIME},
		{unix.MS_NOSYMFOLLOW, unix.MOUNT_ATTR_NOSYMFOLLOW},
	} {
		if flags&f.flag != 0 {
			attrs |= f.attr
		}
	}
	switch {
	case flags&unix.MS_NOATIME != 0:
		return attrs | unix.MOUNT_ATTR_NOATIME, true
	case flags&unix.MS_STRICTATIME != 0:
		return attrs | unix.MOUNT_ATTR_STRICTATIME, true
	}
	return attrs, flags&unix.MS_RELATIME != 0 // relatime is 0
}

// superFlags are the mount(2) flags that belong to the file system and not to
// the mount, as fsconfig(2) names them.
var superFlags = []struct {
	flag int
	name string
}{
	{unix.MS_SYNCHRONOUS, "sync"},
	{unix.MS_DIRSYNC, "dirsync"},
	{unix.MS_LAZYTIME, "lazytime"},
}

// newMount makes a file system and returns its mount, which is attached nowhere.
func newMount(fstype, source, data string, flags int) (int, error) {
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return -1, fmt.Errorf("fsopen: %w", err)
	}
	defer unix.Close(fs)
	if err := configure(fs, source, data, flags); err != nil {
		return -1, withKernelLog(fs, err)
	}
	attrs, _ := mountAttrs(flags)
	fd, err := unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, int(attrs))
	if err != nil {
		return -1, withKernelLog(fs, fmt.Errorf("fsmount: %w", err))
	}
	return fd, nil
}

func configure(fs int, source, data string, flags int) error {
	if source != "" {
		if err := unix.FsconfigSetString(fs, "source", source); err != nil {
			return fmt.Errorf("source %q: %w", source, err)
		}
	}
	for _, f := range superFlags {
		if flags&f.flag == 0 {
			continue
		}
		if err := unix.FsconfigSetFlag(fs, f.name); err != nil {
			return fmt.Errorf("flag %s: %w", f.name, err)
		}
	}
	// A device that is write-protected has to be opened for reading. Without a
	// device the file system may be shared, and only our mount of it is read-only.
	if flags&unix.MS_RDONLY != 0 && path.IsAbs(source) {
		if err := unix.FsconfigSetFlag(fs, "ro"); err != nil {
			return fmt.Errorf("flag ro: %w", err)
		}
	}
	if err := setOptions(fs, data); err != nil {
		return err
	}
	if err := unix.FsconfigCreate(fs); err != nil {
		return fmt.Errorf("create: %w", err)
	}
	return nil
}

func setOptions(fs int, data string) error {
	for _, option := range splitOptions(data) {
		key, value, hasValue := strings.Cut(option, "=")
		var err error
		if hasValue {
			err = unix.FsconfigSetString(fs, key, value)
		} else {
			err = unix.FsconfigSetFlag(fs, key)
		}
		if err != nil {
			return fmt.Errorf("option %q: %w", option, err)
		}
	}
	return nil
}

// reconfigure changes the options of the file system that is mounted at a place.
func reconfigure(mount int, data string) error {
	fs, err := unix.Fspick(mount, "", unix.FSPICK_CLOEXEC|unix.FSPICK_EMPTY_PATH)
	if err != nil {
		return fmt.Errorf("fspick: %w", err)
	}
	defer unix.Close(fs)
	if err := setOptions(fs, data); err != nil {
		return withKernelLog(fs, err)
	}
	if err := unix.FsconfigReconfigure(fs); err != nil {
		return withKernelLog(fs, fmt.Errorf("reconfigure: %w", err))
	}
	return nil
}

// maxValue is the length of a string that fsconfig(2) takes, without its NUL.
const maxValue = 255

func tooLong(source, data string) bool {
	if len(source) > maxValue {
		return true
	}
	for _, option := range splitOptions(data) {
		if _, value, _ := strings.Cut(option, "="); len(value) > maxValue {
			return true
		}
	}
	return false
}

// splitOptions splits a mount(2) data string at its commas. Within quotes, as
// SELinux contexts have them, a comma does not split, and the quotes are dropped.
func splitOptions(data string) (options []string) {
	var option strings.Builder
	quoted := false
	end := func() {
		if option.Len() > 0 {
			options = append(options, option.String())
		}
		option.Reset()
	}
	for _, r := range data {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && !quoted:
			end()
		default:
			option.WriteRune(r)
		}
	}
	end()
	return options
}

// withKernelLog adds what the kernel says of a failure to mount, which it leaves
// to be read from the file system context.
func withKernelLog(fs int, err error) error {
	buf := make([]byte, 512)
	n, rerr := unix.Read(fs, buf)
	if rerr != nil || n < 3 {
		return err
	}
	return fmt.Errorf("%w (%s)", err, strings.TrimSpace(string(buf[2:n])))
}

// attach puts a mount onto the place that target refers to.
func attach(mount, target int) error {
	err := unix.MoveMount(mount, "", target, "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH)
	if err != nil {
		return fmt.Errorf("move_mount: %w", err)
	}
	return nil
}

// cloneTree returns a copy, attached nowhere, of the mount at a place.
func cloneTree(dir int, name string, recursive bool) (int, error) {
	flags := uint(unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC)
	if name == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	fd, err := unix.OpenTree(dir, name, flags)
	if err != nil {
		return -1, fmt.Errorf("open_tree: %w", err)
	}
	return fd, nil
}

// setAttrs adds attributes to a mount. What protects it already stays.
func setAttrs(mount int, attrs uint64, atime, recursive bool) error {
	attr := unix.MountAttr{Attr_set: attrs}
	if atime {
		attr.Attr_clr = unix.MOUNT_ATTR__ATIME
	}
	if attr == (unix.MountAttr{}) {
		return nil
	}
	return setAttr(mount, &attr, recursive)
}

func setAttr(mount int, attr *unix.MountAttr, recursive bool) error {
	flags := uint(unix.AT_EMPTY_PATH)
	if recursive {
		flags |= unix.AT_RECURSIVE
	}
	if err := unix.MountSetattr(mount, "", flags, attr); err != nil {
		return fmt.Errorf("mount_setattr: %w", err)
	}
	return nil
}

const propagationTypes = unix.MS_SHARED | unix.MS_SLAVE | unix.MS_PRIVATE | unix.MS_UNBINDABLE

func setPropagation(mount, flags int) error {
	attr := unix.MountAttr{Propagation: uint64(flags & propagationTypes)}
	if err := setAttr(mount, &attr, flags&unix.MS_REC != 0); err != nil {
		return fmt.Errorf("set propagation %#x: %w", flags, err)
	}
	return nil
}

func setPropagations(mount int, list []int) error {
	for _, flags := range list {
		if err := setPropagation(mount, flags); err != nil {
			return err
		}
	}
	return nil
}

// bindOnto bind-mounts the object that source refers to onto target.
func bindOnto(source, target int, attrs uint64, recursive bool) error {
	tree, err := cloneTree(source, "", recursive)
	if err != nil {
		return err
	}
	defer unix.Close(tree)
	if err := setAttrs(tree, attrs, false, recursive); err != nil {
		return err
	}
	return attach(tree, target)
}

// missing tells whether a path of the container does not exist.
func missing(err error) bool {
	return errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)
}
