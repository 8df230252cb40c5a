// Package nsenter makes a program able to be the init process of the containers
// that it starts. Importing it for its side effect is all that a program must do:
//
//	import _ "github.com/libcontainer/libcontainer/nsenter"
//
// That is needed for programs that are another program's InitPath, or that use the option
// ClassicInit: otherwise init is a small program of the library's own. A factory then
// executes a sealed copy of the program. In that process, and in no other, the C code of
// package preamble has joined and created the container's namespaces before Go booted,
// and this package's initialisation executes the list of system calls that the host
// sends, which sets up the container and becomes the user's program. It depends on
// little, so that it runs before most other packages are initialised; the program's main
// never runs.
//
// A program that calls [libcontainer.Factory].StartInitialization from an init
// function of its own, as the classic library asked for, needs no import of
// this package; its containers wait for all that is initialised before.
package nsenter
