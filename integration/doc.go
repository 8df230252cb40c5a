// Package integration holds the tests that run as root: real namespaces, real
// cgroups, a real root file system. Every test checks, at its end, that nothing
// of its containers is left (leak_test.go).
package integration
