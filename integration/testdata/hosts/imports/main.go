// Imports is a host that does all that a host must do: it imports nsenter.
package main

import (
	"github.com/libcontainer/libcontainer/integration/testdata/hosts/internal/run"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

func main() { run.Container() }
