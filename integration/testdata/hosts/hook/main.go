// Hook is a host with the hook of the classic documentation, and no import.
package main

import (
	"os"
	"runtime"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/integration/testdata/hosts/internal/run"
)

func init() {
	if len(os.Args) > 1 && os.Args[1] == "init" {
		runtime.LockOSThread()
		factory, _ := libcontainer.New("")
		if err := factory.StartInitialization(); err != nil {
			os.Exit(1)
		}
	}
}

func main() { run.Container() }
