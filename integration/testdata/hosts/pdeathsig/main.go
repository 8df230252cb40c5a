// Pdeathsig is a host whose container is to die with it.
package main

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/integration/testdata/hosts/internal/run"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

func main() {
	factory, err := libcontainer.New(os.Args[2], tested.Manager)
	check(err)
	config := run.Config()
	config.ParentDeathSignal = int(unix.SIGKILL)
	c, err := factory.Create("pdeathsig", config)
	check(err)
	p := &libcontainer.Process{Args: []string{"/bin/sleep", "100000"}}
	check(c.Start(p))
	pid, err := p.Pid()
	check(err)
	fmt.Println(pid)
	_, err = p.Wait()
	check(err)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
