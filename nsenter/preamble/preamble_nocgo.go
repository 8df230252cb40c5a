//go:build !linux || !cgo

package preamble

// Supported tells whether the program was built with cgo and so holds the
// preamble.
const Supported = false

// InitPipe returns -1: without cgo no process is a container's init.
func InitPipe() int { return -1 }

// Helper returns no memory.
func Helper() (base, size uintptr) { return 0, 0 }

// HookLinked returns false: without cgo there is no hook.
func HookLinked() bool { return false }
