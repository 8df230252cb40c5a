// Package lives is the container that is measured, and what is measured of it, for a program that
// embeds the library: bench itself and the host programs below bench/hosts.
package lives

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	_ "github.com/libcontainer/libcontainer/nsenter" // makes the program its containers' init
)

// What the container is limited to, and called.
const (
	MemoryLimit = 64 << 20
	CPUShares   = 512
	PidsLimit   = 100
	Hostname    = "bench"
)

// The ids of the host that the users of a container with a user namespace have.
const (
	FirstID = 100000
	IDs     = 65536
)

// Program is what runs in the container, and Environment all that it gets.
var (
	Program     = []string{"/bin/true"}
	Environment = []string{"PATH=/bin"}
)

// ProgramName is Program as one would type it.
func ProgramName() string { return strings.Join(Program, " ") }

// Config is the container that is measured: the library's default one, with new mount, PID, network,
// IPC and UTS namespaces and three limits. floor.c has it by hand and oci.go converts it, so that all
// do the same.
func Config(rootfs, cgroup string) *configs.Config {
	config := configs.Default()
	config.Namespaces.Remove(configs.NEWCGROUP)
	config.Rootfs = rootfs
	config.Hostname = Hostname
	config.Cgroups.Parent = "/"
	config.Cgroups.Name = cgroup
	config.Cgroups.Memory = MemoryLimit
	config.Cgroups.CpuShares = CPUShares
	config.Cgroups.PidsLimit = PidsLimit
	return config
}

// UserConfig is that container with a new user namespace.
func UserConfig(rootfs, cgroup string) *configs.Config {
	config := Config(rootfs, cgroup)
	config.Namespaces.Add(configs.NEWUSER, "")
	config.UidMappings = []configs.IDMap{{ContainerID: 0, HostID: FirstID, Size: IDs}}
	config.GidMappings = []configs.IDMap{{ContainerID: 0, HostID: FirstID, Size: IDs}}
	return config
}

// NewFactory makes the factory that keeps its state below work.
func NewFactory(work string) (libcontainer.Factory, error) {
	return libcontainer.New(filepath.Join(work, "library"))
}

// NewID gives an id, and name of cgroups, that containers of no other use or number have.
func NewID(use string, number int) string {
	return fmt.Sprintf("lctest-bench-%s-%d-%d", use, os.Getpid(), number)
}
