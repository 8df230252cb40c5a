package network

import (
	"errors"
	"fmt"
	"hash/fnv"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/netsetup"
)

// procNet has the settings of the network namespace of the process that reads it.
const procNet = "/proc/sys/net"

// hash makes a number of the directory and the name of the network.
func (n *Network) hash() []byte {
	h := fnv.New64a()
	h.Write([]byte(n.mark + "\x00" + n.config.Name))
	return h.Sum(nil)
}

// address is the bridge's MAC address. By it the bridge is known as this network's, from its first
// moment on; and it stays the same whatever joins the bridge. The first byte says that it is
// locally administered.
func (n *Network) address() net.HardwareAddr { return append(net.HardwareAddr{0x02}, n.hash()[3:]...) }

// alias is for people who look at the bridge with ip-link(8).
func (n *Network) alias() string {
	alias := "libcontainer network " + n.config.Name + " in " + n.mark
	return alias[:min(len(alias), 255)] // IFALIASZ without the NUL
}

func (n *Network) isOurs(link netlink.Link) bool {
	attrs := link.Attrs()
	return link.Type() == "bridge" && attrs.Name == n.config.Bridge && attrs.HardwareAddr.String() == n.address().String()
}

func openNetlink() (*netlink.Handle, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	return h, nil
}

// find gives the bridge, nil if there is no device of that name.
func (n *Network) find(h *netlink.Handle) (netlink.Link, error) {
	link, err := h.LinkByName(n.config.Bridge)
	var missing netlink.LinkNotFoundError
	if errors.As(err, &missing) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !n.isOurs(link) {
		return nil, fmt.Errorf("%w: a %s, with address %v", ErrForeign, link.Type(), link.Attrs().HardwareAddr)
	}
	return link, nil
}

// makeBridge makes the bridge, or what the one that is there lacks.
func (n *Network) makeBridge() error {
	h, err := openNetlink()
	if err != nil {
		return err
	}
	defer h.Close()
	link, err := n.find(h)
	if err == nil && link == nil {
		link, err = n.addBridge(h)
	}
	if err == nil {
		err = n.setUp(h, link)
	}
	if err != nil {
		return fmt.Errorf("set up bridge %q: %w", n.config.Bridge, err)
	}
	return nil
}

func (n *Network) addBridge(h *netlink.Handle) (netlink.Link, error) {
	if err := n.checkOverlap(h); err != nil {
		return nil, err
	}
	attrs := netlink.NewLinkAttrs()
	attrs.Name = n.config.Bridge
	attrs.HardwareAddr = n.address()
	attrs.MTU = n.config.MTU
	if err := h.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		return nil, fmt.Errorf("make it: %w", err)
	}
	link, err := h.LinkByName(n.config.Bridge)
	if err != nil {
		return nil, fmt.Errorf("find it: %w", err)
	}
	return link, nil
}

func (n *Network) setUp(h *netlink.Handle, link netlink.Link) error {
	if err := h.LinkSetAlias(link, n.alias()); err != nil {
		return fmt.Errorf("name its network: %w", err)
	}
	if n.config.MTU > 0 && link.Attrs().MTU != n.config.MTU {
		if err := h.LinkSetMTU(link, n.config.MTU); err != nil {
			return fmt.Errorf("set MTU %d: %w", n.config.MTU, err)
		}
	}
	if err := n.setSysctls(); err != nil {
		return err
	}
	for _, subnet := range n.config.Subnets {
		a := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(gateway(subnet), subnet.Bits()))}
		if subnet.Addr().Is6() {
			a.Flags |= unix.IFA_F_NODAD // else it cannot be used for a second
		}
		if err := h.AddrReplace(link, a); err != nil {
			return fmt.Errorf("give it address %v: %w", a.IPNet, err)
		}
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring it up: %w", err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// setSysctls sets what concerns the bridge alone, and goes with it.
func (n *Network) setSysctls() error {
	v4, v6 := n.hasFamily(true), n.hasFamily(false)
	if v4 {
		// With route_localnet the host's programs reach published ports by 127.0.0.1, too. That
		// containers do not reach what listens there, the rules see to.
		for _, name := range []string{"forwarding", "route_localnet"} {
			if err := n.sysctl("ipv4", name, "1"); err != nil {
				return err
			}
		}
	}
	if _, err := os.Stat(filepath.Join(procNet, "ipv6")); errors.Is(err, os.ErrNotExist) && !v6 {
		return nil
	}
	if !v6 { // else containers reach the host by link-local addresses
		return n.sysctl("ipv6", "disable_ipv6", "1")
	}
	// The host does not take routes from what containers say that they are.
	for _, set := range [][2]string{{"disable_ipv6", "0"}, {"accept_ra", "0"}} {
		if err := n.sysctl("ipv6", set[0], set[1]); err != nil {
			return err
		}
	}
	err := n.sysctl("ipv6", forceForwarding, "1")
	if errors.Is(err, os.ErrNotExist) { // see warn
		return n.sysctl("ipv6", "forwarding", "1")
	}
	return err
}

// forceForwarding has an interface forward whatever the setting for all is, from Linux 6.17 on
// (commit f24987ef6959, "ipv6: add force_forwarding sysctl to enable per-interface forwarding").
const forceForwarding = "force_forwarding"

func (n *Network) hasFamily(v4 bool) bool {
	return slices.ContainsFunc(n.config.Subnets, func(s netip.Prefix) bool { return s.Addr().Is4() == v4 })
}

// sysctl sets a parameter of the bridge. Where /proc/sys cannot be written, one that is right already
// is enough.
func (n *Network) sysctl(family, name, value string) error {
	path := confFile(family, n.config.Bridge, name)
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if strings.TrimSpace(string(old)) == value {
		return nil
	}
	return os.WriteFile(path, []byte(value), 0)
}

func confFile(family, link, name string) string {
	return filepath.Join(procNet, family, "conf", link, name)
}

// checkOverlap refuses a subnet which has addresses in common with a network of the host: that of one of
// its addresses, or one to which a route leads that is as special or more special.
func (n *Network) checkOverlap(h *netlink.Handle) error {
	addresses, err := netsetup.List(func() ([]netlink.Addr, error) { return h.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return fmt.Errorf("list the host's addresses: %w", err)
	}
	for _, a := range addresses {
		if p, ok := prefixOf(a.IPNet); ok {
			for _, subnet := range n.config.Subnets {
				if subnet.Overlaps(p) {
					return overlap(h, subnet, p, a.LinkIndex)
				}
			}
		}
	}
	routes, err := netsetup.List(func() ([]netlink.Route, error) { return h.RouteList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return fmt.Errorf("list the host's routes: %w", err)
	}
	for _, r := range routes {
		if p, ok := prefixOf(r.Dst); ok {
			for _, subnet := range n.config.Subnets {
				if subnet.Overlaps(p) && p.Bits() >= subnet.Bits() {
					return overlap(h, subnet, p, r.LinkIndex)
				}
			}
		}
	}
	return nil
}

func overlap(h *netlink.Handle, subnet, other netip.Prefix, index int) error {
	name := "no device"
	if link, err := h.LinkByIndex(index); err == nil {
		name = link.Attrs().Name
	}
	return fmt.Errorf("subnet %v: %w: %v of %s", subnet, ErrOverlap, other, name)
}

// prefixOf gives what is not a default route.
func prefixOf(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a, ok := netip.AddrFromSlice(n.IP)
	ones, _ := n.Mask.Size()
	if a.Is4In6() {
		a = a.Unmap()
	}
	p := netip.PrefixFrom(a, ones)
	return p.Masked(), ok && ones > 0 && p.IsValid()
}

// warn tells of what the kernel does not forward that comes in where default routes lead.
func (n *Network) warn() {
	if n.config.OnWarning == nil {
		return
	}
	h, err := openNetlink()
	if err == nil {
		defer h.Close()
		err = n.warnOf(h)
	}
	if err != nil {
		n.config.OnWarning(fmt.Errorf("network %q: look at forwarding: %w", n.config.Name, err))
	}
}

func (n *Network) warnOf(h *netlink.Handle) error {
	routes, err := netsetup.List(func() ([]netlink.Route, error) { return h.RouteList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return err
	}
	told := make(map[string]bool)
	for _, r := range routes {
		if _, ok := prefixOf(r.Dst); ok || r.LinkIndex == 0 {
			continue
		}
		link, err := h.LinkByIndex(r.LinkIndex)
		if err != nil {
			return err
		}
		name, v4 := link.Attrs().Name, r.Family == netlink.FAMILY_V4
		files := []string{confFile("ipv4", name, "forwarding")}
		if !v4 {
			files = []string{confFile("ipv6", "all", "forwarding"), confFile("ipv6", name, forceForwarding)}
		}
		if !n.hasFamily(v4) || told[files[0]] || slices.ContainsFunc(files, isOn) {
			continue
		}
		told[files[0]] = true
		n.config.OnWarning(fmt.Errorf("network %q: the kernel does not forward what comes in on %q, so that containers do not "+
			"reach what is behind it, nor it their ports: set %s to 1", n.config.Name, name, files[0]))
	}
	return nil
}

func isOn(file string) bool {
	value, err := os.ReadFile(file)
	return err == nil && strings.TrimSpace(string(value)) != "0"
}

// removeBridge removes the bridge, if it is this network's.
func (n *Network) removeBridge() error {
	h, err := openNetlink()
	if err != nil {
		return err
	}
	defer h.Close()
	link, err := n.find(h)
	if errors.Is(err, ErrForeign) || err == nil && link == nil {
		return nil
	}
	if err == nil {
		err = h.LinkDel(link)
	}
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("remove bridge %q: %w", n.config.Bridge, err)
	}
	return nil
}
