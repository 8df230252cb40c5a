// Starts is a host that starts a container, says so, and then does nothing until
// it is killed: it does not wait for the container's processes. A command that is
// given is a createContainer hook, for the host's shell.
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
		log.Fatal("usage: starts ROOT ROOTFS CGROUP [HOOK]")
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
	if err := container.Start(&libcontainer.Process{Args: []string{"/bin/cat"}, Stdin: r}); err != nil {
		log.Fatal(err)
	}
	fmt.Println("started")
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt)
	<-signals
	w.Close()
}
