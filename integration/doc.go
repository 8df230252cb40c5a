// Package integration holds the tests that run as root: real namespaces, real
// cgroups, a real root file system. Every test checks, at its end, that nothing
// of its containers is left (leak_test.go).
//
// The files with the build tag "pending" say what is not there yet: a process that is
// seen by the container only after it has entered all of its cgroups, and starts below a
// frozen cgroup of version 1.
// `go test -tags pending` runs them, too.
package integration
