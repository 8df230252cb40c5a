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
	"net"
	"os"
	"runtime"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
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
// file has them whatever happens from then on. An earlier run of this container
// may have left what this one is about to make. The caller holds m.
func (c *linuxContainer) planNetworks() error {
	if c.started {
		if err := c.tearDownNetworks(); err != nil {
			return err
		}
	}
	if len(veths(c.config)) > 0 {
		config := *c.config
		config.Networks = nameNetworks(&config)
		c.config = &config
	}
	return c.planNetDevices()
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
func (c *linuxContainer) checkNetworks(next *configs.Config) error {
	if !c.started {
		return nil
	}
	same := slices.EqualFunc(c.config.Networks, next.Networks, sameNetwork) &&
		slices.EqualFunc(c.config.Routes, next.Routes, equal) &&
		maps.EqualFunc(c.config.NetDevices, next.NetDevices, equal)
	if !same {
		return errorf(ConfigInvalid, "set configuration of container %q: "+
			"Networks, NetDevices and Routes cannot change once it has been started", c.id)
	}
	next.Networks = c.config.Networks
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

// networkSetUp makes a container's networks: it works in the namespaces of both
// sides.
type networkSetUp struct {
	c      *linuxContainer
	ns     *os.File // the container's network namespace
	host   *netlink.Handle
	inside *netlink.Handle
}

// setUpNetworks makes the container's interfaces and routes. What it has made
// when it fails, tearDownNetworks removes.
func (l *launch) setUpNetworks() error {
	c := l.c
	if len(veths(c.config))+len(c.netDevices)+len(c.config.Routes) == 0 {
		return nil
	}
	ns, err := l.ref.Namespace("net")
	if errors.Is(err, pidfd.ErrNoProcess) {
		return errDied
	}
	if err != nil {
		return err
	}
	defer ns.Close()
	if len(c.netDevices) > 0 {
		if err := c.pinNetNS(ns); err != nil {
			return err
		}
	}
	s := &networkSetUp{c: c, ns: ns}
	if s.host, err = newNetlink(); err != nil {
		return err
	}
	defer s.host.Close()
	if s.inside, err = newNetlinkIn(ns); err != nil {
		return err
	}
	defer s.inside.Close()
	return s.run()
}

// run moves devices first: they may have what the kernel would give to new ones.
func (s *networkSetUp) run() error {
	for i := range s.c.netDevices {
		d := &s.c.netDevices[i]
		if err := s.moveIn(d); err != nil {
			return fmt.Errorf("move network device %q into the container: %w", d.HostName, err)
		}
	}
	for _, n := range veths(s.c.config) {
		if err := s.addVeth(n); err != nil {
			return fmt.Errorf("set up veth %q with the host's end %q: %w", n.Name, n.HostInterfaceName, err)
		}
	}
	for i, r := range s.c.config.Routes {
		if err := s.addRoute(r); err != nil {
			return fmt.Errorf("add Routes[%d] through %q: %w", i, r.InterfaceName, err)
		}
	}
	return nil
}

func (s *networkSetUp) addRoute(r *configs.Route) error {
	link, err := s.inside.LinkByName(r.InterfaceName)
	if isNoLink(err) {
		return invalid(errors.New("the container has no such interface"))
	}
	if err != nil {
		return fmt.Errorf("find interface: %w", err)
	}
	route := &netlink.Route{
		LinkIndex: link.Attrs().Index,
		Gw:        net.ParseIP(r.Gateway),
		Src:       net.ParseIP(r.Source),
	}
	if r.Destination != "" {
		if _, route.Dst, err = net.ParseCIDR(r.Destination); err != nil {
			return invalid(fmt.Errorf("destination: %w", err))
		}
	}
	if r.Gateway == "" {
		route.Scope = netlink.SCOPE_LINK
	}
	if err := s.inside.RouteAdd(route); err != nil {
		return fmt.Errorf("to %q by gateway %q from %q: %w", r.Destination, r.Gateway, r.Source, err)
	}
	return nil
}

// tearDownNetworks gives the host's devices back and removes the host's ends of
// veth pairs, with which the container's go. When it returns they are gone: the
// kernel itself would remove them some time after the last process has ended. To
// call it again does nothing.
func (c *linuxContainer) tearDownNetworks() error {
	return errors.Join(c.returnDevices(), c.removeVeths())
}

// networkStats gives the counters of the veth pairs, as the container sees them:
// what its end has received, the host's end has sent. A pair that has gone with
// the container's processes has none.
func (c *linuxContainer) networkStats() ([]*NetworkInterface, error) {
	networks := veths(c.config)
	if len(networks) == 0 {
		return nil, nil
	}
	host, err := newNetlink()
	if err != nil {
		return nil, err
	}
	defer host.Close()
	var list []*NetworkInterface
	for _, n := range networks {
		link, err := c.ownVeth(host, n.HostInterfaceName)
		if err != nil {
			return nil, err
		}
		if link == nil || link.Attrs().Statistics == nil {
			continue
		}
		stats := link.Attrs().Statistics
		list = append(list, &NetworkInterface{
			Name:    n.Name,
			RxBytes: stats.TxBytes, RxPackets: stats.TxPackets, RxErrors: stats.TxErrors, RxDropped: stats.TxDropped,
			TxBytes: stats.RxBytes, TxPackets: stats.RxPackets, TxErrors: stats.RxErrors, TxDropped: stats.RxDropped,
		})
	}
	return list, nil
}

func newNetlink() (*netlink.Handle, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	return h, nil
}

// newNetlinkIn opens a netlink socket of another namespace: a socket stays in the
// namespace that it was made in.
func newNetlinkIn(ns *os.File) (h *netlink.Handle, err error) {
	err = inNetNS(ns, func() error {
		h, err = newNetlink()
		return err
	})
	return h, err
}

// inNetNS runs f on a thread that is in the network namespace meanwhile. Threads
// that Go makes in that time do not inherit it. netlink.NewHandleAt does the same
// but would give a thread that cannot come back to other goroutines.
func inNetNS(ns *os.File, f func() error) error {
	runtime.LockOSThread()
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open own network namespace: %w", err)
	}
	defer own.Close()
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("enter network namespace of the container: %w", err)
	}
	err = f()
	if back := unix.Setns(int(own.Fd()), unix.CLONE_NEWNET); back != nil {
		// Locked as it stays, the thread ends with this goroutine.
		return errors.Join(err, fmt.Errorf("return to own network namespace: %w", back))
	}
	runtime.UnlockOSThread()
	return err
}

func isNoLink(err error) bool {
	var missing netlink.LinkNotFoundError
	return errors.As(err, &missing)
}

// isGone tells whether an operation on a link failed because the link has gone,
// such as with the namespace of its peer.
func isGone(err error) bool { return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT) }
