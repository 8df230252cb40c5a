// The host's side: the network interfaces of a container. They are made from here
// by netlink, in the namespace of an init process that has not yet begun to set
// anything up.
//
// What is the host's is found again by what state.json says, which is written
// before any of it is made: the names of the host's ends of veth pairs, and the
// devices that are moved in.

package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/netsetup"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// veths gives the networks that are veth pairs.
func veths(config *configs.Config) (list []*configs.Network) {
	for _, n := range config.Networks {
		if n != nil && n.Type == "veth" {
			list = append(list, n)
		}
	}
	return list
}

// planNetworks decides on all names before anything is made, so that the state
// file has them whatever happens from then on: in a copy of the configuration, and in
// what is to be known of the devices. An earlier run of this container may have left
// what this one is about to make.
func (v *view) planNetworks() (*configs.Config, []MovedDevice, error) {
	if v.started() {
		if err := v.tearDownNetworks(); err != nil {
			return nil, nil, err
		}
	}
	config := v.config
	if len(veths(config)) > 0 {
		named := *config
		named.Networks = nameNetworks(&named)
		config = &named
	}
	devices, err := planNetDevices(config)
	return config, devices, err
}

// nameNetworks returns copies of the networks, each with all its names.
func nameNetworks(config *configs.Config) []*configs.Network {
	taken := make(map[string]bool)
	for _, n := range veths(config) {
		taken[n.Name] = true
	}
	for host, d := range config.NetDevices {
		if d != nil && d.Name != "" {
			host = d.Name
		}
		taken[host] = true
	}
	networks := slices.Clone(config.Networks)
	next := 0
	for i, n := range networks {
		if n == nil || n.Type != "veth" {
			continue
		}
		named := *n
		for named.Name == "" {
			if name := "eth" + strconv.Itoa(next); !taken[name] {
				named.Name = name
			}
			next++
		}
		if named.HostInterfaceName == "" {
			named.HostInterfaceName = randomName("veth")
		}
		networks[i] = &named
	}
	return networks
}

// randomName fills an interface name up to its 15 bytes. Of the eleven random
// characters there are 2^56: one that is in use is not to be expected.
func randomName(prefix string) string {
	digits := strconv.FormatUint(rand.Uint64()|1<<63, 36) // 13 of them
	return prefix + digits[len(digits)-(15-len(prefix)):]
}

// checkNetworks refuses to change what a container that was started has: its
// interfaces are there, and Destroy looks for them by this configuration. A name
// that was made up at the start need not be given.
func (v *view) checkNetworks(next *configs.Config) error {
	if !v.started() {
		return nil
	}
	same := slices.EqualFunc(v.config.Networks, next.Networks, sameNetwork) &&
		slices.EqualFunc(v.config.Routes, next.Routes, equal) &&
		maps.EqualFunc(v.config.NetDevices, next.NetDevices, equal)
	if !same {
		return errorf(ConfigInvalid, "set configuration of container %q: "+
			"Networks, NetDevices and Routes cannot change once it has been started", v.c.id)
	}
	next.Networks = v.config.Networks
	return nil
}

func sameNetwork(had, want *configs.Network) bool {
	if had == nil || want == nil || want.Type != "veth" {
		return equal(had, want)
	}
	named := *want
	named.Name = cmp.Or(named.Name, had.Name)
	named.HostInterfaceName = cmp.Or(named.HostInterfaceName, had.HostInterfaceName)
	return *had == named
}

// equal compares what pointers point to; a state file may hold none.
func equal[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

// vethNames gives the names of the host's ends of the veth pairs.
func vethNames(config *configs.Config) (names []string) {
	for _, n := range veths(config) {
		names = append(names, n.HostInterfaceName)
	}
	return names
}

// setUpNetworks makes the container's interfaces and routes. What it has made
// when it fails, tearDownNetworks removes.
func (st *starting) setUpNetworks() error {
	c, v := st.c, st.c.view()
	if len(veths(v.config))+len(v.netDevices)+len(v.config.Routes) == 0 {
		return nil
	}
	ns, err := st.ref.Namespace("net")
	if errors.Is(err, pidfd.ErrNoProcess) {
		return errDied
	}
	if err != nil {
		return err
	}
	defer ns.Close()
	if len(v.netDevices) > 0 {
		if err := netsetup.Pin(ns, c.netNSFile()); err != nil {
			return err
		}
	}
	setup, err := netsetup.Open(ns, c.root)
	if err != nil {
		return err
	}
	defer setup.Close()
	return networkError(c.makeNetworks(setup))
}

// adoptNetworks makes the veth pairs that criu has made in a new network namespace the
// container's. One that was joined criu leaves alone: there they are made as at a start.
func (c *Instance) adoptNetworks(init *pidfd.Process) error {
	v := c.view()
	if len(veths(v.config)) == 0 {
		return nil
	}
	ns, err := init.Namespace("net")
	if err != nil {
		return err
	}
	defer ns.Close()
	setup, err := netsetup.Open(ns, c.root)
	if err != nil {
		return err
	}
	defer setup.Close()
	have := setup.AdoptVeth
	if v.config.Namespaces.PathOf(configs.NEWNET) != "" {
		have = setup.AddVeth
	}
	for _, n := range veths(v.config) {
		if err := have(n); err != nil {
			return networkError(err)
		}
	}
	return nil
}

// networkError gives an error of the caller's its code.
func networkError(err error) error {
	var config *netsetup.ConfigError
	if errors.As(err, &config) {
		return invalid(err)
	}
	return err
}

// makeNetworks moves devices first: they may have what the kernel would give to new
// ones.
func (c *Instance) makeNetworks(setup *netsetup.Setup) error {
	v := c.view()
	var reserved []string
	for _, n := range veths(v.config) {
		reserved = append(reserved, n.Name)
	}
	devices := slices.Clone(v.netDevices)
	for i := range devices {
		moved, err := setup.MoveIn(devices[i].device(), reserved)
		devices[i] = movedDevice(moved)
		known := slices.Clone(devices)
		c.set(func(next *view) { next.netDevices = known })
		if err != nil {
			return err
		}
	}
	for _, n := range veths(v.config) {
		if err := setup.AddVeth(n); err != nil {
			return err
		}
	}
	for i, r := range v.config.Routes {
		if err := setup.AddRoute(r); err != nil {
			return fmt.Errorf("add Routes[%d] through %q: %w", i, r.InterfaceName, err)
		}
	}
	return nil
}

// tearDownNetworks gives the host's devices back and removes the veth pairs. To call
// it again does nothing.
func (v *view) tearDownNetworks() error { return v.removeNetworks(v.netDevices) }

// leaveNetworks is tearDownNetworks at the end of a container's life: the devices that
// are to stay in its network namespace do, unless the container never had an init that
// could have used them.
func (v *view) leaveNetworks() error {
	if err := v.removeLocks(); err != nil {
		return err
	}
	if v.phase == phaseStarting {
		return v.tearDownNetworks()
	}
	joined := v.config.Namespaces.PathOf(configs.NEWNET) != ""
	return v.removeNetworks(slices.DeleteFunc(slices.Clone(v.netDevices), func(d MovedDevice) bool {
		asked := v.config.NetDevices[d.HostName]
		return joined || asked != nil && asked.Stay
	}))
}

func (v *view) removeNetworks(devices []MovedDevice) error {
	return errors.Join(v.returnDevices(devices), netsetup.RemoveVeths(v.c.root, vethNames(v.config)))
}

// networkStats gives the counters of the veth pairs, as the container sees them. A pair
// that has gone with the container's processes has none.
func (v *view) networkStats() ([]*NetworkInterface, error) {
	counters, err := netsetup.VethCounters(v.c.root, vethNames(v.config))
	if err != nil {
		return nil, err
	}
	var list []*NetworkInterface
	for i, n := range veths(v.config) {
		stats := counters[i]
		if stats == nil {
			continue
		}
		list = append(list, &NetworkInterface{
			Name:    n.Name,
			RxBytes: stats.RxBytes, RxPackets: stats.RxPackets, RxErrors: stats.RxErrors, RxDropped: stats.RxDropped,
			TxBytes: stats.TxBytes, TxPackets: stats.TxPackets, TxErrors: stats.TxErrors, TxDropped: stats.TxDropped,
		})
	}
	return list, nil
}

// planNetDevices notes the devices as they are on the host.
func planNetDevices(config *configs.Config) (list []MovedDevice, err error) {
	names := slices.Sorted(maps.Keys(config.NetDevices))
	devices, err := netsetup.Describe(names)
	if err != nil {
		return nil, networkError(err)
	}
	for i, d := range devices {
		d.Name = cmp.Or(config.NetDevices[names[i]].Name, d.HostName)
		list = append(list, movedDevice(d))
	}
	return list, nil
}

// netNSFile is where the container's network namespace is mounted while it may hold
// devices of the host, until Destroy has taken them back.
func (c *Instance) netNSFile() string { return c.dir.File("netns") }

// returnDevices gives the host those of its devices back, and lets go of the namespace. If
// the namespace has not been kept, no device has been moved there either.
func (v *view) returnDevices(list []MovedDevice) error {
	if len(v.netDevices) == 0 {
		return nil
	}
	ns, err := netsetup.OpenPinned(v.c.netNSFile())
	if err != nil {
		return err
	}
	if ns != nil {
		defer ns.Close()
		devices := make([]netsetup.Device, len(list))
		for i := range list {
			devices[i] = list[i].device()
		}
		if err := netsetup.MoveBack(ns, devices); err != nil {
			return err
		}
	}
	return netsetup.Unpin(v.c.netNSFile())
}

// MovedDevice is a network device of the host that the container has, as the state
// keeps it: what is needed to give it back.
type MovedDevice struct {
	HostName     string          `json:"host_name"`
	Name         string          `json:"name"`            // in the container
	Index        int             `json:"index,omitempty"` // in the container, once it is there
	Type         string          `json:"type"`
	HardwareAddr string          `json:"hardware_addr,omitempty"`
	Addresses    []DeviceAddress `json:"addresses,omitempty"`
	Up           bool            `json:"up,omitempty"`
}

// DeviceAddress is an address of a network device, see rtnetlink(7).
type DeviceAddress struct {
	Address       string `json:"address"` // with its prefix length
	Peer          string `json:"peer,omitempty"`
	NoPrefixRoute bool   `json:"no_prefix_route,omitempty"`
}

func (d MovedDevice) device() netsetup.Device {
	var addresses []netsetup.Address
	for _, a := range d.Addresses {
		addresses = append(addresses, netsetup.Address(a))
	}
	return netsetup.Device{
		HostName: d.HostName, Name: d.Name, Index: d.Index, Type: d.Type,
		HardwareAddr: d.HardwareAddr, Addresses: addresses, Up: d.Up,
	}
}

func movedDevice(d netsetup.Device) MovedDevice {
	var addresses []DeviceAddress
	for _, a := range d.Addresses {
		addresses = append(addresses, DeviceAddress(a))
	}
	return MovedDevice{
		HostName: d.HostName, Name: d.Name, Index: d.Index, Type: d.Type,
		HardwareAddr: d.HardwareAddr, Addresses: addresses, Up: d.Up,
	}
}
