// Package devices describes the device nodes of the host, for containers that
// get some or all of them.
package devices

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/libcontainer/libcontainer/configs"
	"golang.org/x/sys/unix"
)

// ErrNotADevice is the error, to errors.Is, for a file that is no device node.
var (
	ErrNotADevice = errors.New("not a device node")
)

// DeviceFromPath describes the device node at path, with the given permissions
// for a device cgroup. A symbolic link is not followed. The error for a file
// that is neither a character nor a block device is [ErrNotADevice].
func DeviceFromPath(path, permissions string) (*configs.Device, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, fmt.Errorf("describe device: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode()&fs.ModeDevice == 0 {
		return nil, fmt.Errorf("describe device: %s: %w", path, ErrNotADevice)
	}
	kind := 'b'
	if info.Mode()&fs.ModeCharDevice != 0 {
		kind = 'c'
	}
	return &configs.Device{
		Type:        kind,
		Path:        path,
		Major:       int64(unix.Major(stat.Rdev)),
		Minor:       int64(unix.Minor(stat.Rdev)),
		Permissions: permissions,
		FileMode:    info.Mode().Perm(),
		Uid:         stat.Uid,
		Gid:         stat.Gid,
	}, nil
}

// HostDevices describes all device nodes below the host's /dev, each with the
// permissions "rwm". It leaves out terminals (/dev/pts and /dev/console), which
// a container has of its own, and what other programs keep there that is no
// device.
func HostDevices() ([]*configs.Device, error) {
	return walk("/dev", DeviceFromPath)
}

// describe is DeviceFromPath or a test's stand-in, which needs no privileges.
type describe func(path, permissions string) (*configs.Device, error)

func walk(dir string, describe describe) ([]*configs.Device, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	var found []*configs.Device
	for _, entry := range entries {
		devices, err := visit(filepath.Join(dir, entry.Name()), entry, describe)
		if err != nil {
			return nil, err
		}
		found = append(found, devices...)
	}
	return found, nil
}

func visit(path string, entry fs.DirEntry, describe describe) ([]*configs.Device, error) {
	if entry.IsDir() {
		if skippedDirectory(entry.Name()) {
			return nil, nil
		}
		return walk(path, describe)
	}
	if entry.Name() == "console" {
		return nil, nil
	}
	device, err := describe(path, "rwm")
	// Devices come and go while /dev is read.
	if errors.Is(err, ErrNotADevice) || errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []*configs.Device{device}, nil
}

// skippedDirectory tells whether a directory is a file system of its own or
// belongs to a program.
func skippedDirectory(name string) bool {
	switch name {
	case "pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev":
		return true
	}
	return false
}

// Major returns the major number of a device number in the kernel's encoding
// for user space, as in st_rdev and makedev(3).
func Major(devNumber int) int64 {
	return int64(unix.Major(uint64(devNumber)))
}

// Minor returns the minor number of a device number in the kernel's encoding
// for user space, as in st_rdev and makedev(3).
func Minor(devNumber int) int64 {
	return int64(unix.Minor(uint64(devNumber)))
}
