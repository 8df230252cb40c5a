//go:build linux && cgo

package nsenter

// const int libcontainer_nsenter_hook = 1;
import "C"

import (
	"os"
	"runtime"

	"github.com/libcontainer/libcontainer/internal/program"
	"github.com/libcontainer/libcontainer/nsenter/preamble"
)

func init() {
	fd := preamble.InitPipe()
	if fd < 0 {
		return
	}
	// Credentials, capabilities and namespaces belong to a thread.
	runtime.LockOSThread()
	base, size := preamble.Helper()
	_ = program.Run(fd, program.Memory{Base: base, Size: size}) // returns only after it has told the host what failed
	os.Exit(1)
}
