// Package libcontainer runs Linux containers from inside a Go program:
// namespaces, cgroups, capabilities, a root file system of their own and
// resource limits, with no daemon, no shim and no other binary.
//
// A program that embeds it opens a [Runtime], creates a container, and runs programs in it:
//
//	runtime, err := libcontainer.Open("/run/example")
//	config := configs.Default()
//	config.Rootfs = "/srv/rootfs"
//	container, err := runtime.Create(ctx, "web", config)
//	defer container.Destroy()
//	result, err := container.Run(ctx, &libcontainer.Process{
//		Args:   []string{"/bin/echo", "hello"},
//		Stdout: os.Stdout,
//	})
//
// Run is for one program from its start to its end. An [Instance] also starts programs that
// are waited for elsewhere, or by another program that loads the container; prepares one
// that is released later; starts further ones beside the first; pauses, limits, measures and
// signals them; and tells when memory is scarce.
//
// The root file system is a directory, or made of an image's layers in the container's own mount
// namespace (configs.Overlay), with ids that are mapped as those of the container's
// user namespace are (Config.RootIDMapping), and which can come from a pool (Config.IDs). See
// package configs for an example.
//
// # The classic library
//
// The API of the classic library is there as it was in 2016, and frozen: [New] makes a
// [Factory], that makes a [Container], which starts a [Process]. Every Container is an
// Instance, see [From]. A classic program imports package nsenter for its side effect:
//
//	import _ "github.com/libcontainer/libcontainer/nsenter"
//
//	factory, err := libcontainer.New("/run/example")
//	container, err := factory.Create("web", config)
//	process := &libcontainer.Process{Args: []string{"/bin/true"}}
//	err = container.Start(process)
//	state, err := process.Wait()
//
// # How it works
//
// A container's init is a list of system calls, which the library compiles from the
// configuration and a small interpreter executes: no part of the calling program is
// in the container at any time, and nothing depends on what it imports. With
// [ClassicInit], or another InitPath, init is a program that imports package nsenter
// or calls StartInitialization, as in the classic library.
//
// Checkpoint and Restore save the processes of a container, and let them go on later, in another
// container or on another machine. They need CRIU; docs/checkpoint.md has all about them.
//
// The library changes nothing in its host process, and reaps the processes that
// it started and no other: as with os/exec, by Process.Wait, or by Destroy. All methods
// are safe for concurrent use. Linux 5.12 or newer is required, and cgo for init programs
// of one's own alone.
package libcontainer
