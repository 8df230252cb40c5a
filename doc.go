// Package libcontainer runs Linux containers from inside a Go program:
// namespaces, cgroups, capabilities, a root file system of their own and
// resource limits, with no daemon, no shim and no other binary.
//
// A program that embeds it imports package nsenter for its side effect, makes a
// [Factory], and from it containers:
//
//	import (
//		"github.com/libcontainer/libcontainer"
//		"github.com/libcontainer/libcontainer/configs"
//		_ "github.com/libcontainer/libcontainer/nsenter"
//	)
//
//	factory, err := libcontainer.New("/run/example")
//	config := configs.Default()
//	config.Rootfs = "/srv/rootfs"
//	container, err := factory.Create("web", config)
//	defer container.Destroy()
//	process := &libcontainer.Process{Args: []string{"/bin/true"}}
//	err = container.Start(process)
//	state, err := process.Wait()
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
