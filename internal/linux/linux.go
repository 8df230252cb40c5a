// Package linux has the numbers of Linux's system calls that configurations are made of,
// by the kernel's names. Package golang.org/x/sys/unix has them on Linux alone, or those of the
// system that it is compiled for; a program that only writes configurations runs
// anywhere.
package linux

// Flags of mount(2).
const (
	MS_BIND        = 0x1000
	MS_DIRSYNC     = 0x80
	MS_LAZYTIME    = 0x2000000
	MS_MANDLOCK    = 0x40
	MS_NOATIME     = 0x400
	MS_NODEV       = 0x4
	MS_NODIRATIME  = 0x800
	MS_NOEXEC      = 0x8
	MS_NOSUID      = 0x2
	MS_NOSYMFOLLOW = 0x100
	MS_PRIVATE     = 0x40000
	MS_RDONLY      = 0x1
	MS_REC         = 0x4000
	MS_RELATIME    = 0x200000
	MS_REMOUNT     = 0x20
	MS_SHARED      = 0x100000
	MS_SILENT      = 0x8000
	MS_SLAVE       = 0x80000
	MS_STRICTATIME = 0x1000000
	MS_SYNCHRONOUS = 0x10
	MS_UNBINDABLE  = 0x20000
)

// Attributes of mount_setattr(2).
const (
	MOUNT_ATTR_NOATIME     = 0x10
	MOUNT_ATTR_NODEV       = 0x4
	MOUNT_ATTR_NODIRATIME  = 0x80
	MOUNT_ATTR_NOEXEC      = 0x8
	MOUNT_ATTR_NOSUID      = 0x2
	MOUNT_ATTR_NOSYMFOLLOW = 0x200000
	MOUNT_ATTR_RDONLY      = 0x1
	MOUNT_ATTR_RELATIME    = 0x0
	MOUNT_ATTR_STRICTATIME = 0x20
	MOUNT_ATTR__ATIME      = 0x70
)

// Flags of clone(2), one for each type of namespace.
const (
	CLONE_NEWCGROUP = 0x2000000
	CLONE_NEWIPC    = 0x8000000
	CLONE_NEWNET    = 0x40000000
	CLONE_NEWNS     = 0x20000
	CLONE_NEWPID    = 0x20000000
	CLONE_NEWTIME   = 0x80
	CLONE_NEWUSER   = 0x10000000
	CLONE_NEWUTS    = 0x4000000
)

// Mkdev gives the number of a device as the kernel has it in stat(2).
func Mkdev(major, minor uint32) uint64 {
	return uint64(major&0xfffff000)<<32 | uint64(major&0xfff)<<8 | uint64(minor&0xffffff00)<<12 | uint64(minor&0xff)
}
