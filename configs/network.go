package configs

// Network is a network interface of the container.
//
// It is made in the container's network namespace, also where that is joined by
// its path, and removed by Destroy. A namespace that is joined has a loopback
// already, which is left as it is.
type Network struct {
	// Type is "loopback" or "veth". A loopback is brought up and uses no other
	// field. A veth is a pair of interfaces, see veth(4): the container has one
	// end, the host the other. Both are up when the container's program starts.
	Type string `json:"type"`

	// Name is the interface's name inside the container, at most 15 bytes. Empty
	// takes the first of eth0, eth1, ... that no other network or device of the
	// configuration has.
	Name string `json:"name"`

	// Bridge is the host's bridge that the host's end of a veth pair joins. It
	// must exist. Empty joins none.
	Bridge string `json:"bridge"`

	// MacAddress is the interface's MAC address. Empty leaves it to the kernel.
	MacAddress string `json:"mac_address"`

	// Address is the interface's IPv4 address with its prefix length, such as
	// "10.0.0.2/24".
	Address string `json:"address"`

	// Gateway is the IPv4 address of the default route. It needs an Address. If
	// that one has a prefix length of 32, the gateway gets a route of its own over the
	// interface first, so that it can be reached; else it must be in that one's network.
	Gateway string `json:"gateway"`

	// IPv6Address is the interface's IPv6 address with its prefix length. It can
	// be used at once: the kernel is told not to look for another interface of
	// that address first, which would take it a second or more.
	IPv6Address string `json:"ipv6_address"`

	// IPv6Gateway is the IPv6 address of the default route. It needs an
	// IPv6Address, unless it is a link-local one; a prefix length of 128 is as one of 32
	// for Gateway.
	IPv6Gateway string `json:"ipv6_gateway"`

	// Mtu is the largest packet of both ends of a veth pair in bytes. 0 leaves
	// it to the kernel.
	Mtu int `json:"mtu"`

	// TxQueueLen is the length of the transmit queue of both ends of a veth pair
	// in packets. 0 leaves it to the kernel.
	TxQueueLen int `json:"txqueuelen"`

	// HostInterfaceName is the name of the host's end of a veth pair, at most 15
	// bytes. It must not be in use. Empty makes one up when the container starts;
	// the container's Config then has it.
	HostInterfaceName string `json:"host_interface_name"`

	// HairpinMode lets the bridge send packets back to the container that they
	// came from. It needs a Bridge.
	HairpinMode bool `json:"hairpin_mode"`
}

// Route is a route in the container's network namespace.
type Route struct {
	// Destination is the network that the route leads to, as address and prefix
	// length of IPv4 or IPv6; bits beyond that length are ignored. Empty is the
	// default route.
	Destination string `json:"destination"`

	// Source is the preferred source address of the packets. Empty leaves it to
	// the kernel.
	Source string `json:"source"`

	// Gateway is the address of the next router. Empty means that the
	// destination is reached directly. A router outside of the interface's network
	// needs a route to itself, such as that of a Network's Gateway, or one that comes
	// earlier in the list, with no Gateway.
	Gateway string `json:"gateway"`

	// InterfaceName is the container's interface that packets leave through.
	InterfaceName string `json:"interface_name"`
}

// NetDevice says how a network device of the host is moved into the container's
// network namespace.
//
// The device keeps its attributes and its permanent addresses of global scope,
// and is brought up. When the container is destroyed, unless the device is to stay
// (Stay), or when it does not start, the device comes back under its old name, with
// the addresses that it had, and up if it was; the routes through it, and its place
// in a bridge or bond, are lost.
//
// For that the network namespace is kept until Destroy, also when the container's
// processes, or the program that started them, have ended before. This goes
// beyond the OCI runtime specification, which leaves the devices to the kernel: a
// namespace of which nothing is left gives its physical devices to the host's
// initial namespace, under the names that the container had for them or, where
// those are taken, as dev0, dev1 and so on, and destroys its virtual ones (veth,
// macvlan, ...), see network_namespaces(7). That is what happens to a device
// whose container is never destroyed, at the latest when the host goes down, and
// to a virtual one that the container itself removes.
type NetDevice struct {
	// Name is the device's name inside the container, at most 15 bytes. Empty
	// keeps that of the host. A "%d" in it stands for the lowest number that makes
	// a name which is not in use.
	Name string `json:"name,omitempty"`

	// Stay leaves the device where it is when the container is destroyed. In a network
	// namespace that is joined by its path every device stays: who made that one, and
	// goes on using it, has it as long as that.
	Stay bool `json:"stay,omitempty"`
}
