package netsetup

import (
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// Device is a device of the host that is, or was to be, moved: what is needed to give
// it back.
type Device struct {
	HostName     string
	Name         string // in the other namespace; its first %d stands for a free number
	Index        int    // in the other namespace, once it is there
	Type         string
	HardwareAddr string
	Addresses    []Address
	Up           bool
}

// Address is an address of a device, see rtnetlink(7).
type Address struct {
	Address       string // with its prefix length
	Peer          string
	NoPrefixRoute bool
}

// Describe notes devices as they are on the host, each under its own name there.
func Describe(names []string) ([]Device, error) {
	if len(names) == 0 {
		return nil, nil
	}
	host, err := newNetlink()
	if err != nil {
		return nil, err
	}
	defer host.Close()
	var list []Device
	for _, name := range names {
		d, err := describeDevice(host, name)
		if err != nil {
			return nil, fmt.Errorf("look at network device %q: %w", name, err)
		}
		list = append(list, d)
	}
	return list, nil
}

func describeDevice(host *netlink.Handle, name string) (d Device, err error) {
	link, err := host.LinkByName(name)
	if isNoLink(err) {
		return d, invalid(errors.New("the host has no such device"))
	}
	if err != nil {
		return d, err
	}
	attrs := link.Attrs()
	d = Device{
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
func listAddresses(host *netlink.Handle, link netlink.Link) (list []Address, err error) {
	addrs, err := List(func() ([]netlink.Addr, error) { return host.AddrList(link, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	for _, a := range addrs {
		if a.Flags&unix.IFA_F_PERMANENT == 0 || a.Scope != int(netlink.SCOPE_UNIVERSE) || a.IPNet == nil {
			continue
		}
		kept := Address{Address: a.IPNet.String(), NoPrefixRoute: a.Flags&unix.IFA_F_NOPREFIXROUTE != 0}
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
func addAddress(h *netlink.Handle, link netlink.Link, a Address) error {
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

// MoveIn moves a device of the host to the other namespace, under none of the reserved
// names unless it is to have just that. What it returns is the device as it is then,
// also if there is an error, and MoveBack undoes what has been done.
func (s *Setup) MoveIn(d Device, reserved []string) (Device, error) {
	err := s.moveIn(&d, reserved)
	if err != nil {
		err = fmt.Errorf("move network device %q into the container: %w", d.HostName, err)
	}
	return d, err
}

func (s *Setup) moveIn(d *Device, reserved []string) error {
	link, err := s.host.LinkByName(d.HostName)
	if err != nil {
		return fmt.Errorf("find it: %w", err)
	}
	if d.Name, err = s.chooseName(d.Name, reserved); err != nil {
		return err
	}
	if err := moveLink(link.Attrs().Index, s.ns, d.Name); err != nil {
		return fmt.Errorf("move it as %q: %w", d.Name, err)
	}
	moved, err := s.inside.LinkByName(d.Name)
	if err != nil {
		return fmt.Errorf("find it as %q: %w", d.Name, err)
	}
	d.Index = moved.Attrs().Index
	return restoreDevice(s.inside, moved, d.Addresses, true)
}

// chooseName makes sure that the name is free, and fills in a template. The move
// itself would fail too, but might leave the device there with its old name. If it
// fails, the name is the template.
func (s *Setup) chooseName(template string, reserved []string) (string, error) {
	for n := 0; ; n++ {
		name := strings.Replace(template, "%d", strconv.Itoa(n), 1)
		if slices.Contains(reserved, name) && name != template {
			continue
		}
		_, err := s.inside.LinkByName(name)
		switch {
		case isNoLink(err):
			return name, nil
		case err != nil:
			return template, fmt.Errorf("look for %q in the container: %w", name, err)
		case name == template:
			return template, invalid(fmt.Errorf("the name %q is in use in the container's network namespace: %w", name, unix.EEXIST))
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
func restoreDevice(h *netlink.Handle, link netlink.Link, addresses []Address, up bool) error {
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

// MoveBack gives the host its devices back from a namespace. To call it again does
// nothing.
func MoveBack(ns *os.File, devices []Device) error {
	own, err := openOwn()
	if err != nil {
		return err
	}
	defer own.Close()
	s, err := Open(ns, "")
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range devices {
		d := &devices[i]
		if err := d.moveBack(s.host, s.inside, ns, own); err != nil {
			return fmt.Errorf("move network device %q back to the host: %w", d.HostName, err)
		}
	}
	return nil
}

func (d *Device) moveBack(host, inside *netlink.Handle, ns, own *os.File) error {
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
	if err := inNamespace(ns, func() error { return moveLink(index, own, d.HostName) }); err != nil {
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
func (d *Device) is(link netlink.Link) bool {
	attrs := link.Attrs()
	return link.Type() == d.Type &&
		(attrs.HardwareAddr.String() == d.HardwareAddr || d.Index != 0 && attrs.Index == d.Index)
}

// find gives the index of the device in the container, or 0. By its index it is
// found even if the container has renamed it; before that is known, its address
// must be right, and its name the old or the new one. Its type must be right
// always: the container, which can remove a virtual device and make another,
// cannot have the host take that one for a physical one.
func (d *Device) find(inside *netlink.Handle) (int, error) {
	if d.Index != 0 {
		link, err := inside.LinkByIndex(d.Index)
		if isNoLink(err) || err == nil && link.Type() != d.Type {
			return 0, nil
		}
		return d.Index, err
	}
	links, err := List(inside.LinkList)
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

// List lists something of the kernel's until nobody has changed it meanwhile.
func List[T any](list func() (T, error)) (T, error) {
	for {
		all, err := list()
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			return all, err
		}
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
