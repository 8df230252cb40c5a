package network_test

import (
	"context"
	"log"
	"net/netip"
	"os"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/network"
)

// A web server that is reached by a port of the host.
func Example() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/my-containers/state")
	if err != nil {
		log.Fatal(err)
	}
	net, err := network.Open(ctx, "/run/my-containers/net", network.Config{
		Name:      "blue",
		Subnets:   []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24"), netip.MustParsePrefix("fd77::/64")},
		OnWarning: func(err error) { log.Print(err) },
	})
	if err != nil {
		log.Fatal(err)
	}
	config := configs.Default()
	config.Rootfs = "/path/to/rootfs"
	endpoint, err := net.Attach(ctx, "web", config, network.Port{HostPort: 8080, ContainerPort: 80})
	if err != nil {
		log.Fatal(err)
	}
	defer net.Detach(ctx, "web")
	log.Printf("http://%v/", endpoint.IPv4)
	container, err := runtime.Create(ctx, "web", config)
	if err != nil {
		log.Print(err)
		return
	}
	defer container.Destroy() // before Detach
	if _, err := container.Run(ctx, &libcontainer.Process{Args: []string{"/bin/httpd", "-f"}, Stderr: os.Stderr}); err != nil {
		log.Print(err)
	}
}

// What containers that exist no more have of the network is given back when a program starts.
func ExampleNetwork_Collect() {
	ctx := context.Background()
	runtime, err := libcontainer.Open("/run/my-containers/state")
	if err != nil {
		log.Fatal(err)
	}
	net, err := network.Open(ctx, "/run/my-containers/net", network.Config{
		Name: "blue", Subnets: []netip.Prefix{netip.MustParsePrefix("10.77.0.0/24")},
	})
	if err != nil {
		log.Fatal(err)
	}
	containers, err := runtime.List(ctx)
	if err != nil {
		log.Fatal(err)
	}
	var live []string
	for _, c := range containers {
		live = append(live, c.ID())
	}
	if err := net.Collect(ctx, live); err != nil {
		log.Fatal(err)
	}
}
