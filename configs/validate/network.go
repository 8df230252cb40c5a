package validate

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"unicode"

	"github.com/libcontainer/libcontainer/configs"
)

const (
	// maxInterfaceName is IFNAMSIZ without the NUL at the end.
	maxInterfaceName = 15

	// minMtu and maxMtu are those of veth, ETH_MIN_MTU and ETH_MAX_MTU in
	// include/uapi/linux/if_ether.h.
	minMtu = 68
	maxMtu = 65535
)

func networks(c *configs.Config) error {
	if len(c.Networks) == 0 {
		return nil
	}
	if err := needsOwn(c, configs.NEWNET, "Networks"); err != nil {
		return err
	}
	names := make(map[string]bool)
	hostNames := make(map[string]bool)
	for i, n := range c.Networks {
		field := fmt.Sprintf("Networks[%d]", i)
		if n == nil {
			return fmt.Errorf("%s %w", field, errNil)
		}
		if err := network(field, n); err != nil {
			return err
		}
		if n.Type == "loopback" {
			continue
		}
		if err := once(field+".Name", n.Name, names); err != nil {
			return err
		}
		if err := once(field+".HostInterfaceName", n.HostInterfaceName, hostNames); err != nil {
			return err
		}
	}
	return nil
}

func once(field, value string, seen map[string]bool) error {
	if value != "" && seen[value] {
		return invalid(field, value, errors.New("is there already"))
	}
	seen[value] = true
	return nil
}

func network(field string, n *configs.Network) error {
	switch n.Type {
	case "loopback":
		// Its other fields mean nothing: the godoc's sample has "localhost" as
		// its gateway.
		return nil
	case "veth":
		return veth(field, n)
	}
	return invalid(field+".Type", n.Type, errors.New(`is neither "loopback" nor "veth"`))
}

func veth(field string, n *configs.Network) error {
	for _, name := range []struct{ field, value string }{
		{".Name", n.Name},
		{".Bridge", n.Bridge},
		{".HostInterfaceName", n.HostInterfaceName},
	} {
		if err := optionalInterfaceName(field+name.field, name.value); err != nil {
			return err
		}
	}
	if err := macAddress(field+".MacAddress", n.MacAddress); err != nil {
		return err
	}
	if n.Mtu != 0 {
		if err := inRange(field+".Mtu", int64(n.Mtu), minMtu, maxMtu); err != nil {
			return err
		}
	}
	if err := atLeast(field+".TxQueueLen", int64(n.TxQueueLen), 0); err != nil {
		return err
	}
	return vethAddresses(field, n)
}

func vethAddresses(field string, n *configs.Network) error {
	if err := prefix(field+".Address", n.Address, "IPv4"); err != nil {
		return err
	}
	if err := address(field+".Gateway", n.Gateway, "IPv4"); err != nil {
		return err
	}
	if err := prefix(field+".IPv6Address", n.IPv6Address, "IPv6"); err != nil {
		return err
	}
	return address(field+".IPv6Gateway", n.IPv6Gateway, "IPv6")
}

func routes(c *configs.Config) error {
	if len(c.Routes) == 0 {
		return nil
	}
	if err := needsOwn(c, configs.NEWNET, "Routes"); err != nil {
		return err
	}
	for i, r := range c.Routes {
		field := fmt.Sprintf("Routes[%d]", i)
		if r == nil {
			return fmt.Errorf("%s %w", field, errNil)
		}
		if err := route(field, r); err != nil {
			return err
		}
	}
	return nil
}

func route(field string, r *configs.Route) error {
	if r.Destination == "" && r.Gateway == "" {
		return fmt.Errorf("%s has neither a Destination nor a Gateway", field)
	}
	if err := prefix(field+".Destination", r.Destination, ""); err != nil {
		return err
	}
	if err := address(field+".Source", r.Source, ""); err != nil {
		return err
	}
	if err := address(field+".Gateway", r.Gateway, ""); err != nil {
		return err
	}
	return interfaceName(field+".InterfaceName", r.InterfaceName)
}

// prefix checks an address with a prefix length, of the family or of any.
func prefix(field, value, family string) error {
	if value == "" {
		return nil
	}
	p, err := netip.ParsePrefix(value)
	if err != nil {
		return invalid(field, value, errors.New("is not an address with a prefix length"))
	}
	return addressFamily(field, value, p.Addr(), family)
}

func address(field, value, family string) error {
	if value == "" {
		return nil
	}
	a, err := netip.ParseAddr(value)
	if err != nil || a.Zone() != "" {
		return invalid(field, value, errors.New("is not an IP address"))
	}
	return addressFamily(field, value, a, family)
}

func addressFamily(field, value string, a netip.Addr, family string) error {
	if family == "IPv4" && !a.Is4() || family == "IPv6" && !a.Is6() {
		return invalid(field, value, errors.New("is not an "+family+" address"))
	}
	return nil
}

func macAddress(field, value string) error {
	if value == "" {
		return nil
	}
	// net.ParseMAC takes longer hardware addresses as well.
	if mac, err := net.ParseMAC(value); err != nil || len(mac) != 6 {
		return invalid(field, value, errors.New("is not a MAC address"))
	}
	return nil
}

func optionalInterfaceName(field, value string) error {
	if value == "" {
		return nil
	}
	return interfaceName(field, value)
}

// interfaceName checks a name as dev_valid_name in net/core/dev.c does, and
// refuses "%" as well, which the kernel would replace by a number.
func interfaceName(field, value string) error {
	if value == "" {
		return invalid(field, value, errEmpty)
	}
	if len(value) > maxInterfaceName {
		return invalid(field, value, fmt.Errorf("has more than %d bytes", maxInterfaceName))
	}
	bad := func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune("/:%\x00", r) }
	if value == "." || value == ".." || strings.ContainsFunc(value, bad) {
		return invalid(field, value, errors.New("is not an interface name"))
	}
	return nil
}
