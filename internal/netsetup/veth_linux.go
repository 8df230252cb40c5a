package netsetup

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// maxAlias is IFALIASZ without the NUL at the end.
const maxAlias = 255

// AddVeth makes a pair of which one end is in the other namespace from the start. The
// container's end comes up first: then the host's is ready when it comes up, and
// the bridge forwards at once.
func (s *Setup) AddVeth(n *configs.Network) error {
	if err := s.addVeth(n); err != nil {
		return fmt.Errorf("set up veth %q with the host's end %q: %w", n.Name, n.HostInterfaceName, err)
	}
	return nil
}

func (s *Setup) addVeth(n *configs.Network) error {
	link, err := s.createVeth(n)
	if err != nil {
		return err
	}
	if err := s.host.LinkSetAlias(link, ownerAlias(s.owner)); err != nil {
		return fmt.Errorf("mark the host's end: %w", err)
	}
	if err := s.configurePeer(n); err != nil {
		return err
	}
	if err := s.host.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring up the host's end: %w", err)
	}
	if err := s.joinBridge(link, n); err != nil {
		return err
	}
	return s.addGateways(n)
}

// AdoptVeth makes a pair the owner's that somebody else has made, and gives the host's end what
// AddVeth gives it. The container's end stays as it is, but for the length of its queue.
func (s *Setup) AdoptVeth(n *configs.Network) error {
	if err := s.adoptVeth(n); err != nil {
		return fmt.Errorf("take over veth %q with the host's end %q: %w", n.Name, n.HostInterfaceName, err)
	}
	return nil
}

func (s *Setup) adoptVeth(n *configs.Network) error {
	peer, err := s.inside.LinkByName(n.Name)
	if err != nil {
		return fmt.Errorf("find the container's end: %w", err)
	}
	link, err := s.host.LinkByName(n.HostInterfaceName)
	if err != nil {
		return fmt.Errorf("find the host's end: %w", err)
	}
	// It might be another's that was there before.
	if link.Type() != "veth" || peer.Type() != "veth" ||
		link.Attrs().ParentIndex != peer.Attrs().Index || peer.Attrs().ParentIndex != link.Attrs().Index {
		return fmt.Errorf("the two are not the ends of one pair: %w", unix.EEXIST)
	}
	// The address first, before it can become that of a bridge.
	if err := s.host.LinkSetHardwareAddr(link, ownerMAC(s.owner, n.HostInterfaceName)); err != nil {
		return fmt.Errorf("mark the host's end: set its address: %w", err)
	}
	if err := s.host.LinkSetAlias(link, ownerAlias(s.owner)); err != nil {
		return fmt.Errorf("mark the host's end: %w", err)
	}
	if n.Mtu > 0 {
		if err := s.host.LinkSetMTU(link, n.Mtu); err != nil {
			return fmt.Errorf("set the MTU %d of the host's end: %w", n.Mtu, err)
		}
	}
	if n.TxQueueLen > 0 {
		if err := s.host.LinkSetTxQLen(link, n.TxQueueLen); err != nil {
			return fmt.Errorf("set the queue length %d of the host's end: %w", n.TxQueueLen, err)
		}
		if err := s.inside.LinkSetTxQLen(peer, n.TxQueueLen); err != nil { // criu does not
			return fmt.Errorf("set the queue length %d of the container's end: %w", n.TxQueueLen, err)
		}
	}
	if err := s.host.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring up the host's end: %w", err)
	}
	return s.joinBridge(link, n)
}

// createVeth makes the pair, in place of one that an earlier life of its owner has
// left.
func (s *Setup) createVeth(n *configs.Network) (netlink.Link, error) {
	err := s.linkAdd(n)
	if errors.Is(err, unix.EEXIST) {
		stale, rerr := removeVeth(s.host, s.owner, n.HostInterfaceName)
		if rerr != nil {
			return nil, rerr
		}
		if !stale {
			return nil, s.nameInUse(n, err)
		}
		err = s.linkAdd(n)
	}
	if err != nil {
		return nil, fmt.Errorf("make the pair: %w", err)
	}
	link, err := s.host.LinkByName(n.HostInterfaceName)
	if err != nil {
		return nil, fmt.Errorf("find the host's end: %w", err)
	}
	return link, nil
}

func (s *Setup) linkAdd(n *configs.Network) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = n.HostInterfaceName
	attrs.HardwareAddr = ownerMAC(s.owner, n.HostInterfaceName)
	attrs.MTU = n.Mtu
	veth := netlink.NewVeth(attrs)
	veth.PeerName = n.Name
	veth.PeerNamespace = netlink.NsFd(int(s.ns.Fd()))
	if n.TxQueueLen > 0 {
		veth.TxQLen, veth.PeerTxQLen = n.TxQueueLen, n.TxQueueLen
	}
	if n.MacAddress != "" {
		var err error
		if veth.PeerHardwareAddr, err = net.ParseMAC(n.MacAddress); err != nil {
			return invalid(err)
		}
	}
	return s.host.LinkAdd(veth)
}

// nameInUse says which of the two names the kernel refused.
func (s *Setup) nameInUse(n *configs.Network, cause error) error {
	if _, err := s.host.LinkByName(n.HostInterfaceName); err == nil {
		return invalid(fmt.Errorf("the HostInterfaceName %q is in use: %w", n.HostInterfaceName, cause))
	}
	return invalid(fmt.Errorf("the Name %q is in use in the container's network namespace: %w", n.Name, cause))
}

func (s *Setup) configurePeer(n *configs.Network) error {
	peer, err := s.inside.LinkByName(n.Name)
	if err != nil {
		return fmt.Errorf("find the container's end: %w", err)
	}
	for _, text := range []string{n.Address, n.IPv6Address} {
		if text == "" {
			continue
		}
		if err := addAddress(s.inside, peer, Address{Address: text}); err != nil {
			return err
		}
	}
	if err := s.inside.LinkSetUp(peer); err != nil {
		return fmt.Errorf("bring up the container's end: %w", err)
	}
	return nil
}

func (s *Setup) joinBridge(link netlink.Link, n *configs.Network) error {
	if n.Bridge == "" {
		return nil
	}
	bridge, err := s.host.LinkByName(n.Bridge)
	if isNoLink(err) {
		return invalid(fmt.Errorf("join bridge %q: there is no such device", n.Bridge))
	}
	if err != nil {
		return fmt.Errorf("find bridge %q: %w", n.Bridge, err)
	}
	if bridge.Type() != "bridge" {
		return invalid(fmt.Errorf("join bridge %q: it is a device of type %q", n.Bridge, bridge.Type()))
	}
	if err := s.host.LinkSetMaster(link, bridge); err != nil {
		return fmt.Errorf("join bridge %q: %w", n.Bridge, err)
	}
	if !n.HairpinMode {
		return nil
	}
	if err := s.host.LinkSetHairpin(link, true); err != nil {
		return fmt.Errorf("set hairpin mode on bridge %q: %w", n.Bridge, err)
	}
	return nil
}

func (s *Setup) addGateways(n *configs.Network) error {
	if n.Gateway == "" && n.IPv6Gateway == "" {
		return nil
	}
	peer, err := s.inside.LinkByName(n.Name)
	if err != nil {
		return fmt.Errorf("find the container's end: %w", err)
	}
	for _, family := range []struct{ gateway, address string }{{n.Gateway, n.Address}, {n.IPv6Gateway, n.IPv6Address}} {
		if family.gateway == "" {
			continue
		}
		if err := s.addGateway(peer.Attrs().Index, net.ParseIP(family.gateway), family.address); err != nil {
			return fmt.Errorf("add default route by %s: %w", family.gateway, err)
		}
	}
	return nil
}

// addGateway adds the default route. The kernel takes a router only if it knows a way to
// it: where the interface's address is a network of its own (/32, /128), as clouds give
// them, the router gets a route of its own first, over the link.
func (s *Setup) addGateway(link int, gateway net.IP, address string) error {
	if address != "" && !gateway.IsLinkLocalUnicast() {
		_, network, err := net.ParseCIDR(address)
		if err != nil {
			return invalid(err)
		}
		if ones, bits := network.Mask.Size(); ones == bits && !network.Contains(gateway) {
			onLink := &netlink.Route{
				LinkIndex: link,
				Dst:       &net.IPNet{IP: gateway, Mask: net.CIDRMask(bits, bits)},
				Scope:     netlink.SCOPE_LINK,
			}
			if err := s.inside.RouteAdd(onLink); err != nil && !errors.Is(err, unix.EEXIST) {
				return fmt.Errorf("over the link: %w", err)
			}
		}
	}
	return s.inside.RouteAdd(&netlink.Route{LinkIndex: link, Gw: gateway})
}

// ownerAlias marks the host's end of a pair as its owner's, for RemoveVeths and for
// whoever looks at it with ip-link(8).
func ownerAlias(owner string) string {
	alias := "libcontainer:" + owner
	if len(alias) <= maxAlias {
		return alias
	}
	hash := fnv.New128a()
	hash.Write([]byte(owner))
	return fmt.Sprintf("libcontainer:%x", hash.Sum(nil))
}

// ownerMAC marks it as well. An alias can be set only once the device exists, an
// address when it is made: a crash in between leaves a device that is marked. As
// a bridge takes the lowest address of its ports, one that starts with 0xfe, and
// is locally administered, does not make the bridge's own change. And it is not
// a random one, which udev would replace (MACAddressPolicy in systemd.link(5)).
func ownerMAC(owner, name string) net.HardwareAddr {
	hash := fnv.New64a()
	hash.Write([]byte(owner + "\x00" + name))
	return append(net.HardwareAddr{0xfe}, hash.Sum(nil)[3:]...)
}

// ownVeth finds the host's end of one of the owner's pairs: nil if there is none, or
// the name is that of a device that we have not made.
func ownVeth(host *netlink.Handle, owner, name string) (netlink.Link, error) {
	if name == "" {
		return nil, nil // none has been made
	}
	link, err := host.LinkByName(name)
	if isNoLink(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find network device %q: %w", name, err)
	}
	attrs := link.Attrs()
	ours := link.Type() == "veth" && attrs.Name == name &&
		(attrs.Alias == ownerAlias(owner) || attrs.HardwareAddr.String() == ownerMAC(owner, name).String())
	if !ours {
		return nil, nil
	}
	return link, nil
}

// RemoveVeths removes the pairs that are there, by the names of the host's ends. When
// it returns they are gone: the kernel itself would remove them some time after the
// last process of the other namespace has ended.
func RemoveVeths(owner string, names []string) error {
	if len(names) == 0 {
		return nil
	}
	host, err := newNetlink()
	if err != nil {
		return err
	}
	defer host.Close()
	var errs []error
	for _, name := range names {
		_, err := removeVeth(host, owner, name)
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// removeVeth tells whether there was one to remove. The kernel, which removes a
// pair with the namespace of either end, may be faster.
func removeVeth(host *netlink.Handle, owner, name string) (bool, error) {
	link, err := ownVeth(host, owner, name)
	if err != nil || link == nil {
		return false, err
	}
	if err := host.LinkDel(link); err != nil && !isGone(err) {
		return false, fmt.Errorf("remove network device %q: %w", name, err)
	}
	return true, nil
}

// Counters are those of the other namespace's end of a pair since it was made: Rx is
// what that has received.
type Counters struct {
	RxBytes, RxPackets, RxErrors, RxDropped uint64
	TxBytes, TxPackets, TxErrors, TxDropped uint64
}

// VethCounters reads the counters of pairs by the names of the host's ends. Those of a
// pair that has gone are nil.
func VethCounters(owner string, names []string) ([]*Counters, error) {
	if len(names) == 0 {
		return nil, nil
	}
	host, err := newNetlink()
	if err != nil {
		return nil, err
	}
	defer host.Close()
	list := make([]*Counters, len(names))
	for i, name := range names {
		link, err := ownVeth(host, owner, name)
		if err != nil {
			return nil, err
		}
		if link == nil || link.Attrs().Statistics == nil {
			continue
		}
		// What one end has received, the other one has sent.
		stats := link.Attrs().Statistics
		list[i] = &Counters{
			RxBytes: stats.TxBytes, RxPackets: stats.TxPackets, RxErrors: stats.TxErrors, RxDropped: stats.TxDropped,
			TxBytes: stats.RxBytes, TxPackets: stats.RxPackets, TxErrors: stats.RxErrors, TxDropped: stats.RxDropped,
		}
	}
	return list, nil
}
