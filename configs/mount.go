package configs

import "github.com/libcontainer/libcontainer/internal/linux"

// Mount is a mount in the container's mount namespace, see mount(2).
type Mount struct {
	// Source is the host's path of a bind mount, else the name of the file
	// system's source, such as "tmpfs". The container's processes need no way to the
	// path of a bind mount: where the root user of a user namespace may not pass through a
	// directory on it, the calling program opens the source with its own rights.
	Source string `json:"source"`

	// Destination is the path inside the container. It is created when it does
	// not exist and may not lead out of the root file system. A relative path
	// is relative to the container's root.
	Destination string `json:"destination"`

	// Device is the type of the file system, such as "proc", or "bind".
	Device string `json:"device"`

	// Flags are the MS_* flags of mount(2).
	Flags int `json:"flags"`

	// FlagsClear are flags of mount(2) that a new bind mount does not take over
	// from its source: MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_NOSYMFOLLOW,
	// MS_NODIRATIME, MS_NOATIME, MS_RELATIME and MS_STRICTATIME. They are cleared
	// on this mount alone, and not on what is mounted below it, and cannot be in
	// Flags too. Clearing one of the last three means the kernel's default, which
	// is MS_RELATIME, unless Flags have another one. A mount with MS_REMOUNT sets
	// exactly its Flags, and has no use for it.
	FlagsClear int `json:"flags_clear,omitempty"`

	// PropagationFlags are applied to the mount one by one after it is made,
	// such as MS_PRIVATE or MS_SLAVE|MS_REC.
	PropagationFlags []int `json:"propagation_flags"`

	// Data is the file system's own options, separated by commas.
	Data string `json:"data"`

	// Relabel gives the source of a bind mount the container's SELinux label:
	// "z" when it is shared between containers, "Z" when it is not.
	Relabel string `json:"relabel"`

	// PremountCmds are run before the mount: programs of the host, as the root file
	// system is not yet the container's, in the container's mount namespace. Path
	// and Args are what exec.Command takes.
	PremountCmds []Command `json:"premount_cmds"`

	// PostmountCmds are run after the mount, as PremountCmds are before.
	PostmountCmds []Command `json:"postmount_cmds"`

	// IDMapping makes a bind mount an idmapped one (mount_setattr(2)): files
	// appear to belong to other users and groups than those that the file
	// system stores, and new files are stored accordingly. The file system must
	// support it, and the host's process needs CAP_SYS_ADMIN in the user
	// namespace that the file system was mounted in.
	IDMapping MountIDMapping `json:"id_mapping,omitempty"`

	// UidMappings and GidMappings say how IDMapping maps: ContainerID is an id
	// that the file system stores, HostID the one, as seen from the host's user
	// namespace, that the file appears to belong to in the mount. The files of
	// ids that are in no range belong to nobody, and cannot be made. Either
	// both are set or none; then they are those of the container's own user
	// namespace, so that the ids inside are those that are stored.
	UidMappings []IDMap `json:"uid_mappings,omitempty"`
	GidMappings []IDMap `json:"gid_mappings,omitempty"`

	// RecAttrSet and RecAttrClear are attributes, MOUNT_ATTR_* of
	// mount_setattr(2), that are set and cleared on this mount and all that are
	// mounted below it, after Flags have had their effect on this mount alone.
	// Nothing is cleared that protects a mount of the host against a user
	// namespace. The access time attributes are one value of several bits:
	// to set one of them MOUNT_ATTR__ATIME is cleared, and cleared alone it
	// means relatime.
	RecAttrSet   uint64 `json:"rec_attr_set,omitempty"`
	RecAttrClear uint64 `json:"rec_attr_clear,omitempty"`

	// CopyUp fills a tmpfs with what is in the directory that it covers:
	// directories, files, symbolic links, fifos and sockets, with their owner,
	// mode, times, access control lists and extended attributes of the user.
	// The directory's own owner and mode are those of the tmpfs, unless Data
	// says otherwise. What is mounted further below, and device nodes, are left
	// out; files with several names are copied for each. A file of a user whom
	// the container's user namespace does not map belongs to its root. If the
	// directory is on a nosuid mount, set-user-id bits and file capabilities are
	// left out. The files count against the size of the tmpfs alone, so that
	// Data should have one for a root file system that is not trusted.
	CopyUp bool `json:"copy_up,omitempty"`
}

// MountIDMapping says which mounts of a bind mount are idmapped.
type MountIDMapping string

const (
	// IDMapNone maps no ids.
	IDMapNone MountIDMapping = ""

	// IDMapMount maps the ids of the mount itself, the OCI option "idmap".
	IDMapMount MountIDMapping = "idmap"

	// IDMapRecursive maps the ids of the mount and of all that came along with
	// it by MS_REC, the OCI option "ridmap".
	IDMapRecursive MountIDMapping = "ridmap"
)

// IsBind tells whether the mount is a bind mount: whether Flags have MS_BIND.
func (m *Mount) IsBind() bool {
	return m.Flags&linux.MS_BIND != 0
}
