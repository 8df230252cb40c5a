// Package program is the model of what a container's init does: a list of
// system calls.
//
// The host, where Go has booted and where the tests are, decides; whoever is init
// only executes. A [Builder] collects operations into a [Program]. An operation is
// one system call with its arguments: numbers, data of the list, or the results of
// earlier operations, which are kept in registers. It may tolerate some errors and
// say where to go on then. Besides the system calls there are eight small
// operations, such as [Builder.Test], with which lists branch, loop, and ask the
// host for more.
//
// A list is sent as one message, see wire.go. Two interpreters execute it: one in
// assembly (package image), which is all that a container's init runs, and one in
// Go ([Run]), for init programs of the embedder's own. When an operation fails, the
// interpreter reports the error number and the index of the operation; the host,
// which has kept a text for each operation, makes the error of it
// ([Program.Error]).
//
// The package knows nothing of containers.
package program
