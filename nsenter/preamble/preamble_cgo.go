//go:build linux && cgo

package preamble

/*
#cgo CFLAGS: -Wall -Wextra -Os
#include "preamble.h"
*/
import "C"

// Supported tells whether the program was built with cgo and so holds the
// preamble.
const Supported = true

// InitPipe returns the fd of the init pipe in a process that a factory started
// as a container's init and that the preamble has brought into its namespaces,
// and -1 in every other process.
func InitPipe() int { return int(C.libcontainer_init_pipe()) }

// Helper returns the memory by which the thread is told what to do that helps init to
// execute its program.
func Helper() (base, size uintptr) {
	return uintptr(C.libcontainer_helper()), uintptr(C.libcontainer_helper_size())
}

// HookLinked tells whether this program imports package nsenter, which starts
// the Go side of init by itself.
func HookLinked() bool { return C.libcontainer_hook_linked() != 0 }
