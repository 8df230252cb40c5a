// Cni runs one program in a container whose network CNI plugins make, see https://www.cni.dev: for
// those who have networks that such plugins know how to make. Package network needs none.
//
//	cni [-plugins /usr/lib/cni] [-p HOSTPORT:PORT] network.conflist /path/to/rootfs command...
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/containernetworking/cni/libcni"
	types100 "github.com/containernetworking/cni/pkg/types/100"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	_ "github.com/libcontainer/libcontainer/nsenter" // makes this program its containers' init
	"github.com/libcontainer/libcontainer/utils"
)

// portMapping is what the plugin "portmap" takes.
type portMapping struct {
	HostPort      int    `json:"hostPort"`
	ContainerPort int    `json:"containerPort"`
	Protocol      string `json:"protocol"`
}

func main() {
	plugins := flag.String("plugins", "/usr/lib/cni", "`directory` of the plugins")
	var ports []portMapping
	flag.Func("p", "`HOSTPORT:PORT` of TCP to publish, if the network has the plugin portmap", func(text string) error {
		p := portMapping{Protocol: "tcp"}
		_, err := fmt.Sscanf(text, "%d:%d", &p.HostPort, &p.ContainerPort)
		ports = append(ports, p)
		return err
	})
	flag.Parse()
	if flag.NArg() < 3 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	list, err := libcni.ConfListFromFile(flag.Arg(0))
	if err != nil {
		log.Fatal(err)
	}
	code, err := run(ctx, *plugins, list, ports, flag.Arg(1), flag.Args()[2:])
	if err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

// run gives the exit code of a command in a new container in the network.
func run(ctx context.Context, plugins string, list *libcni.NetworkConfigList, ports []portMapping, rootfs string, args []string) (code int, err error) {
	if rootfs, err = utils.ResolveRootfs(rootfs); err != nil {
		return 0, err
	}
	state, err := os.MkdirTemp("", "cni-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(filepath.Join(state, "cache")), os.Remove(state)) }()
	cni := libcni.NewCNIConfigWithCacheDir([]string{plugins}, filepath.Join(state, "cache"), nil)
	// What a plugin that is missing cannot make it cannot remove, nor do then those before it.
	if _, err := cni.ValidateNetworkList(ctx, list); err != nil {
		return 0, err
	}
	runtime, err := libcontainer.Open(state)
	if err != nil {
		return 0, err
	}
	id := fmt.Sprintf("cni-%d", os.Getpid())
	config := configs.Default()
	config.Rootfs, config.Hostname, config.Cgroups.Name = rootfs, id, id
	container, err := runtime.Create(ctx, id, config)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, container.Destroy()) }()

	// All of the container is there but its program: so the namespace is the one that the program
	// will have, and belongs to the container's user namespace if there is one.
	process := &libcontainer.Process{
		Args: args, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
	}
	if err := container.Prepare(ctx, process); err != nil {
		return 0, err
	}
	current, err := container.State()
	if err != nil {
		return 0, err
	}
	// Plugins need the namespace when they remove what they have made, too. It stays as long as
	// this program has it open, and ends with it: after a crash no mount is left.
	namespace, err := os.Open(current.NamespacePaths[configs.NEWNET])
	if err != nil {
		return 0, err
	}
	defer namespace.Close()
	attachment := &libcni.RuntimeConf{
		ContainerID: id, NetNS: fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), namespace.Fd()), IfName: "eth0",
		CapabilityArgs: map[string]any{"portMappings": ports},
	}
	// Also after a failure: plugins that come earlier in the list may have made something. And
	// also after a signal.
	defer func() { err = errors.Join(err, cni.DelNetworkList(context.WithoutCancel(ctx), list, attachment)) }()
	result, err := cni.AddNetworkList(ctx, list, attachment)
	if err != nil {
		return 0, err
	}
	given, err := types100.NewResultFromResult(result)
	if err != nil {
		return 0, err
	}
	for _, ip := range given.IPs {
		fmt.Fprintf(os.Stderr, "%s has address %v\n", id, ip.Address.IP)
	}
	if err := container.Release(ctx); err != nil {
		return 0, err
	}
	status, err := container.Wait(ctx)
	if err != nil {
		return 0, err
	}
	return libcontainer.ExitCode(status), nil
}
