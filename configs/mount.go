package configs

import "golang.org/x/sys/unix"

// Mount is a mount in the container's mount namespace, see mount(2).
type Mount struct {
	// Source is the host's path of a bind mount, else the name of the file
	// system's source, such as "tmpfs".
	Source string `json:"source"`

	// Destination is the path inside the container. It is created when it does
	// not exist and may not lead out of the root file system. A relative path
	// is relative to the container's root.
	Destination string `json:"destination"`

	// Device is the type of the file system, such as "proc", or "bind".
	Device string `json:"device"`

	// Flags are the MS_* flags of mount(2).
	Flags int `json:"flags"`

	// PropagationFlags are applied to the mount one by one after it is made,
	// such as MS_PRIVATE or MS_SLAVE|MS_REC.
	PropagationFlags []int `json:"propagation_flags"`

	// Data is the file system's own options, separated by commas.
	Data string `json:"data"`

	// Relabel gives the source of a bind mount the container's SELinux label:
	// "z" when it is shared between containers, "Z" when it is not.
	Relabel string `json:"relabel"`

	// PremountCmds are run before the mount.
	PremountCmds []Command `json:"premount_cmds"`

	// PostmountCmds are run after the mount.
	PostmountCmds []Command `json:"postmount_cmds"`
}

// IsBind tells whether the mount is a bind mount: whether Flags have MS_BIND.
func (m *Mount) IsBind() bool {
	return m.Flags&unix.MS_BIND != 0
}
