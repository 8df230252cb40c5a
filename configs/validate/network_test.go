package validate

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestNetworks(t *testing.T) {
	// add edits a good veth that is added to the default's loopback.
	add := func(edit func(*configs.Network)) func(*configs.Config) {
		return func(c *configs.Config) {
			n := &configs.Network{
				Type: "veth", Name: "eth0", Bridge: "br0", HostInterfaceName: "veth-test",
				MacAddress: "02:00:00:00:00:01", Address: "10.0.0.2/24", Gateway: "10.0.0.1",
				IPv6Address: "fd00::2/64", IPv6Gateway: "fd00::1", Mtu: 1500, TxQueueLen: 1000,
			}
			edit(n)
			c.Networks = append(c.Networks, n)
		}
	}
	name := func(s string) func(*configs.Config) { return add(func(n *configs.Network) { n.Name = s }) }
	run(t, []testCase{
		{"veth", add(func(*configs.Network) {}), ""},
		{"bare veth", add(func(n *configs.Network) { *n = configs.Network{Type: "veth"} }), ""},
		{"loopback's other fields", add(func(n *configs.Network) {
			*n = configs.Network{Type: "loopback", Address: "127.0.0.1/0", Gateway: "localhost", Mtu: -5, Name: "a/b"}
		}), ""},
		{"unknown type", add(func(n *configs.Network) { n.Type = "macvlan" }), `Networks[1].Type "macvlan"`},
		{"no type", add(func(n *configs.Network) { n.Type = "" }), "Networks[1].Type"},
		{"nil", func(c *configs.Config) { c.Networks = []*configs.Network{nil} }, "Networks[0] is nil"},
		{"loopback without a namespace", func(c *configs.Config) { c.Namespaces.Remove(configs.NEWNET) }, "Networks needs a NEWNET"},
		{"joined namespace", func(c *configs.Config) { c.Namespaces.Add(configs.NEWNET, "/run/netns/x") }, ""},
		{"host's own namespace", func(c *configs.Config) { c.Namespaces.Add(configs.NEWNET, "/proc/self/ns/net") }, "is the host's own"},

		{"longest name", name("abcdefghijklmno"), ""},
		{"name too long", name("abcdefghijklmnop"), `Networks[1].Name "abcdefghijklmnop" has more than 15 bytes`},
		{"name with a slash", name("a/b"), "Networks[1].Name"},
		{"name with a space", name("a b"), "Networks[1].Name"},
		{"name with a colon", name("a:b"), "Networks[1].Name"},
		{"name with a pattern", name("eth%d"), "Networks[1].Name"},
		{"name with NUL", name("a\x00"), "Networks[1].Name"},
		{"name of dots", name(".."), "Networks[1].Name"},
		{"bridge too long", add(func(n *configs.Network) { n.Bridge = "abcdefghijklmnop" }), "Networks[1].Bridge"},
		{"host name too long", add(func(n *configs.Network) { n.HostInterfaceName = "abcdefghijklmnop" }), "Networks[1].HostInterfaceName"},
		{"same name twice", func(c *configs.Config) {
			c.Networks = []*configs.Network{{Type: "veth", Name: "eth0"}, {Type: "veth", Name: "eth0"}}
		}, `Networks[1].Name "eth0" is there already`},
		{"same host name twice", func(c *configs.Config) {
			c.Networks = []*configs.Network{{Type: "veth", HostInterfaceName: "v"}, {Type: "veth", HostInterfaceName: "v"}}
		}, "Networks[1].HostInterfaceName"},

		{"mac", add(func(n *configs.Network) { n.MacAddress = "02:00:00:00:00" }), "Networks[1].MacAddress"},
		{"mac of a group", add(func(n *configs.Network) { n.MacAddress = "03:00:00:00:00:01" }), "not the address of one interface"},
		{"mac of zeros", add(func(n *configs.Network) { n.MacAddress = "00:00:00:00:00:00" }), "not the address of one interface"},
		{"mac of 8 bytes", add(func(n *configs.Network) { n.MacAddress = "02:00:00:00:00:00:00:01" }), "Networks[1].MacAddress"},
		{"address without a length", add(func(n *configs.Network) { n.Address = "10.0.0.2" }), "Networks[1].Address"},
		{"address of the other family", add(func(n *configs.Network) { n.Address = "fd00::2/64" }), "is not an IPv4 address"},
		{"no address", add(func(n *configs.Network) { n.Address = "10.0.0.2/33" }), "Networks[1].Address"},
		{"gateway by name", add(func(n *configs.Network) { n.Gateway = "localhost" }), "Networks[1].Gateway"},
		{"gateway of the other family", add(func(n *configs.Network) { n.Gateway = "fd00::1" }), "is not an IPv4 address"},
		{"IPv6 address of the other family", add(func(n *configs.Network) { n.IPv6Address = "10.0.0.2/24" }), "is not an IPv6 address"},
		{"IPv6 gateway of the other family", add(func(n *configs.Network) { n.IPv6Gateway = "10.0.0.1" }), "is not an IPv6 address"},
		{"IPv4 address as IPv6", add(func(n *configs.Network) { n.IPv6Gateway = "::ffff:10.0.0.1" }), "written as one of IPv6"},
		{"gateway alone", add(func(n *configs.Network) { n.Address = "" }), "Networks[1].Gateway needs an Address"},
		{"IPv6 gateway alone", add(func(n *configs.Network) { n.IPv6Address = "" }), "Networks[1].IPv6Gateway needs an IPv6Address"},
		{"link-local gateway alone", add(func(n *configs.Network) { n.IPv6Address, n.IPv6Gateway = "", "fe80::1" }), ""},
		{"hairpin", add(func(n *configs.Network) { n.HairpinMode = true }), ""},
		{"hairpin alone", add(func(n *configs.Network) { n.HairpinMode, n.Bridge = true, "" }), "Networks[1].HairpinMode needs a Bridge"},
		{"name of a device", func(c *configs.Config) {
			c.Networks = []*configs.Network{{Type: "veth", Name: "eth0"}}
			c.NetDevices = map[string]*configs.NetDevice{"host0": {Name: "eth0"}}
		}, `Networks[0].Name "eth0" is there already`},
		{"IPv6 gateway with a zone", add(func(n *configs.Network) { n.IPv6Gateway = "fe80::1%eth0" }), "Networks[1].IPv6Gateway"},
		{"mtu", add(func(n *configs.Network) { n.Mtu = 67 }), "Networks[1].Mtu 67"},
		{"mtu negative", add(func(n *configs.Network) { n.Mtu = -1 }), "Networks[1].Mtu -1"},
		{"mtu too large", add(func(n *configs.Network) { n.Mtu = 65536 }), "Networks[1].Mtu 65536"},
		{"queue of 2^32", add(func(n *configs.Network) { n.TxQueueLen = 1 << 32 }), "Networks[1].TxQueueLen"},
		{"queue", add(func(n *configs.Network) { n.TxQueueLen = -1 }), "Networks[1].TxQueueLen -1"},
	})
}

func TestRoutes(t *testing.T) {
	add := func(r *configs.Route) func(*configs.Config) {
		return func(c *configs.Config) { c.Routes = []*configs.Route{r} }
	}
	run(t, []testCase{
		{"network", add(&configs.Route{Destination: "10.0.0.0/8", Source: "10.0.0.2", Gateway: "10.0.0.1", InterfaceName: "eth0"}), ""},
		{"IPv6", add(&configs.Route{Destination: "fd00::/8", Gateway: "fe80::1", InterfaceName: "eth0"}), ""},
		{"default", add(&configs.Route{Gateway: "10.0.0.1", InterfaceName: "eth0"}), ""},
		{"direct", add(&configs.Route{Destination: "10.0.0.0/8", InterfaceName: "eth0"}), ""},
		{"to nowhere", add(&configs.Route{InterfaceName: "eth0"}), "Routes[0] has neither"},
		{"destination", add(&configs.Route{Destination: "10.0.0.0", InterfaceName: "eth0"}), "Routes[0].Destination"},
		{"two families", add(&configs.Route{Destination: "10.0.0.0/8", Gateway: "fe80::1", InterfaceName: "eth0"}), "Routes[0] has addresses of both"},
		{"source of the other family", add(&configs.Route{Source: "10.0.0.1", Gateway: "fe80::1", InterfaceName: "eth0"}), "Routes[0] has addresses of both"},
		{"source", add(&configs.Route{Destination: "10.0.0.0/8", Source: "x", InterfaceName: "eth0"}), "Routes[0].Source"},
		{"gateway", add(&configs.Route{Gateway: "x", InterfaceName: "eth0"}), "Routes[0].Gateway"},
		{"no interface", add(&configs.Route{Gateway: "10.0.0.1"}), "Routes[0].InterfaceName"},
		{"nil", add(nil), "Routes[0] is nil"},
		{"in the host's own namespace", func(c *configs.Config) {
			c.Networks = nil
			c.Namespaces.Add(configs.NEWNET, "/proc/self/ns/net")
			c.Routes = []*configs.Route{{Gateway: "10.0.0.1", InterfaceName: "eth0"}}
		}, "is the host's own"},
		{"without a namespace", func(c *configs.Config) {
			c.Networks = nil
			c.Namespaces.Remove(configs.NEWNET)
			c.Routes = []*configs.Route{{Gateway: "10.0.0.1", InterfaceName: "eth0"}}
		}, "Routes needs a NEWNET"},
	})
}

func TestNetDevices(t *testing.T) {
	set := func(devices map[string]*configs.NetDevice) func(*configs.Config) {
		return func(c *configs.Config) { c.NetDevices = devices }
	}
	one := func(host, name string) func(*configs.Config) {
		return set(map[string]*configs.NetDevice{host: {Name: name}})
	}
	run(t, []testCase{
		{"own name", one("eth1", ""), ""},
		{"new name", one("eth1", "data0"), ""},
		{"template", one("eth1", "data%d"), ""},
		{"template alone", one("eth1", "%d"), ""},
		{"two templates", one("eth1", "%d%d"), `NetDevices["eth1"].Name "%d%d"`},
		{"other template", one("eth1", "data%s"), `NetDevices["eth1"].Name`},
		{"longest name", one("eth1", "abcdefghijklmno"), ""},
		{"name too long", one("eth1", "abcdefghijklmnop"), `NetDevices["eth1"].Name`},
		{"name with a slash", one("eth1", "a/b"), `NetDevices["eth1"].Name`},
		{"host's name with a slash", one("a/b", "c"), `NetDevices["a/b"]`},
		{"host's name too long", one("abcdefghijklmnop", "c"), "has more than 15 bytes"},
		{"host's name is a template", one("eth%d", "c"), `NetDevices["eth%d"]`},
		{"host's name is empty", one("", "c"), `NetDevices[""]`},
		{"loopback", one("lo", "c"), "cannot be moved"},
		{"nil", set(map[string]*configs.NetDevice{"eth1": nil}), `NetDevices["eth1"] is nil`},
		{"same name", set(map[string]*configs.NetDevice{"a": {Name: "x"}, "b": {Name: "x"}}), `NetDevices["b"].Name "x" is there already`},
		{"same template", set(map[string]*configs.NetDevice{"a": {Name: "x%d"}, "b": {Name: "x%d"}}), ""},
		{"swapped", set(map[string]*configs.NetDevice{"a": {Name: "b"}, "b": {Name: "a"}}), ""},
		{"without a namespace", func(c *configs.Config) {
			c.Networks = nil
			c.Namespaces.Remove(configs.NEWNET)
			c.NetDevices = map[string]*configs.NetDevice{"eth1": {}}
		}, "NetDevices needs a NEWNET"},
	})
}
