package configs

import "fmt"

// Overlay makes a container's root file system of layers, by overlayfs: what is read comes
// from the topmost layer that has it, what is written goes to the upper layer, and the lower
// ones never change. So any number of containers share the layers of one image at the same time,
// and each sees its own changes alone.
//
// It is mounted in the container's own mount namespace, by its init: the host never has a
// mount of it, so there is none to be left behind when the calling program is killed, and
// mount points for Config.Mounts are made in the upper layer and not in the image. The
// container's mountinfo does not name the host's directories.
//
// All paths are absolute, clean and free of symbolic links, as Config.Rootfs is (see
// utils.ResolveRootfs), and of directories that exist. Directories above them may be closed to
// the root user of a user namespace. What is mounted below a layer is not part of it. If the mount
// of a layer is nosuid, nodev or noexec, so is the root's.
//
// In a user namespace the layers' ids are those of the host, unless Config.RootIDMapping maps
// them; and overlayfs takes its marks from extended attributes named user.overlay and not
// trusted.overlay: a directory of a lower layer that
// is marked as opaque with the latter is not opaque. Whiteouts that are character devices work.
type Overlay struct {
	// Lower are the lower layers, the topmost first, as in overlayfs's option lowerdir.
	// There is at least one, and there may be hundreds.
	Lower []string `json:"lower"`

	// Upper is the directory that gets what the container changes, and keeps it. Work is an
	// empty directory beside it, in the same file system and mount, that overlayfs needs for itself.
	// No two containers that run use the same. Where the container's users are not those of
	// the host, a directory above Upper should be closed to other users: what is in
	// there can have set-user-ID bits.
	//
	// The root user of a user namespace must be able to write to both: without
	// Config.RootIDMapping they belong to its id on the host.
	Upper string `json:"upper,omitempty"`
	Work  string `json:"work,omitempty"`

	// Memory keeps what the container changes in memory instead of Upper, up to so many
	// bytes, which are counted to its memory limit as it writes: then there is no space left
	// (ENOSPC). There is room for a file for each 1024 bytes, and for 1024 in any case. It ends
	// with the container. In a user namespace directories that replace those of lower
	// layers need Linux 6.6.
	Memory int64 `json:"memory,omitempty"`

	// Data is more of overlayfs's own options, separated by commas, such as "volatile",
	// which never waits for the disk, and after which Upper and Work are of no more use.
	Data string `json:"data,omitempty"`
}

// IDPool is a range of user and group ids of the host that is shared out among containers, each
// of which gets Size ids of its own. The containers of one factory's root directory share
// it, whichever programs make them: what they have is recorded there, and what belongs to a
// container that is gone can be had again. So nothing that is kept should belong to these ids on
// disk: see Config.RootIDMapping and Mount.IDMapping. All containers of a root directory get
// ids of the same pool, or of pools that have none in common.
type IDPool struct {
	// First is the first id of the host that belongs to the pool. In a program without
	// privileges it is one that /etc/subuid and /etc/subgid grant.
	First int `json:"first"`

	// Size is the number of ids of a container, such as 65536.
	Size int `json:"size"`

	// Count is the number of containers for which there are ids.
	Count int `json:"count"`
}

// Mapping maps the ids of a container from 0 on to those of the pool's range of that index, which
// is less than Count.
func (p IDPool) Mapping(index int) IDMap {
	return IDMap{ContainerID: 0, HostID: p.First + index*p.Size, Size: p.Size}
}

// String writes the ids of the pool for a person.
func (p IDPool) String() string {
	return fmt.Sprintf("%d ranges of %d ids from %d on", p.Count, p.Size, p.First)
}

// HasRoot tells whether the configuration has a root file system, Rootfs or Overlay.
func (c Config) HasRoot() bool { return c.Rootfs != "" || c.Overlay != nil }
