// What victim and collector have in common: the containers of one round.

package main

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// slots is how many containers there may be at a time.
const slots = 3

// round is what the supervisor tells the programs of one round.
type round struct {
	Seed   uint64
	Number int
	Root   string // of the factory
	Rootfs string
	Cgroup string // parent of all
	Bridge string
}

// random gives the choices of one program in this round.
func (r round) random(who string) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, r.Number, who)
	return rand.New(rand.NewPCG(r.Seed, h.Sum64()))
}

func (r round) newFactory() (libcontainer.Factory, error) {
	return libcontainer.New(r.Root, tested.Manager)
}

func id(slot int) string { return "chaos-" + strconv.Itoa(slot) }

// deviceName is that of a host's device that a container may get.
func deviceName(slot int) string { return "device" + strconv.Itoa(slot) }

// config gives a configuration with something of each kind that could be left.
// What is in it varies.
func (r round) config(slot int, random *rand.Rand) *configs.Config {
	c := configs.Default()
	c.Rootfs = r.Rootfs
	c.Hostname = id(slot)
	c.Cgroups.Name = id(slot)
	c.Cgroups.Parent = r.Cgroup
	c.Cgroups.Memory, c.Cgroups.PidsLimit = 64<<20, 500
	veth := &configs.Network{
		Type: "veth", Bridge: r.Bridge,
		Address: fmt.Sprintf("192.0.2.%d/24", slot+1), Gateway: "192.0.2.254",
	}
	c.Networks = append(c.Networks, veth)
	if random.IntN(2) == 0 { // the same name again and again
		veth.HostInterfaceName = "veth" + strconv.Itoa(slot)
	}
	if random.IntN(3) == 0 {
		c.NetDevices = map[string]*configs.NetDevice{deviceName(slot): {Name: "moved%d"}}
	}
	if random.IntN(3) == 0 {
		c.Namespaces.Add(configs.NEWUSER, "")
		ids := []configs.IDMap{{ContainerID: 0, HostID: 100000, Size: 65536}}
		c.UidMappings, c.GidMappings = ids, ids
		if random.IntN(2) == 0 {
			c.IDs = &configs.IDPool{First: 300000, Size: 65536, Count: 100}
			c.RootIDMapping = configs.IDMapMount
		}
	} else if random.IntN(3) == 0 { // a user namespace's root can mount proc only with a pid namespace
		c.Namespaces.Remove(configs.NEWPID)
	}
	if random.IntN(3) == 0 {
		c.Overlay = &configs.Overlay{Lower: []string{c.Rootfs}, Memory: 1 << 20}
		c.Rootfs = ""
	}
	command := func() []configs.Hook {
		return []configs.Hook{configs.NewCommandHook(configs.Command{Path: "/bin/true"})}
	}
	c.Hooks = &configs.Hooks{
		Prestart: command(), CreateContainer: command(), StartContainer: command(), Poststop: command(),
	}
	return c
}

func shell(script string, stdin *os.File) *libcontainer.Process {
	p := &libcontainer.Process{
		Args: []string{"/bin/sh", "-c", script},
		Env:  []string{"PATH=/usr/bin:/bin:/usr/sbin:/sbin"},
	}
	if stdin != nil { // not an interface that holds nil
		p.Stdin = stdin
	}
	return p
}

// execIn runs a process in a container and checks its status.
func execIn(c libcontainer.Container, status int) error {
	p := shell("exit "+strconv.Itoa(status), nil)
	if err := c.Start(p); err != nil {
		return err
	}
	state, err := p.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return err
	}
	if state.ExitCode() != status {
		return fmt.Errorf("a process that exits with %d: %s", status, state)
	}
	return nil
}
