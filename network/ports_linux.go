package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/netsetup"
)

// listenable refuses ports on which a program of the host listens, which it would never hear of again:
// by listening on them, for a moment.
func listenable(ports []Port, subnets []netip.Prefix) error {
	for _, p := range ports {
		for _, subnet := range subnets {
			if p.HostAddress.IsValid() && p.HostAddress.Is4() != subnet.Addr().Is4() {
				continue
			}
			err := p.listen(subnet.Addr().Is4())
			switch {
			case errors.Is(err, unix.EADDRINUSE):
				return fmt.Errorf("%v: %w by a program of the host: %w", p, ErrPortInUse, err)
			case errors.Is(err, unix.EADDRNOTAVAIL):
				return fmt.Errorf("%w: %v: the host has no such address: %w", ErrInvalid, p, err)
			case err != nil:
				return fmt.Errorf("%v: %w", p, err)
			}
		}
	}
	return nil
}

func (p Port) listen(v4 bool) error {
	kind := p.Protocol + "6"
	if v4 {
		kind = p.Protocol + "4"
	}
	host := ""
	if p.HostAddress.IsValid() {
		host = p.HostAddress.String()
	}
	address := net.JoinHostPort(host, strconv.Itoa(int(p.HostPort)))
	var socket io.Closer
	var err error
	if p.Protocol == "udp" {
		socket, err = new(net.ListenConfig).ListenPacket(context.Background(), kind, address)
	} else {
		socket, err = new(net.ListenConfig).Listen(context.Background(), kind, address)
	}
	if err != nil {
		return err
	}
	return socket.Close()
}

// forgetFlows has the kernel forget where packets of UDP for the endpoints' ports went: it asks the rules
// once a flow, and takes for one flow what a program sends from one socket, as long as that goes on. A
// connection of TCP ends by itself.
func forgetFlows(list ...*endpoint) error {
	flows := flowsTo{ports: make(map[uint16]bool), hosts: make(map[netip.Addr]bool)}
	for _, e := range list {
		for _, p := range e.Ports {
			if p.Protocol == "udp" {
				flows.ports[p.HostPort] = true
			}
		}
	}
	if len(flows.ports) == 0 {
		return nil
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return fmt.Errorf("list the host's addresses: %w", err)
	}
	for _, a := range own {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			flows.hosts[p.Addr()] = true
		}
	}
	h, err := netlink.NewHandle(unix.NETLINK_NETFILTER)
	if err != nil {
		return fmt.Errorf("open netlink socket: %w", err)
	}
	defer h.Close()
	for _, family := range []netlink.InetFamily{unix.AF_INET, unix.AF_INET6} {
		_, err := netsetup.List(func() (uint, error) { return h.ConntrackDeleteFilters(netlink.ConntrackTable, family, flows) })
		if err != nil && !errors.Is(err, unix.ENOENT) { // ENOENT: it has ended meanwhile
			return fmt.Errorf("forget connections of UDP: %w", err)
		}
	}
	return nil
}

// flowsTo are those to ports of the host's own addresses.
type flowsTo struct {
	ports map[uint16]bool
	hosts map[netip.Addr]bool
}

// MatchConntrackFlow is the filter of netlink.ConntrackDeleteFilters.
func (f flowsTo) MatchConntrackFlow(flow *netlink.ConntrackFlow) bool {
	to, ok := netip.AddrFromSlice(flow.Forward.DstIP)
	return ok && flow.Forward.Protocol == unix.IPPROTO_UDP && f.ports[flow.Forward.DstPort] &&
		(f.hosts[to.Unmap()] || to.Unmap().IsLoopback())
}
