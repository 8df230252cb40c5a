// The host's side: network devices of the host that are moved into a container,
// and back.

package libcontainer

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// netDevice is a device of the host that the container has, as the state file
// keeps it: what is needed to give it back.
type netDevice struct {
	HostName     string       `json:"host_name"`
	Name         string       `json:"name"`            // in the container
	Index        int          `json:"index,omitempty"` // in the container, once it is there
	Type         string       `json:"type"`
	HardwareAddr string       `json:"hardware_addr,omitempty"`
	Addresses    []netAddress `json:"addresses,omitempty"`
	Up           bool         `json:"up,omitempty"`
}

// netAddress is an address of a device, see rtnetlink(7).
type netAddress struct {
	Address       string `json:"address"` // with its prefix length
	Peer          string `json:"peer,omitempty"`
	NoPrefixRoute bool   `json:"no_prefix_route,omitempty"`
}

// planNetDevices notes the devices as they are on the host.
func (c *linuxContainer) planNetDevices() error {
	c.netDevices = nil
	if len(c.config.NetDevices) == 0 {
		return nil
	}
	host, err := newNetlink()
	if err != nil {
		return err
	}
	defer host.Close()
	for _, name := range slices.Sorted(maps.Keys(c.config.NetDevices)) {
		d, err := describeDevice(host, name)
		if err != nil {
			return fmt.Errorf("look at network device %q: %w", name, err)
		}
		d.Name = c.config.NetDevices[name].Name
		if d.Name == "" {
			d.Name = d.HostName
		}
		c.netDevices = append(c.netDevices, d)
	}
	return nil
}

func describeDevice(host *netlink.Handle, name string) (d netDevice, err error) {
	link, err := host.LinkByName(name)
	if isNoLink(err) {
		return d, invalid(errors.New("the host has no such device"))
	}
	if err != nil {
		return d, err
	}
	attrs := link.Attrs()
	d = netDevice{
		HostName:     attrs.Name, // the one asked for may be an alternative name
		Type:         link.Type(),
		HardwareAddr: attrs.HardwareAddr.String(),
		Up:           attrs.Flags&net.FlagUp != 0,
	}
	d.Addresses, err = listAddresses(host, link)
	return d, err
}

// listAddresses gives the permanent addresses of global scope, which are those
// that the OCI runtime specification has moved with a device.
func listAddresses(host *netlink.Handle, link netlink.Link) (list []netAddress, err error) {
	var addrs []netlink.Addr
	for {
		addrs, err = host.AddrList(link, netlink.FAMILY_ALL)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break // else others changed the list meanwhile
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addrs {
		if a.Flags&unix.IFA_F_PERMANENT == 0 || a.Scope != int(netlink.SCOPE_UNIVERSE) || a.IPNet == nil {
			continue
		}
		kept := netAddress{Address: a.IPNet.String(), NoPrefixRoute: a.Flags&unix.IFA_F_NOPREFIXROUTE != 0}
		if a.Peer != nil && !a.Peer.IP.Equal(a.IP) {
			kept.Peer = a.Peer.String()
		}
		list = append(list, kept)
	}
	return list, nil
}

// addAddress adds an address that can be used at once: with IFA_F_NODAD the
// kernel does not look for duplicates first (RFC 4862), for which IPv6 takes a
// second or more and refuses to send from, or to bind to, the address meanwhile.
// Whoever configures containers knows their addresses to be unique.
func addAddress(h *netlink.Handle, link netlink.Link, a netAddress) error {
	ip, ipNet, err := net.ParseCIDR(a.Address)
	if err != nil {
		return invalid(fmt.Errorf("add address: %w", err))
	}
	addr := &netlink.Addr{IPNet: &net.IPNet{IP: ip, Mask: ipNet.Mask}}
	if ip.To4() == nil {
		addr.Flags |= unix.IFA_F_NODAD
	}
	if a.NoPrefixRoute {
		addr.Flags |= unix.IFA_F_NOPREFIXROUTE
	}
	if a.Peer != "" {
		peerIP, peerNet, err := net.ParseCIDR(a.Peer)
		if err != nil {
			return fmt.Errorf("add address with peer: %w", err)
		}
		addr.Peer = &net.IPNet{IP: peerIP, Mask: peerNet.Mask}
	}
	if err := h.AddrAdd(link, addr); err != nil {
		return fmt.Errorf("add address %s: %w", a.Address, err)
	}
	return nil
}

// moveIn moves a device of the host into the container.
func (s *networkSetUp) moveIn(d *netDevice) error {
	link, err := s.host.LinkByName(d.HostName)
	if err != nil {
		return fmt.Errorf("find it: %w", err)
	}
	if err := s.chooseName(d); err != nil {
		return err
	}
	if err := moveLink(link.Attrs().Index, s.ns, d.Name); err != nil {
		return fmt.Errorf("move it as %q: %w", d.Name, err)
	}
	moved, err := s.inside.LinkByName(d.Name)
	if err != nil {
		return fmt.Errorf("find it as %q: %w", d.Name, err)
	}
	s.c.m.Lock() // State looks at it
	d.Index = moved.Attrs().Index
	s.c.m.Unlock()
	return restoreDevice(s.inside, moved, d.Addresses, true)
}

// chooseName makes sure that the name is free, and fills in a template. The move
// itself would fail too, but might leave the device there with its old name.
func (s *networkSetUp) chooseName(d *netDevice) error {
	later := make(map[string]bool)
	for _, n := range veths(s.c.config) {
		later[n.Name] = true
	}
	for n := 0; ; n++ {
		name := strings.Replace(d.Name, "%d", strconv.Itoa(n), 1)
		if later[name] && name != d.Name {
			continue
		}
		_, err := s.inside.LinkByName(name)
		switch {
		case isNoLink(err):
			s.c.m.Lock()
			d.Name = name
			s.c.m.Unlock()
			return nil
		case err != nil:
			return fmt.Errorf("look for %q in the container: %w", name, err)
		case name == d.Name:
			return invalid(fmt.Errorf("the name %q is in use in the container's network namespace: %w", name, unix.EEXIST))
		}
	}
}

// moveLink moves a device of the calling thread's namespace to another one and
// renames it, in one request: so there may be one of its old name already.
func moveLink(index int, ns *os.File, name string) error {
	req := nl.NewNetlinkRequest(unix.RTM_SETLINK, unix.NLM_F_ACK)
	msg := nl.NewIfInfomsg(unix.AF_UNSPEC)
	msg.Index = int32(index)
	req.AddData(msg)
	req.AddData(nl.NewRtAttr(unix.IFLA_IFNAME, nl.ZeroTerminated(name)))
	req.AddData(nl.NewRtAttr(unix.IFLA_NET_NS_FD, nl.Uint32Attr(uint32(ns.Fd()))))
	_, err := req.Execute(unix.NETLINK_ROUTE, 0)
	return err
}

// restoreDevice gives a device what a move takes from it.
func restoreDevice(h *netlink.Handle, link netlink.Link, addresses []netAddress, up bool) error {
	for _, a := range addresses {
		if err := addAddress(h, link, a); err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
	}
	if !up {
		return nil
	}
	if err := h.LinkSetUp(link); err != nil {
		return fmt.Errorf("bring it up: %w", err)
	}
	return nil
}

// netNSFile is where the container's network namespace is mounted while it may
// hold devices of the host: with that it outlives the container's processes, and
// the program that has started them, until Destroy has taken the devices back.
func (c *linuxContainer) netNSFile() string { return filepath.Join(c.root, "netns") }

func (c *linuxContainer) pinNetNS(ns *os.File) error {
	name := c.netNSFile()
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		return fmt.Errorf("keep the network namespace: %w", err)
	}
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", ns.Fd()), name, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("keep the network namespace: mount on %s: %w", name, err)
	}
	return nil
}

func (c *linuxContainer) unpinNetNS() error {
	name := c.netNSFile()
	err := unix.Unmount(name, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	// EINVAL: it is not mounted.
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("release the network namespace: unmount %s: %w", name, err)
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("release the network namespace: %w", err)
	}
	return nil
}

// openPinnedNetNS opens the namespace; nil if it has not been kept, so that no
// device has been moved there either, or no longer is since the host was booted.
func (c *linuxContainer) openPinnedNetNS() (*os.File, error) {
	ns, err := os.Open(c.netNSFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the container's network namespace: %w", err)
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(ns.Fd()), &st); err != nil {
		ns.Close()
		return nil, fmt.Errorf("statfs %s: %w", ns.Name(), err)
	}
	if st.Type != unix.NSFS_MAGIC {
		ns.Close()
		return nil, nil
	}
	return ns, nil
}

// returnDevices gives the host its devices back.
func (c *linuxContainer) returnDevices() error {
	if len(c.netDevices) == 0 {
		return nil
	}
	ns, err := c.openPinnedNetNS()
	if err != nil {
		return err
	}
	if ns != nil {
		defer ns.Close()
		if err := c.returnDevicesFrom(ns); err != nil {
			return err
		}
	}
	return c.unpinNetNS()
}

func (c *linuxContainer) returnDevicesFrom(ns *os.File) error {
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return fmt.Errorf("open own network namespace: %w", err)
	}
	defer own.Close()
	host, err := newNetlink()
	if err != nil {
		return err
	}
	defer host.Close()
	inside, err := newNetlinkIn(ns)
	if err != nil {
		return err
	}
	defer inside.Close()
	for i := range c.netDevices {
		d := &c.netDevices[i]
		if err := d.moveBack(host, inside, ns, own); err != nil {
			return fmt.Errorf("move network device %q back to the host: %w", d.HostName, err)
		}
	}
	return nil
}

func (d *netDevice) moveBack(host, inside *netlink.Handle, ns, own *os.File) error {
	link, err := host.LinkByName(d.HostName)
	if err != nil && !isNoLink(err) {
		return fmt.Errorf("look for its name on the host: %w", err)
	}
	taken := err == nil
	index := 0
	if !taken || d.Index != 0 {
		if index, err = d.find(inside); err != nil {
			return fmt.Errorf("find it in the container: %w", err)
		}
	}
	switch {
	case index != 0 && taken:
		return fmt.Errorf("another device of the host has its name: %w", unix.EEXIST)
	case index == 0 && taken && d.is(link):
		// It has not been moved; or it is back, and who brought it may have died
		// before the next step.
		return restoreDevice(host, link, d.Addresses, d.Up)
	case index == 0:
		return nil // the container has removed it
	}
	if err := inNetNS(ns, func() error { return moveLink(index, own, d.HostName) }); err != nil {
		return err
	}
	if link, err = host.LinkByName(d.HostName); err != nil {
		return fmt.Errorf("find it on the host: %w", err)
	}
	return restoreDevice(host, link, d.Addresses, d.Up)
}

// is tells whether a link of the device's name is the device. The container can
// change its address, but a device keeps its index when it is moved, if that is
// free.
func (d *netDevice) is(link netlink.Link) bool {
	attrs := link.Attrs()
	return link.Type() == d.Type &&
		(attrs.HardwareAddr.String() == d.HardwareAddr || d.Index != 0 && attrs.Index == d.Index)
}

// find gives the index of the device in the container, or 0. By its index it is
// found even if the container has renamed it; before that is known, its address
// must be right, and its name the old or the new one. Its type must be right
// always: the container, which can remove a virtual device and make another,
// cannot have the host take that one for a physical one.
func (d *netDevice) find(inside *netlink.Handle) (int, error) {
	if d.Index != 0 {
		link, err := inside.LinkByIndex(d.Index)
		if isNoLink(err) || err == nil && link.Type() != d.Type {
			return 0, nil
		}
		return d.Index, err
	}
	links, err := listLinks(inside)
	if err != nil {
		return 0, err
	}
	for _, link := range links {
		name := link.Attrs().Name
		if d.is(link) && (name == d.HostName || fromTemplate(d.Name, name)) {
			return link.Attrs().Index, nil
		}
	}
	return 0, nil
}

func listLinks(h *netlink.Handle) ([]netlink.Link, error) {
	for {
		links, err := h.LinkList()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return links, err
		} // else others changed the list meanwhile
	}
}

// fromTemplate tells whether a name is one that chooseName makes of another.
func fromTemplate(template, name string) bool {
	before, after, isTemplate := strings.Cut(template, "%d")
	if !isTemplate {
		return name == template
	}
	number, hasBefore := strings.CutPrefix(name, before)
	number, hasAfter := strings.CutSuffix(number, after)
	_, err := strconv.ParseUint(number, 10, 32)
	return hasBefore && hasAfter && err == nil
}
