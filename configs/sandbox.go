package configs

import "github.com/libcontainer/libcontainer/internal/linux"

// What a sandbox may use unless its caller says otherwise.
const (
	sandboxMemory    = 256 << 20 // bytes, without swap
	sandboxProcesses = 64        // and threads
	sandboxPeriod    = 100_000   // µs, of which one processor's time is this much
	sandboxFiles     = 1024      // descriptors of a process
)

// Of <asm-generic/resource.h>.
const (
	rlimitCore   = 4
	rlimitNofile = 7
)

// Sandbox returns a complete configuration, to edit, for a program that nobody trusts. It
// is Default, and:
//
//   - a user namespace, and no capability at all: the filter of system calls is then the
//     smallest one. Its ids are no other container's: IDs is a pool of 4096 times 65536 ids from
//     1879048192 on, which systemd's document on users and groups (https://systemd.io/UIDS-GIDS)
//     leaves unused. Factories with different root directories do not know of each other's
//     containers: give each a part of it if they are to have no ids in common;
//   - no network, not even a loopback that is up;
//   - a read-only root, and a /tmp of its own in memory, of 64 MiB, from which nothing can be
//     executed;
//   - at most 256 MiB of memory without swap, 64 processes and threads, the time of one processor,
//     1024 descriptors in a process, and no core dumps;
//   - Landlock: files can be read and executed, written only in /tmp and /dev/shm, no TCP, no signals
//     and no abstract sockets to the outside. A kernel that cannot deny all of it is no
//     error (BestEffort), since the other walls stand without it; the start warns of it.
//
// What it leaves to the caller is Rootfs or Overlay. Files of the host's root belong to nobody
// in it, and can be read where others may; RootIDMapping shows them as root's. A limit of time is
// the process's, see Process.Limits, and so is its user.
//
// Every call returns a copy of its own, as of Default.
func Sandbox() *Config {
	c := Default()
	c.Hostname = "sandbox"
	c.Capabilities = nil
	c.Networks = nil
	c.Readonlyfs = true
	c.Namespaces.Add(NEWUSER, "")
	c.IDs = &IDPool{First: 0x70000000, Size: 0x10000, Count: 0x1000}
	c.Mounts = append(c.Mounts, &Mount{
		Source:      "tmpfs",
		Destination: "/tmp",
		Device:      "tmpfs",
		Flags:       linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC,
		Data:        "mode=1777,size=64m,nr_inodes=4096",
	})
	c.Rlimits = []Rlimit{
		{Type: rlimitNofile, Soft: sandboxFiles, Hard: sandboxFiles},
		{Type: rlimitCore},
	}
	r := c.Cgroups.Resources
	r.Memory, r.MemorySwap = sandboxMemory, sandboxMemory
	r.PidsLimit = sandboxProcesses
	r.CpuPeriod, r.CpuQuota = sandboxPeriod, sandboxPeriod
	c.Landlock = &Landlock{
		Paths: []LandlockPath{
			{Path: "/", Access: LandlockReadOnly},
			{Path: "/dev", Access: LandlockDevices},
			{Path: "/dev/shm", Access: LandlockReadWrite},
			{Path: "/tmp", Access: LandlockReadWrite},
		},
		TCP:               &LandlockTCP{},
		NoAbstractSockets: true,
		NoSignals:         true,
		BestEffort:        true,
	}
	return c
}
