// Rootless is a host without privileges: its container has a user namespace, and
// no cgroups where it may not make them. A fourth argument "ids" gives it the
// ids of /etc/subuid and /etc/subgid besides the user's own.
package main

import (
	"fmt"
	"os"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/testdata/hosts/internal/run"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

const script = "echo $(id -u) $(id -g) $(hostname); awk '{print $1, $2, $3}' /proc/self/uid_map; echo x >/dev/null; ps | wc -l"

func main() {
	if err := rootless(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func rootless() error {
	factory, err := libcontainer.New(os.Args[2])
	if err != nil {
		return err
	}
	c, err := factory.Create("rootless", config())
	if err != nil {
		return err
	}
	defer c.Destroy()
	p := &libcontainer.Process{Args: []string{"/bin/sh", "-c", script}, Stdout: os.Stdout, Stderr: os.Stderr}
	if err := c.Start(p); err != nil {
		return err
	}
	_, err = p.Wait()
	return err
}

func config() *configs.Config {
	config := run.Config()
	config.Hostname = "rootless"
	config.Cgroups.Optional = true
	config.Cgroups.Resources = &configs.Resources{AllowAllDevices: true, MemorySwappiness: -1}
	config.Namespaces.Add(configs.NEWUSER, "")
	config.UidMappings = []configs.IDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	config.GidMappings = []configs.IDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	if len(os.Args) > 4 {
		more := configs.IDMap{ContainerID: 1, HostID: 200000, Size: 1000}
		config.UidMappings = append(config.UidMappings, more)
		config.GidMappings = append(config.GidMappings, more)
		return config
	}
	for _, m := range config.Mounts {
		if m.Device == "devpts" {
			m.Data = "newinstance,ptmxmode=0666" // there is no group tty
		}
	}
	return config
}
