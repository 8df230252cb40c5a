package network

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

var (
	// ErrInvalid is in errors about what the caller has asked for.
	ErrInvalid = errors.New("invalid")

	// ErrOverlap is in errors of Open when a subnet has addresses in common with a network that the host
	// has already.
	ErrOverlap = errors.New("the subnet overlaps another network of the host")

	// ErrForeign is in errors about a network device that has the bridge's name and that this network
	// has not made.
	ErrForeign = errors.New("another network device has that name")

	// ErrExhausted is in errors of Attach when all addresses of a subnet are in use.
	ErrExhausted = errors.New("all addresses are in use")

	// ErrPortInUse is in errors of Attach when a port of the host is another container's, or a
	// program of the host listens on it.
	ErrPortInUse = errors.New("the port of the host is in use")

	// ErrAttached is in errors of Attach when the id has addresses already, and of Remove as long as any
	// has.
	ErrAttached = errors.New("attached")

	// ErrRemoved is in errors of the methods of a network that has been removed.
	ErrRemoved = errors.New("the network has been removed")
)

// Config describes a network.
type Config struct {
	// Name is the name of the network: 1 to 32 letters, digits and _.-
	Name string

	// Bridge is the name of the host's bridge, at most 15 bytes. Empty stands for "br-" and the
	// name of the network.
	Bridge string

	// Subnets are the networks of the containers' addresses: one of IPv4, one of IPv6, or both. The
	// first address of each is the bridge's.
	Subnets []netip.Prefix

	// MTU is the largest packet of the bridge and of the containers' interfaces in bytes. 0
	// leaves it to the kernel.
	MTU int

	// DNS is what the containers' /etc/resolv.conf says.
	DNS DNS

	// OnWarning, if it is not nil, is called for what works only in part, by Open before it returns.
	OnWarning func(error)
}

// DNS is what resolv.conf(5) says.
type DNS struct {
	// Servers are the addresses of name servers. Without any they are those of the host, but
	// for those that containers cannot reach: of the host's loopback, or of IPv6 in a network
	// without that.
	Servers []netip.Addr

	// Search are the domains in which short names are looked for. If both this and
	// Servers are empty, they are those of the host.
	Search []string

	// Options are those of resolv.conf(5), such as "ndots:2".
	Options []string
}

// Port is a port of the host that leads to one of a container.
type Port struct {
	// Protocol is "tcp" or "udp". Empty stands for "tcp".
	Protocol string `json:"protocol"`

	// HostAddress is the address of the host that the port is one of. The zero Addr stands for all,
	// of IPv4 and of IPv6, as far as the network has these.
	HostAddress netip.Addr `json:"host_address"`

	// HostPort is the port of the host, 1 to 65535.
	HostPort uint16 `json:"host_port"`

	// ContainerPort is the port of the container. 0 stands for HostPort.
	ContainerPort uint16 `json:"container_port"`
}

// String gives a port as in "tcp 0.0.0.0:80".
func (p Port) String() string {
	if !p.HostAddress.IsValid() {
		return fmt.Sprintf("%s port %d", p.Protocol, p.HostPort)
	}
	return fmt.Sprintf("%s port %s", p.Protocol, netip.AddrPortFrom(p.HostAddress, p.HostPort))
}

// ParsePorts reads ports as command lines have them, separated by commas: "8080:80", and with all that
// may be there "192.0.2.1:8080:80/tcp" or "[2001:db8::1]:8080:80/udp". A port alone is that of both the host
// and the container. Of an empty text there are none.
func ParsePorts(text string) ([]Port, error) {
	var list []Port
	for part := range strings.SplitSeq(text, ",") {
		if text == "" {
			break
		}
		p, err := parsePort(part)
		if err != nil {
			return nil, fmt.Errorf("%w port %q: want [ADDRESS:]HOSTPORT[:PORT][/tcp|/udp]: %w", ErrInvalid, part, err)
		}
		list = append(list, p)
	}
	return list, nil
}

func parsePort(text string) (p Port, err error) {
	numbers, protocol, found := strings.Cut(text, "/")
	if p.Protocol = "tcp"; found {
		p.Protocol = protocol
	}
	if p.Protocol != "tcp" && p.Protocol != "udp" {
		return p, errors.New("the protocol must be tcp or udp")
	}
	host, container, two := cutLast(numbers)
	if address, port, three := cutLast(host); three {
		host = port
		if p.HostAddress, err = netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(address, "["), "]")); err != nil {
			return p, err
		}
	}
	if p.HostPort, err = parseNumber(host); err != nil || !two {
		p.ContainerPort = p.HostPort
		return p, err
	}
	p.ContainerPort, err = parseNumber(container)
	return p, err
}

// cutLast cuts at the last colon. Without one, all is before.
func cutLast(s string) (before, after string, found bool) {
	if i := strings.LastIndexByte(s, ':'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func parseNumber(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err == nil && n == 0 {
		err = errors.New("a port is 1 to 65535")
	}
	return uint16(n), err
}

// Endpoint is what the network has given to a container.
type Endpoint struct {
	// ID is that of the container.
	ID string

	// IPv4 and IPv6 are its addresses, of which one may be the zero Addr.
	IPv4, IPv6 netip.Addr

	// Ports are those that are published.
	Ports []Port

	// Dir is the directory with its hosts, hostname and resolv.conf.
	Dir string
}

func invalidf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// complete checks a configuration and fills in what is empty.
func (c Config) complete() (Config, error) {
	if !isName(c.Name, 32, "_.-") {
		return c, invalidf("name %q of a network: 1 to 32 letters, digits and _.-", c.Name)
	}
	if c.Bridge == "" {
		c.Bridge = "br-" + c.Name
	}
	if !isInterface(c.Bridge) {
		return c, invalidf("name %q of the bridge: an interface's name has 1 to 15 bytes, without slashes and white space", c.Bridge)
	}
	if err := checkSubnets(c.Subnets); err != nil {
		return c, err
	}
	// IPv4 and IPv6 each have a least packet that all must take (RFC 791, RFC 8200).
	least := 68
	if slices.ContainsFunc(c.Subnets, func(s netip.Prefix) bool { return s.Addr().Is6() }) {
		least = 1280
	}
	if c.MTU != 0 && (c.MTU < least || c.MTU > 65535) {
		return c, invalidf("MTU %d: must be %d to 65535", c.MTU, least)
	}
	c.Subnets = slices.Clone(c.Subnets)
	return c, c.DNS.check()
}

func checkSubnets(subnets []netip.Prefix) error {
	if len(subnets) == 0 {
		return invalidf("no subnet")
	}
	families := make(map[bool]netip.Prefix)
	for _, s := range subnets {
		a := s.Addr()
		switch {
		case !s.IsValid() || a.Is4In6():
			return invalidf("subnet %v: not a network", s)
		case s != s.Masked():
			return invalidf("subnet %v: there are bits beyond its length: %v", s, s.Masked())
		case s.Bits() < 4 || s.Bits() > a.BitLen()-2:
			return invalidf("subnet %v: the length must be 4 to %d", s, a.BitLen()-2)
		case a.IsLoopback(), a.IsMulticast(), a.IsUnspecified(), a.IsLinkLocalUnicast():
			return invalidf("subnet %v: containers cannot have such addresses", s)
		}
		if other, ok := families[a.Is4()]; ok {
			return invalidf("subnets %v and %v: at most one of IPv4 and one of IPv6", other, s)
		}
		families[a.Is4()] = s
	}
	return nil
}

func (d DNS) check() error {
	for _, s := range d.Servers {
		if !s.IsValid() || s.IsUnspecified() || s.IsMulticast() || s.Zone() != "" {
			return invalidf("DNS server %v: not the address of one", s)
		}
	}
	for _, s := range d.Search {
		if !isWord(s) {
			return invalidf("DNS search domain %q: must be one word", s)
		}
	}
	for _, s := range d.Options {
		if !isWord(s) {
			return invalidf("DNS option %q: must be one word", s)
		}
	}
	return nil
}

// checkID takes what the library takes for the id of a container, as far as a directory can
// have that name.
func checkID(id string) error {
	if !isName(id, 255, "_.+-") {
		return invalidf("id %q: 1 to 255 letters, digits and _.+-", id)
	}
	return nil
}

// checkPorts gives the ports with all their fields.
func checkPorts(ports []Port, subnets []netip.Prefix) ([]Port, error) {
	var list []Port
	for _, p := range ports {
		if p.Protocol == "" {
			p.Protocol = "tcp"
		}
		if p.ContainerPort == 0 {
			p.ContainerPort = p.HostPort
		}
		p.HostAddress = p.HostAddress.Unmap()
		if p.HostAddress.IsValid() && p.HostAddress.IsUnspecified() {
			return nil, invalidf("%v: leave HostAddress away for all addresses", p)
		}
		switch {
		case p.Protocol != "tcp" && p.Protocol != "udp":
			return nil, invalidf("%v: the protocol must be tcp or udp", p)
		case p.HostPort == 0:
			return nil, invalidf("%v: the port of the host must be 1 to 65535", p)
		case p.HostAddress.IsMulticast() || p.HostAddress.Zone() != "" || p.HostAddress == netip.IPv6Loopback():
			return nil, invalidf("%v: no port of such an address can lead to a container", p)
		}
		if a := p.HostAddress; a.IsValid() && !slices.ContainsFunc(subnets, func(s netip.Prefix) bool { return s.Addr().Is4() == a.Is4() }) {
			return nil, invalidf("%v: the network has no subnet of that family", p)
		}
		if i := slices.IndexFunc(list, p.clashes); i >= 0 {
			return nil, invalidf("%v: it is there twice, with %v", p, list[i])
		}
		list = append(list, p)
	}
	return list, nil
}

// clashes tells whether a packet can be for both.
func (p Port) clashes(other Port) bool { return p.clashesWith(other.key()) }

func isName(name string, longest int, also string) bool {
	ok := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(also, r)
	}
	return name != "" && len(name) <= longest && name != "." && name != ".." &&
		!strings.ContainsFunc(name, func(r rune) bool { return !ok(r) })
}

// isInterface is dev_valid_name of the kernel, and '%' for which it would make a name up.
func isInterface(name string) bool {
	return isWord(name) && len(name) <= 15 && path.Base(name) == name && name != "." && name != ".." && !strings.ContainsAny(name, ":%")
}

func isWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) })
}
