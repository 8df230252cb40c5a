package configs

import (
	"fmt"
	"os"
	"strconv"

	"github.com/libcontainer/libcontainer/internal/linux"
)

// Wildcard stands for every major or minor number in a rule for a device cgroup.
const (
	Wildcard = -1
)

// Device is a device node, or a rule for a device cgroup.
type Device struct {
	// Type is 'c' or 'u' for a character device, 'b' for a block device, 'p' for
	// a fifo; in a rule also 'a' for all.
	Type rune `json:"type"`

	// Path is the absolute path of the node inside the container. Rules don't
	// use it.
	Path string `json:"path"`

	// Major is the device's major number; in a rule also Wildcard.
	Major int64 `json:"major"`

	// Minor is the device's minor number; in a rule also Wildcard.
	Minor int64 `json:"minor"`

	// Permissions are the accesses that a rule is about: some of "r" read, "w"
	// write and "m" mknod.
	Permissions string `json:"permissions"`

	// FileMode is the permission bits of the node.
	FileMode os.FileMode `json:"file_mode"`

	// Uid is the node's owner, as an id inside the container.
	Uid uint32 `json:"uid"`

	// Gid is the node's group, as an id inside the container.
	Gid uint32 `json:"gid"`
}

// CgroupString returns the rule in the form of the kernel's devices.allow file,
// such as "c 1:3 rwm" or "b *:* m".
func (d *Device) CgroupString() string {
	return fmt.Sprintf("%c %s:%s %s", d.Type, deviceNumber(d.Major), deviceNumber(d.Minor), d.Permissions)
}

// Mkdev returns the number of the device as mknod(2) takes it, in the kernel's
// encoding of 12 bits of major and 20 bits of minor with their extensions, see
// makedev(3).
func (d *Device) Mkdev() int {
	return int(linux.Mkdev(uint32(d.Major), uint32(d.Minor)))
}

func deviceNumber(number int64) string {
	if number == Wildcard {
		return "*"
	}
	return strconv.FormatInt(number, 10)
}
