// Package preamble is the C code that a container's init process runs before
// Go's runtime boots: it joins and creates namespaces, which a process with
// threads cannot do, and clones the process in which Go then boots.
//
// It is linked into every program that imports libcontainer and does nothing in
// a process that no factory started. Programs import package nsenter, not this
// one.
package preamble
