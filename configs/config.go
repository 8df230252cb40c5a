package configs

import (
	"errors"
	"fmt"
)

// Config describes a container.
type Config struct {
	// NoPivotRoot enters the root file system by moving it over / and chroot(2)
	// instead of pivot_root(2). It is weaker and only needed where / is an
	// initramfs, which pivot_root refuses.
	NoPivotRoot bool `json:"no_pivot_root"`

	// ParentDeathSignal is the signal that the container's init process gets
	// when the program that started it ends, see PR_SET_PDEATHSIG in prctl(2).
	// 0 asks for none.
	ParentDeathSignal int `json:"parent_death_signal"`

	// PivotDir is the directory inside the root file system that the classic
	// library used to hold the old root during pivot_root(2). It is accepted
	// and ignored: the old root is stacked below the new one and detached, which
	// needs no directory.
	PivotDir string `json:"pivot_dir"`

	// Rootfs is the absolute path of the directory that becomes the container's
	// root. It must be clean and free of symbolic links. The directories above it may
	// be closed to the root user of a user namespace: then the calling program opens it.
	// It is empty if there is an Overlay.
	Rootfs string `json:"rootfs"`

	// Overlay makes the root file system of layers, instead of Rootfs, which is empty then. It
	// needs a new mount namespace (NEWNS).
	Overlay *Overlay `json:"overlay,omitempty"`

	// RootIDMapping makes the mount of the root file system an idmapped one, with the
	// mappings of the container's user namespace: the ids inside are those that are stored.
	// So one image, which belongs to root on disk, serves containers with whatever
	// mappings, also at the same time. With Overlay it goes for each layer and for Upper,
	// and IDMapMount is the only kind. The file systems must support it, and the calling
	// program needs CAP_SYS_ADMIN in the user namespaces that they were mounted in. Overlays
	// with it need Linux 5.19.
	RootIDMapping MountIDMapping `json:"root_id_mapping,omitempty"`

	// Readonlyfs makes the container's root file system read-only once it is
	// set up. Mounts below it keep their own flags.
	Readonlyfs bool `json:"readonlyfs"`

	// Bundle is the directory that hooks are told as the container's bundle, see
	// HookState: an absolute path, and nothing else uses it. Empty stands for the
	// directory that holds Rootfs, if that is set.
	Bundle string `json:"bundle,omitempty"`

	// Annotations are free texts by name, which hooks are told. Names are not
	// empty; the OCI runtime specification suggests that they look like domains
	// turned around, as "com.example.key".
	Annotations map[string]string `json:"annotations,omitempty"`

	// RootPropagation is the mount propagation of the container's root, as flags
	// of mount(2): MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE, with or
	// without MS_REC. 0 means MS_SLAVE|MS_REC: mounts made on the host arrive
	// where they are shared, none travels back.
	RootPropagation int `json:"rootPropagation"`

	// Mounts are made in this order, after the root file system is in place.
	Mounts []*Mount `json:"mounts"`

	// Devices are created in the container's /dev. A user namespace cannot
	// create devices; there they are bound from the host.
	Devices []*Device `json:"devices"`

	// MountLabel is the SELinux label of the container's mounts.
	MountLabel string `json:"mount_label"`

	// Hostname is set in the container's UTS namespace. Empty leaves the name
	// that the namespace starts with.
	Hostname string `json:"hostname"`

	// Domainname is the NIS domain name of the container's UTS namespace. Empty
	// leaves the name that the namespace starts with.
	Domainname string `json:"domainname,omitempty"`

	// Namespaces are those that the container gets new or joins. Types that are
	// not named are shared with the host.
	//
	// Without NEWNS nothing can be mounted or hidden, for that would change the
	// host's file system: the program is confined to Rootfs by chroot(2) alone. In a
	// mount namespace that is joined, Rootfs is looked for as it is seen there, all is
	// mounted there, and its root becomes the container's, for the processes that are
	// in it too. It ends with the last of them, and not with the container.
	Namespaces Namespaces `json:"namespaces"`

	// Capabilities are the capabilities that the container keeps, as names such
	// as CAP_NET_RAW, see capabilities(7). They fill the bounding, effective and
	// permitted sets, and never the inheritable and ambient ones. Empty keeps
	// none. A process can have its own list.
	Capabilities []string `json:"capabilities"`

	// CapabilitySets names each set by itself. When it is not nil, Capabilities
	// is ignored.
	CapabilitySets *CapabilitySets `json:"capability_sets,omitempty"`

	// Networks are the network interfaces of the container's network namespace.
	Networks []*Network `json:"networks"`

	// NetDevices are network devices of the host, by their names there, that are
	// moved into the container's network namespace before Networks are made.
	NetDevices map[string]*NetDevice `json:"net_devices,omitempty"`

	// Routes are added to the container's network namespace after Networks.
	Routes []*Route `json:"routes"`

	// Cgroups says where the container's cgroups are and what they limit. Nil
	// makes a cgroup with the container's id as its name, without limits and
	// with access to all devices.
	Cgroups *Cgroup `json:"cgroups"`

	// IntelRdt is the container's share of caches and memory bandwidth. Nil leaves its
	// processes in the class of service of the host's process.
	IntelRdt *IntelRdt `json:"intel_rdt,omitempty"`

	// AppArmorProfile is the name of the loaded AppArmor profile that the
	// container's processes run under. Empty keeps that of the host's process.
	AppArmorProfile string `json:"apparmor_profile"`

	// ProcessLabel is the SELinux label of the container's processes. Empty
	// leaves the label to the policy.
	ProcessLabel string `json:"process_label"`

	// Rlimits are the resource limits of the container's processes, see
	// getrlimit(2). Limits that are not named are those of the host's process.
	Rlimits []Rlimit `json:"rlimits"`

	// OomScoreAdj makes the OOM killer like the container's processes more
	// (up to 1000) or less (down to -1000), see proc_pid_oom_score_adj(5).
	// 0 is a value of its own, unless there is KeepOomScore.
	OomScoreAdj int `json:"oom_score_adj"`

	// KeepOomScore leaves the container's processes the value that they inherit
	// from the host's process. OomScoreAdj must be 0 then.
	KeepOomScore bool `json:"keep_oom_score,omitempty"`

	// Umask is the file mode creation mask of the container's processes, see
	// umask(2): permission bits, 0 to 0777. Nil stands for 0022. That of the
	// host's process is never inherited.
	Umask *uint32 `json:"umask,omitempty"`

	// Scheduler is the scheduling policy of the container's processes. Nil leaves
	// them that of the host's process.
	Scheduler *Scheduler `json:"scheduler,omitempty"`

	// IOPriority is the priority of the container's processes in block I/O. Nil
	// leaves them that of the host's process.
	IOPriority *IOPriority `json:"io_priority,omitempty"`

	// MemoryPolicy says from which NUMA nodes the container's processes get memory.
	// Nil leaves them that of the host's process.
	MemoryPolicy *MemoryPolicy `json:"memory_policy,omitempty"`

	// Personality is the execution domain of the container's processes. Nil leaves
	// them that of the host's process.
	Personality *Personality `json:"personality,omitempty"`

	// KeepKeyring leaves the container's processes the session keyring of the
	// host's process, see session-keyring(7), with all the keys in it. Without it
	// each process, a further one too, begins with a new and empty one.
	KeepKeyring bool `json:"keep_keyring,omitempty"`

	// AdditionalGroups are supplementary groups of the container's processes:
	// numbers, or names in the container's /etc/group.
	AdditionalGroups []string `json:"additional_groups"`

	// UidMappings map the users of the container's user namespace to those of
	// the host, see user_namespaces(7). They are needed when Namespaces has a
	// NEWUSER without a path.
	UidMappings []IDMap `json:"uid_mappings"`

	// GidMappings map the groups of the container's user namespace to those of
	// the host.
	GidMappings []IDMap `json:"gid_mappings"`

	// IDs is the pool from which the container gets the ids of its new user namespace
	// (NEWUSER). Creating the container sets UidMappings and GidMappings accordingly,
	// whatever they were, and the ids are its own until it is destroyed. Nil leaves the
	// mappings to the caller.
	IDs *IDPool `json:"ids,omitempty"`

	// MaskPaths are hidden from the container: a directory looks empty, anything
	// else reads as empty. Paths are absolute inside the container; one that
	// does not exist is skipped. In one below /proc or /sys a component may be a
	// pattern of path.Match, as in /sys/devices/system/cpu/cpu*/thermal_throttle, for
	// what the host has there when the container starts.
	MaskPaths []string `json:"mask_paths"`

	// ReadonlyPaths are made read-only, with all mounts below them. Paths are
	// absolute inside the container; one that does not exist is skipped.
	ReadonlyPaths []string `json:"readonly_paths"`

	// Sysctl are kernel parameters of the container's own namespaces, by the
	// name below /proc/sys with dots (net.ipv4.ip_forward) or slashes.
	Sysctl map[string]string `json:"sysctl"`

	// Seccomp is the filter of system calls, see seccomp(2). Nil sets none, unless
	// DefaultSeccomp asks for one.
	Seccomp *Seccomp `json:"seccomp"`

	// DefaultSeccomp asks for the default profile of package seccomp, where Seccomp is
	// nil: that of seccomp.Default for the capabilities of this configuration, those of
	// a process of its own aside. Default sets it.
	DefaultSeccomp bool `json:"default_seccomp,omitempty"`

	// Landlock denies the container's processes what it does not allow, whatever else
	// does. Nil denies nothing.
	Landlock *Landlock `json:"landlock,omitempty"`

	// NoNewPrivileges keeps the container's processes from gaining privileges
	// through execve(2), see PR_SET_NO_NEW_PRIVS in prctl(2): set-user-ID bits
	// and file capabilities have no effect.
	NoNewPrivileges bool `json:"no_new_privileges,omitempty"`

	// TimeOffsets are the clock offsets of a new time namespace, by clock:
	// "monotonic" or "boottime", see time_namespaces(7).
	TimeOffsets map[string]TimeOffset `json:"time_offsets,omitempty"`

	// Hooks are run by the host at points of the container's life. They are not
	// part of the container's saved state.
	Hooks *Hooks `json:"-"`

	// Version is the version of the configuration, given to hooks. It is free
	// text for the embedding program.
	Version string `json:"version"`
}

// CapabilitySets are the five capability sets of a process, as names such as
// CAP_NET_RAW, see capabilities(7). An ambient capability must be permitted and
// inheritable as well, an effective one permitted.
type CapabilitySets struct {
	Bounding    []string `json:"bounding"`
	Effective   []string `json:"effective"`
	Inheritable []string `json:"inheritable"`
	Permitted   []string `json:"permitted"`
	Ambient     []string `json:"ambient"`
}

// TimeOffset is added to a clock of the host to get the container's.
type TimeOffset struct {
	// Secs is the whole seconds, which may be negative.
	Secs int64 `json:"secs"`

	// Nanosecs is added to Secs and less than 1e9.
	Nanosecs uint32 `json:"nanosecs"`
}

// Rlimit is one resource limit, see getrlimit(2).
type Rlimit struct {
	// Type is the resource, such as unix.RLIMIT_NOFILE.
	Type int `json:"type"`

	// Hard is the ceiling for Soft; the largest uint64 is RLIM_INFINITY.
	Hard uint64 `json:"hard"`

	// Soft is the limit that the kernel enforces.
	Soft uint64 `json:"soft"`
}

// IDMap maps the Size ids from ContainerID on to those from HostID on, see
// user_namespaces(7).
type IDMap struct {
	ContainerID int `json:"container_id"`
	HostID      int `json:"host_id"`
	Size        int `json:"size"`
}

// HostUID returns the host's id of the container's root user. Without a user
// namespace that is 0. It is an error when the container has a user namespace
// and no mapping holds id 0.
func (c Config) HostUID() (int, error) {
	return c.HostUIDFor(0)
}

// HostGID returns the host's id of the container's root group. Without a user
// namespace that is 0. It is an error when the container has a user namespace
// and no mapping holds id 0.
func (c Config) HostGID() (int, error) {
	return c.HostGIDFor(0)
}

// HostUIDFor returns the host's id of the container's user id. Without a user
// namespace that is the id itself. Of a user namespace that is joined, the mappings are
// read from a process that is in it. It is an error when the container has a user
// namespace and no mapping holds the id.
func (c Config) HostUIDFor(id int) (int, error) {
	return c.hostID("user", "uid_map", c.UidMappings, id)
}

// HostGIDFor returns the host's id of the container's group id, as HostUIDFor does.
func (c Config) HostGIDFor(id int) (int, error) {
	return c.hostID("group", "gid_map", c.GidMappings, id)
}

func (c Config) hostID(kind, file string, mappings []IDMap, id int) (int, error) {
	if id < 0 {
		return -1, fmt.Errorf("%s id %d is negative", kind, id)
	}
	if !c.Namespaces.Contains(NEWUSER) {
		return id, nil
	}
	if path := c.Namespaces.PathOf(NEWUSER); path != "" && len(mappings) == 0 {
		var err error
		if mappings, err = joinedMappings(path, file); err != nil {
			return -1, err
		}
	}
	if len(mappings) == 0 {
		return -1, errors.New("user namespace without " + kind + " id mappings")
	}
	for _, m := range mappings {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return m.HostID + id - m.ContainerID, nil
		}
	}
	return -1, fmt.Errorf("no %s id mapping holds id %d", kind, id)
}
