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
// Starting a container runs the program again, as the container's init, from a
// sealed copy in memory. Before Go boots in that process, C code of package
// nsenter joins and creates the namespaces; the Go side then sets up the root
// file system and becomes the user's program. The program's main function does
// not run there.
//
// The library changes nothing in its host process, and reaps the processes that
// it started and no other. All methods are safe for concurrent use. Linux 5.12
// or newer and cgo are required.
package libcontainer
