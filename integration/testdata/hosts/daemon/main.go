// Daemon is a host that cannot be init, and whose main function does something
// else first when it is run as init: it ends by itself without a container.
package main

import (
	"os"

	"github.com/libcontainer/libcontainer/integration/testdata/hosts/internal/run"
)

func main() {
	if len(os.Args) < 4 {
		return
	}
	run.Container()
}
