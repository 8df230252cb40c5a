package configs

// Network is a network interface of the container.
type Network struct {
	// Type is "loopback" or "veth". A loopback is brought up and uses no other
	// field.
	Type string `json:"type"`

	// Name is the interface's name inside the container, at most 15 bytes.
	Name string `json:"name"`

	// Bridge is the host's bridge that the host's end of a veth pair joins.
	Bridge string `json:"bridge"`

	// MacAddress is the interface's MAC address. Empty leaves it to the kernel.
	MacAddress string `json:"mac_address"`

	// Address is the interface's IPv4 address with its prefix length, such as
	// "10.0.0.2/24".
	Address string `json:"address"`

	// Gateway is the IPv4 address of the default route.
	Gateway string `json:"gateway"`

	// IPv6Address is the interface's IPv6 address with its prefix length.
	IPv6Address string `json:"ipv6_address"`

	// IPv6Gateway is the IPv6 address of the default route.
	IPv6Gateway string `json:"ipv6_gateway"`

	// Mtu is the largest packet of both ends of a veth pair in bytes. 0 leaves
	// it to the kernel.
	Mtu int `json:"mtu"`

	// TxQueueLen is the length of the transmit queue of both ends of a veth pair
	// in packets. 0 leaves it to the kernel.
	TxQueueLen int `json:"txqueuelen"`

	// HostInterfaceName is the name of the host's end of a veth pair, at most 15
	// bytes. It must not be in use.
	HostInterfaceName string `json:"host_interface_name"`

	// HairpinMode lets the bridge send packets back to the container that they
	// came from.
	HairpinMode bool `json:"hairpin_mode"`
}

// Route is a route in the container's network namespace.
type Route struct {
	// Destination is the network that the route leads to, as address and prefix
	// length of IPv4 or IPv6. Empty is the default route.
	Destination string `json:"destination"`

	// Source is the preferred source address of the packets. Empty leaves it to
	// the kernel.
	Source string `json:"source"`

	// Gateway is the address of the next router. Empty means that the
	// destination is reached directly.
	Gateway string `json:"gateway"`

	// InterfaceName is the container's interface that packets leave through.
	InterfaceName string `json:"interface_name"`
}
