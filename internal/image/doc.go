// Package image makes the program that a container's init is: an interpreter of
// lists of system calls (package program), about a thousand bytes of assembly, and a
// minimal ELF file around it.
//
// Each start gets a file of its own, in memory, sealed (memfd_create(2)), or, where
// such files may not be executed, on a read-only file system of its own. It holds
// nothing of the host's program, and no other start executes it: a container that
// gets hold of the file of its init, through /proc/self/exe say, can read some public
// bytes, and can neither change them nor keep anybody else from starting.
package image
