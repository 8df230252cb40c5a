package main

import (
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

const (
	memoryLimit = 64 << 20
	cpuShares   = 512
	pidsLimit   = 100
	hostname    = "bench"
)

// program is what runs in the container, and environment all that it gets.
var (
	program     = []string{"/bin/true"}
	environment = []string{"PATH=/bin"}
)

// containerConfig is the container that is measured: the library's default one, with new mount,
// PID, network, IPC and UTS namespaces and three limits. floor.c has it by hand and oci.go converts
// it, so that all do the same.
func containerConfig(rootfs, cgroup string) *configs.Config {
	config := configs.Default()
	config.Namespaces.Remove(configs.NEWCGROUP)
	config.Rootfs = rootfs
	config.Hostname = hostname
	config.Cgroups.Parent = "/"
	config.Cgroups.Name = cgroup
	config.Cgroups.Memory = memoryLimit
	config.Cgroups.CpuShares = cpuShares
	config.Cgroups.PidsLimit = pidsLimit
	return config
}

func programName() string { return strings.Join(program, " ") }
