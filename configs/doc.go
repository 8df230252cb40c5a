// Package configs describes a container as plain data: what it is isolated from,
// what its file system looks like, what it may use and what it may do. It is
// for programs that start containers through package libcontainer, and it is
// what a container's state file holds.
//
// A [Config] is complete in itself. [Default] returns one that is safe and that
// a caller edits; a Config written from scratch works as well, but then
// everything that is not asked for is not done: a nil Namespaces shares every
// namespace with the host and empty MaskPaths hide nothing.
//
//	config := configs.Default()
//	config.Rootfs = "/srv/web"
//	config.Hostname = "web"
//	config.Cgroups.Name = "web"
//	config.Cgroups.Memory = 256 << 20
//
// # Images and ids
//
// A root file system need not be a directory of the container's own. [Overlay] makes it of an
// image's layers, which any number of containers share, and of what this one changes. With
// RootIDMapping the image belongs to root on disk, whatever ids the container has, and with [IDPool]
// those are chosen for it, so that no other container has them:
//
//	config := configs.Default()
//	config.Overlay = &configs.Overlay{
//		Lower:  []string{"/srv/images/web/top", "/srv/images/web/base"},
//		Memory: 64 << 20, // or Upper and Work, to keep the changes
//	}
//	config.Namespaces.Add(configs.NEWUSER, "")
//	config.IDs = &configs.IDPool{First: 1 << 20, Size: 65536, Count: 10000}
//	config.RootIDMapping = configs.IDMapMount
//
// Nothing of it is mounted on the host, and nothing is to be unmounted, or given back, but by
// the container's Destroy.
//
// The package compiles on every system, for clients that only write and read
// configurations; flags and numbers are Linux's everywhere. It makes no system calls,
// with two exceptions: [Command.Run] runs a hook's program, and [Config.HostUIDFor] and
// its like read the mappings of a user namespace that is joined. Whether a Config makes sense is decided by package
// configs/validate, which every factory asks before it creates a container.
//
// # Ownership
//
// A factory and a container keep their own copy of what they are given. The
// package's variables, such as [DefaultSimpleDevices], are shared by the whole
// program and must be treated as read-only; [Default] returns copies of them.
//
// # JSON
//
// All types survive a round trip through encoding/json, but for [Hooks], which
// hold functions and live only in the process that set them. Names and tags are
// those of the classic libcontainer API and don't change; fields are only added,
// so composite literals should name their fields.
package configs
