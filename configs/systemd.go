package configs

// SystemdProperty is a property of a container's systemd unit, which is given to
// systemd as it is.
type SystemdProperty struct {
	// Name is the property's on the bus, see org.freedesktop.systemd1(5). Some
	// differ from those in unit files: TimeoutStopUSec, for one, is
	// TimeoutStopSec= there.
	Name string `json:"name"`

	// Value is the value in GVariant's text format with its type, where that is
	// not a string, boolean or 32-bit integer: "true", "'text'", "uint64 5000000",
	// "['a.service', 'b.service']".
	Value string `json:"value"`
}
