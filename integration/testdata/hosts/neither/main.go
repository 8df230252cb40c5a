// Neither is a host that cannot be init.
package main

import "github.com/libcontainer/libcontainer/integration/testdata/hosts/internal/run"

func main() { run.Container() }
