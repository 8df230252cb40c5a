// Package apitest holds the test that keeps the library's classic API frozen.
//
// The files in testdata list the exported API of the classic libcontainer, one
// package each. They are Go source without function bodies, with the imports
// that they need and the one unexported type that an exported declaration
// mentions added. The test type-checks them and compares each declaration with
// that of the package as it is compiled now. Every function, method with its
// kind of receiver, type, struct field with its tag, constant with its value and
// variable must be there and be equal; a package may have more. Only interfaces
// must have no further methods, which would break those who implement them.
//
// What differs on purpose is in the test's list of exceptions. A difference that
// the test reports is a break of somebody's program: change the code, not
// testdata.
package apitest
