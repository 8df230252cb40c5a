// Starts is a host that starts a container, says so, and then does nothing until
// it is killed: it does not wait for the container's processes. A further argument
// is a createContainer hook, for the host's shell; the next one a script that the
// container runs instead of cat, for its shell.
package main

import (
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 4 {
		log.Fatal("usage: starts ROOT ROOTFS CGROUP [HOOK [SCRIPT]]")
	}
	factory, err := libcontainer.New(os.Args[1], tested.Manager)
	if err != nil {
		log.Fatal(err)
	}
	config := configs.Default()
	config.Rootfs = os.Args[2]
	config.Cgroups.Parent = os.Args[3]
	if len(os.Args) > 4 {
		hook := configs.Command{Path: "/bin/sh", Args: []string{"sh", "-c", os.Args[4]}}
		config.Hooks = &configs.Hooks{CreateContainer: []configs.Hook{configs.NewCommandHook(hook)}}
	}
	container, err := factory.Create("test", config)
	if err != nil {
		log.Fatal(err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		log.Fatal(err)
	}
	args := []string{"/bin/cat"}
	if len(os.Args) > 5 {
		args = []string{"/bin/sh", "-c", os.Args[5]}
	}
	p := &libcontainer.Process{Args: args, Env: []string{"PATH=/bin"}, Stdin: r}
	if err := container.Start(p); err != nil {
		log.Fatal(err)
	}
	fmt.Println("started")
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	<-signals
	w.Close()
}
