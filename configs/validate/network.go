package validate

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net"
	"net/netip"
	"slices"
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
	names := deviceNames(c.NetDevices)
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
	if err := inRange(field+".TxQueueLen", int64(n.TxQueueLen), 0, math.MaxUint32); err != nil {
		return err
	}
	if n.HairpinMode && n.Bridge == "" {
		return fmt.Errorf("%s.HairpinMode needs a Bridge", field)
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
	if err := address(field+".IPv6Gateway", n.IPv6Gateway, "IPv6"); err != nil {
		return err
	}
	if n.Gateway != "" && n.Address == "" {
		return fmt.Errorf("%s.Gateway needs an Address", field)
	}
	if n.IPv6Gateway != "" && n.IPv6Address == "" {
		// Every interface has a link-local address of its own.
		if a := netip.MustParseAddr(n.IPv6Gateway); !a.IsLinkLocalUnicast() {
			return fmt.Errorf("%s.IPv6Gateway needs an IPv6Address", field)
		}
	}
	return nil
}

// netDevices has the same order at each call, so that its error has.
func netDevices(c *configs.Config) error {
	if len(c.NetDevices) == 0 {
		return nil
	}
	if err := needsOwn(c, configs.NEWNET, "NetDevices"); err != nil {
		return err
	}
	names := make(map[string]bool)
	for _, host := range slices.Sorted(maps.Keys(c.NetDevices)) {
		field := fmt.Sprintf("NetDevices[%q]", host)
		d := c.NetDevices[host]
		if d == nil {
			return fmt.Errorf("%s %w", field, errNil)
		}
		if err := interfaceName("the name of "+field, host); err != nil {
			return err
		}
		if host == "lo" {
			return fmt.Errorf("%s is the loopback, which cannot be moved", field)
		}
		name := deviceName(host, d)
		if err := templateName(field+".Name", name); err != nil {
			return err
		}
		if strings.Contains(name, "%d") {
			continue // whatever is free
		}
		if err := once(field+".Name", name, names); err != nil {
			return err
		}
	}
	return nil
}

func deviceName(host string, d *configs.NetDevice) string {
	if d.Name == "" {
		return host
	}
	return d.Name
}

// deviceNames are the names that the container gives to devices of the host.
func deviceNames(devices map[string]*configs.NetDevice) map[string]bool {
	names := make(map[string]bool)
	for host, d := range devices {
		if d != nil {
			names[deviceName(host, d)] = true
		}
	}
	return names
}

// templateName takes an interface's name, or one in which a %d stands for a
// number.
func templateName(field, name string) error {
	if err := interfaceName(field, strings.Replace(name, "%d", "0", 1)); err != nil {
		return invalid(field, name, errors.New(`is not an interface name, nor one with a "%d"`))
	}
	return nil
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
	if err := oneFamily(field, r); err != nil {
		return err
	}
	return interfaceName(field+".InterfaceName", r.InterfaceName)
}

// oneFamily checks fields that are addresses, each by itself, already.
func oneFamily(field string, r *configs.Route) error {
	four, six := false, false
	for _, value := range []string{r.Destination, r.Source, r.Gateway} {
		if value != "" {
			is6 := strings.Contains(value, ":")
			four, six = four || !is6, six || is6
		}
	}
	if four && six {
		return fmt.Errorf("%s has addresses of both IPv4 and IPv6", field)
	}
	return nil
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
	if a.Is4In6() {
		return invalid(field, value, errors.New("is an IPv4 address written as one of IPv6"))
	}
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
	mac, err := net.ParseMAC(value)
	if err != nil || len(mac) != 6 {
		return invalid(field, value, errors.New("is not a MAC address"))
	}
	// is_valid_ether_addr in include/linux/etherdevice.h.
	if mac[0]&1 != 0 || slices.Equal(mac, make([]byte, 6)) {
		return invalid(field, value, errors.New("is not the address of one interface"))
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
