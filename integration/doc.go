// Package integration holds the tests that run as root: real namespaces, real
// cgroups, a real root file system. Every test checks, at its end, that nothing
// of its containers is left (leak_test.go).
//
// `make vmtest` runs the suite in virtual machines that differ in the layout of cgroups.
// A file whose tests do not depend on that has the comment //world:any before its package
// clause, and is left out where the suite runs in all of these machines.
package integration
