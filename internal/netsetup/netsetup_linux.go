// Package netsetup makes the network interfaces and routes of another network
// namespace, from outside of it, by netlink: veth pairs, and devices of this namespace
// that are moved there and back.
package netsetup

import (
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// ConfigError says that what was asked for cannot be done here, and why.
type ConfigError struct{ Err error }

func (e *ConfigError) Error() string { return e.Err.Error() }

func (e *ConfigError) Unwrap() error { return e.Err }

func invalid(err error) error { return &ConfigError{err} }

// Setup works in the namespaces of both sides.
type Setup struct {
	owner  string
	ns     *os.File // the other namespace
	host   *netlink.Handle
	inside *netlink.Handle
}

// Open prepares for work in a network namespace. The owner, a path, marks the veth
// pairs that are made, so that nobody else's are ever removed.
func Open(ns *os.File, owner string) (*Setup, error) {
	s := &Setup{owner: owner, ns: ns}
	var err error
	if s.host, err = newNetlink(); err != nil {
		return nil, err
	}
	if s.inside, err = newNetlinkIn(ns); err != nil {
		s.host.Close()
		return nil, err
	}
	return s, nil
}

// Close closes what Open has opened. The namespace stays the caller's.
func (s *Setup) Close() {
	s.host.Close()
	s.inside.Close()
}

// AddRoute adds a route of the other namespace.
func (s *Setup) AddRoute(r *configs.Route) error {
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
	err = s.inside.RouteAdd(route)
	if r.Gateway != "" && (errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH)) {
		err = invalid(fmt.Errorf("%w (no route leads to the gateway: put one before it, without a Gateway)", err))
	}
	if err != nil {
		return fmt.Errorf("to %q by gateway %q from %q: %w", r.Destination, r.Gateway, r.Source, err)
	}
	return nil
}

func newNetlink() (*netlink.Handle, error) {
	h, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink socket: %w", err)
	}
	return h, nil
}

func isNoLink(err error) bool {
	var missing netlink.LinkNotFoundError
	return errors.As(err, &missing)
}

// isGone tells whether an operation on a link failed because the link has gone,
// such as with the namespace of its peer.
func isGone(err error) bool { return errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENOENT) }
