package configs

import (
	"os/exec"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// run is for programs that reap all of their children, too.
func run(cmd *exec.Cmd) error { return pidfd.Run(cmd) }
