// Slowinit is a host in which a lot is initialised before the library is.
package main

import (
	"github.com/libcontainer/libcontainer/integration/testdata/hosts/internal/run"
	_ "github.com/libcontainer/libcontainer/integration/testdata/hosts/slowinit/slow"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

func main() { run.Container() }
