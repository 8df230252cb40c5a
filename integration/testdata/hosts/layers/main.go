// Layers is a host that starts a container with ids of a pool, on a root of layers, says so,
// and then does nothing until it is killed.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: layers ROOT IMAGE CGROUP")
	}
	runtime, err := libcontainer.Open(os.Args[1], tested.Manager)
	if err != nil {
		log.Fatal(err)
	}
	config := configs.Default()
	config.Overlay = &configs.Overlay{Lower: []string{os.Args[2]}, Memory: 1 << 20}
	config.Namespaces.Add(configs.NEWUSER, "")
	config.IDs = &configs.IDPool{First: 400000, Size: 65536, Count: 3}
	config.RootIDMapping = configs.IDMapMount
	config.Cgroups.Parent = os.Args[3]
	container, err := runtime.Create(context.Background(), "test", config)
	if err != nil {
		log.Fatal(err)
	}
	if err := container.Start(&libcontainer.Process{Args: []string{"/bin/sleep", "1000000"}}); err != nil {
		log.Fatal(err)
	}
	fmt.Println("started")
	select {}
}
