//world:any

package integration

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// deviceName gives a name of this test run's own for a device of the host.
func deviceName(kind string) string { return fmt.Sprintf("lct%s%d", kind, os.Getpid()%1000000) }

// newLink makes a network device that is up, and is removed when the test ends.
func newLink(t *testing.T, link netlink.Link) netlink.Link {
	t.Helper()
	if err := netlink.LinkAdd(link); err != nil {
		t.Fatalf("make network device %q: %v", link.Attrs().Name, err)
	}
	name := link.Attrs().Name
	t.Cleanup(func() {
		if err := netlink.LinkDel(hostLink(t, name)); err != nil {
			t.Errorf("remove network device %q: %v", name, err)
		}
	})
	if err := netlink.LinkSetUp(link); err != nil {
		t.Fatal(err)
	}
	return hostLink(t, name)
}

// newBridge makes a bridge without addresses: what is sent on it stays there.
func newBridge(t *testing.T) string {
	t.Helper()
	name := deviceName("br")
	newLink(t, &netlink.Bridge{LinkAttrs: linkAttrs(name)})
	return name
}

func linkAttrs(name string) netlink.LinkAttrs {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	return attrs
}

func hostLink(t *testing.T, name string) netlink.Link {
	t.Helper()
	link, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatalf("network device %q of the host: %v", name, err)
	}
	return link
}

func isHostLink(t *testing.T, name string) bool {
	t.Helper()
	_, err := netlink.LinkByName(name)
	if err == nil {
		return true
	}
	var missing netlink.LinkNotFoundError
	if !errors.As(err, &missing) {
		t.Fatalf("network device %q of the host: %v", name, err)
	}
	return false
}

// onBridge gives a veth with the n-th address of the test network.
func onBridge(bridge string, n int) *configs.Network {
	return &configs.Network{
		Type:        "veth",
		Bridge:      bridge,
		Address:     fmt.Sprintf("192.0.2.%d/24", n),
		IPv6Address: fmt.Sprintf("2001:db8::%d/64", n),
	}
}

func withNetworks(t *testing.T, networks ...*configs.Network) *configs.Config {
	t.Helper()
	config := newConfig(t)
	// A test may have several containers.
	config.Cgroups.Name += "-" + filepath.Base(filepath.Dir(config.Rootfs))
	config.Networks = append(config.Networks, networks...)
	return config
}

// serve starts a container with an HTTP server that has a page, and returns when
// that listens.
func serve(t *testing.T, config *configs.Config, page string) libcontainer.Container {
	t.Helper()
	if err := os.WriteFile(filepath.Join(config.Rootfs, "page"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	container := newContainer(t, config)
	startUntilReady(t, container, "httpd -p 80 -h / && echo ready && read x")
	return container
}

// startUntilReady starts a script that says "ready" and then reads its standard
// input until that is closed, at the end of the test.
func startUntilReady(t *testing.T, container libcontainer.Container, script string) *libcontainer.Process {
	t.Helper()
	in, release := pipe(t)
	said, out := pipe(t)
	p := &libcontainer.Process{Args: []string{"sh", "-c", script}, Env: []string{defaultEnv}, Stdin: in, Stdout: out, Stderr: out}
	err := container.Start(p)
	in.Close()
	out.Close()
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	t.Cleanup(func() {
		release.Close()
		_, _ = p.Wait()
	})
	if line, err := bufio.NewReader(said).ReadString('\n'); line != "ready\n" {
		t.Fatalf("the container said %q, error %v", line, err)
	}
	return p
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func wget(hosts ...string) string {
	script := "set -e\n"
	for _, host := range hosts {
		script += "timeout 10 wget -q -O - http://" + host + "/page; echo\n"
	}
	return script
}

// hostEnds gives the host's ends of a container's veth pairs.
func hostEnds(container libcontainer.Container) (names []string) {
	config := container.Config()
	for _, n := range config.Networks {
		if n.Type == "veth" {
			names = append(names, n.HostInterfaceName)
		}
	}
	return names
}

func TestVethTraffic(t *testing.T) {
	bridge := newBridge(t)
	serve(t, withNetworks(t, onBridge(bridge, 1)), "hello")
	for name, edit := range map[string]func(*configs.Config){
		"default":        func(*configs.Config) {},
		"user namespace": func(c *configs.Config) { withUserNS(t, c, 100000) },
	} {
		t.Run(name, func(t *testing.T) {
			config := withNetworks(t, onBridge(bridge, 2))
			edit(config)
			if got := runShell(t, config, wget("192.0.2.1", "[2001:db8::1]")); got != "hello\nhello" {
				t.Errorf("the other container answered %q over IPv4 and IPv6", got)
			}
		})
	}
	t.Run("without a bridge", func(t *testing.T) {
		p, out := shell("timeout 1 wget -q -O - http://192.0.2.1/page || exit 1")
		container := newContainer(t, withNetworks(t, onBridge("", 2)))
		if err := container.Start(p); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Wait(); err == nil {
			t.Errorf("the other container answered %q", out.stdout.String())
		}
	})
}

func TestVethSettings(t *testing.T) {
	bridge := newBridge(t)
	network := onBridge(bridge, 1)
	network.Name = "data0"
	network.HostInterfaceName = deviceName("v")
	network.MacAddress = "02:00:5e:00:53:01"
	network.Mtu = 1280
	network.TxQueueLen = 77
	network.HairpinMode = true
	container := newContainer(t, withNetworks(t, network))
	startUntilReady(t, container, "echo ready; exec cat")

	inside := execShell(t, container, "cd /sys/class/net/data0 && cat address mtu tx_queue_len operstate && ls ..")
	if want := "02:00:5e:00:53:01\n1280\n77\nup\ndata0\nlo"; inside != want {
		t.Errorf("inside: %q, want %q", inside, want)
	}
	addresses := execShell(t, container, "ip -o addr show dev data0 scope global")
	for _, want := range []string{"inet 192.0.2.1/24 brd 192.0.2.255", "inet6 2001:db8::1/64"} {
		if !strings.Contains(addresses, want) {
			t.Errorf("addresses %q, want %q", addresses, want)
		}
	}
	if strings.Contains(addresses, "tentative") {
		t.Errorf("an address cannot be used yet: %q", addresses)
	}

	end := hostLink(t, network.HostInterfaceName)
	attrs := end.Attrs()
	if attrs.MTU != 1280 || attrs.TxQLen != 77 || attrs.Flags&net.FlagUp == 0 {
		t.Errorf("the host's end has MTU %d, queue %d, flags %v", attrs.MTU, attrs.TxQLen, attrs.Flags)
	}
	if attrs.MasterIndex != hostLink(t, bridge).Attrs().Index {
		t.Errorf("the host's end belongs to %d, not to the bridge", attrs.MasterIndex)
	}
	if !strings.HasPrefix(attrs.Alias, "libcontainer:/") {
		t.Errorf("the host's end has the alias %q", attrs.Alias)
	}
	port, err := netlink.LinkGetProtinfo(end)
	if err != nil || !port.Hairpin {
		t.Errorf("hairpin mode is %v, error %v", port.Hairpin, err)
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	if isHostLink(t, network.HostInterfaceName) {
		t.Error("the host's end is left when Destroy returns")
	}
}

func TestVethDefaults(t *testing.T) {
	config := withNetworks(t, &configs.Network{Type: "veth"}, &configs.Network{Type: "veth", Name: "eth0"}, &configs.Network{Type: "veth"})
	container := newContainer(t, config)
	startUntilReady(t, container, "echo ready; exec cat")
	if got := execShell(t, container, "ls /sys/class/net"); got != "eth0\neth1\neth2\nlo" {
		t.Errorf("interfaces inside: %q", got)
	}
	if got := config.Networks[1]; got.Name != "" || got.HostInterfaceName != "" {
		t.Errorf("the caller's configuration has become %+v", got)
	}
	ends := hostEnds(container)
	if len(ends) != 3 || ends[0] == ends[1] || ends[1] == ends[2] {
		t.Errorf("the host's ends are %q", ends)
	}
	for _, name := range ends {
		port, err := netlink.LinkGetProtinfo(hostLink(t, name))
		if err == nil && port.Hairpin {
			t.Errorf("%s is in hairpin mode", name)
		}
	}
}

// What the container received is what its peer, the host's end, has sent.
func TestNetworkStatistics(t *testing.T) {
	bridge := newBridge(t)
	page := strings.Repeat("x", 100_000)
	server := serve(t, withNetworks(t, onBridge(bridge, 1)), page)
	counters := func() *libcontainer.NetworkInterface {
		t.Helper()
		stats, err := server.Stats()
		if err != nil {
			t.Fatal(err)
		}
		if len(stats.Interfaces) != 1 || stats.Interfaces[0].Name != "eth0" {
			t.Fatalf("%d interfaces", len(stats.Interfaces))
		}
		return stats.Interfaces[0]
	}
	start := counters()
	if got := runShell(t, withNetworks(t, onBridge(bridge, 2)), wget("192.0.2.1")); got != page {
		t.Fatalf("got %d bytes of the page", len(got))
	}
	before := counters()
	if sent := before.TxBytes - start.TxBytes; sent < 100_000 || sent > 200_000 {
		t.Errorf("the server has sent %d bytes", sent)
	}
	if got := before.RxBytes - start.RxBytes; got == 0 || got > 50_000 {
		t.Errorf("the server has received %d bytes", got)
	}
	inside := strings.Fields(execShell(t, server,
		"cd /sys/class/net/eth0/statistics && cat rx_bytes rx_packets tx_bytes tx_packets"))
	after := counters()
	low := []uint64{before.RxBytes, before.RxPackets, before.TxBytes, before.TxPackets}
	high := []uint64{after.RxBytes, after.RxPackets, after.TxBytes, after.TxPackets}
	for i, text := range inside {
		if n, err := strconv.ParseUint(text, 10, 64); err != nil || n < low[i] || n > high[i] {
			t.Errorf("counter %d: %s inside, %d before and %d after outside", i, text, low[i], high[i])
		}
	}
}

func TestRoutes(t *testing.T) {
	bridge := newBridge(t)
	// A second network, behind the server.
	behind := &configs.Network{Type: "veth", Address: "198.51.100.1/24", IPv6Address: "2001:db8:2::1/64"}
	serve(t, withNetworks(t, onBridge(bridge, 1), behind), "hello")
	bothSay := wget("198.51.100.1", "[2001:db8:2::1]")

	t.Run("gateways", func(t *testing.T) {
		network := onBridge(bridge, 2)
		network.Gateway, network.IPv6Gateway = "192.0.2.1", "2001:db8::1"
		if got := runShell(t, withNetworks(t, network), bothSay); got != "hello\nhello" {
			t.Errorf("got %q", got)
		}
	})
	// The interface is all of its network, as clouds have it: the router is on the link.
	t.Run("gateways outside of the network", func(t *testing.T) {
		network := onBridge(bridge, 5)
		network.Address, network.IPv6Address = "192.0.2.5/32", "2001:db8::5/128"
		network.Gateway, network.IPv6Gateway = "192.0.2.1", "2001:db8::1"
		if got := runShell(t, withNetworks(t, network), bothSay); got != "hello\nhello" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("routes", func(t *testing.T) {
		config := withNetworks(t, onBridge(bridge, 3))
		config.Routes = []*configs.Route{
			{Destination: "198.51.100.0/24", Gateway: "192.0.2.1", Source: "192.0.2.3", InterfaceName: "eth0"},
			{Destination: "2001:db8:2::/64", Gateway: "2001:db8::1", Source: "2001:db8::3", InterfaceName: "eth0"},
			{Destination: "203.0.113.9/24", InterfaceName: "eth0"},
			{Gateway: "192.0.2.1", InterfaceName: "eth0"},
		}
		out := runShell(t, config, bothSay+"ip route; ip -6 route")
		for _, want := range []string{
			"hello\nhello\n",
			"198.51.100.0/24 via 192.0.2.1 dev eth0  src 192.0.2.3",
			"2001:db8:2::/64 via 2001:db8::1 dev eth0  src 2001:db8::3",
			"203.0.113.0/24 dev eth0",
			"default via 192.0.2.1 dev eth0",
		} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is not in\n%s", want, out)
			}
		}
	})
	t.Run("none", func(t *testing.T) {
		p, out := shell(bothSay)
		container := newContainer(t, withNetworks(t, onBridge(bridge, 4)))
		if err := container.Start(p); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Wait(); err == nil || !strings.Contains(out.stderr.String(), "unreachable") {
			t.Errorf("error %v, stderr %q", err, out.stderr.String())
		}
	})
}

// Sysctls and hooks of the host come when the interfaces are there.
func TestNetworkBeforeSysctlsAndHooks(t *testing.T) {
	config := withNetworks(t, onBridge("", 1))
	config.Networks[1].HostInterfaceName = deviceName("v")
	config.Sysctl = map[string]string{"net.ipv4.conf.eth0.forwarding": "1"}
	seen := false
	config.Hooks = &configs.Hooks{Prestart: []configs.Hook{configs.NewFunctionHook(func(configs.HookState) error {
		seen = isHostLink(t, config.Networks[1].HostInterfaceName)
		return nil
	})}}
	if got := runShell(t, config, "cat /proc/sys/net/ipv4/conf/eth0/forwarding"); got != "1" {
		t.Errorf("the interface's sysctl is %q", got)
	}
	if !seen {
		t.Error("the prestart hook did not see the host's end")
	}
}

// Each error names the field or device, and leaves nothing (see checkLeaks), also
// of the good network before it.
func TestNetworkErrors(t *testing.T) {
	bridge := newBridge(t)
	used := deviceName("u")
	index := newLink(t, &netlink.Bridge{LinkAttrs: linkAttrs(used)}).Attrs().Index
	pair := newLink(t, &netlink.Veth{LinkAttrs: linkAttrs(deviceName("x")), PeerName: deviceName("y")})
	for name, test := range map[string]struct {
		edit func(*configs.Config, *configs.Network)
		code libcontainer.ErrorCode
		errs []string
	}{
		"host's name in use": {
			func(_ *configs.Config, n *configs.Network) { n.HostInterfaceName = used },
			libcontainer.ConfigInvalid, []string{"HostInterfaceName", strconv.Quote(used), "in use"},
		},
		"host's name is another veth": {
			func(_ *configs.Config, n *configs.Network) { n.HostInterfaceName = pair.Attrs().Name },
			libcontainer.ConfigInvalid, []string{"HostInterfaceName", "in use"},
		},
		"name in use": {
			func(_ *configs.Config, n *configs.Network) { n.Name = "lo" },
			libcontainer.ConfigInvalid, []string{`Name "lo" is in use in the container`},
		},
		"no bridge": {
			func(_ *configs.Config, n *configs.Network) { n.Bridge = "lctest-none" },
			libcontainer.ConfigInvalid, []string{"eth1", `join bridge "lctest-none"`, "no such device"},
		},
		"bridge is none": {
			func(_ *configs.Config, n *configs.Network) { n.Bridge = pair.Attrs().Name },
			libcontainer.ConfigInvalid, []string{"join bridge", `type "veth"`},
		},
		"gateway of another network": {
			func(_ *configs.Config, n *configs.Network) { n.Gateway = "203.0.113.1" },
			libcontainer.SystemError, []string{"eth1", "add default route by 203.0.113.1", "unreachable"},
		},
		"route of a missing interface": {
			func(c *configs.Config, _ *configs.Network) {
				c.Routes = []*configs.Route{{Gateway: "192.0.2.1", InterfaceName: "eth7"}}
			},
			libcontainer.ConfigInvalid, []string{"Routes[0]", `"eth7"`, "no such interface"},
		},
		"route twice": {
			func(c *configs.Config, _ *configs.Network) {
				r := &configs.Route{Destination: "203.0.113.0/24", InterfaceName: "eth1"}
				c.Routes = []*configs.Route{r, r}
			},
			libcontainer.SystemError, []string{"Routes[1]", "203.0.113.0/24", "exists"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			second := onBridge(bridge, 2)
			second.Address = "198.51.100.2/24"
			config := withNetworks(t, onBridge(bridge, 1), second)
			test.edit(config, second)
			p, _ := command("/bin/true")
			startFails(t, config, p, test.code, test.errs...)
			if got := hostLink(t, used).Attrs().Index; got != index {
				t.Errorf("the device that was there is another one now: %d, was %d", got, index)
			}
			hostLink(t, pair.Attrs().Name)
		})
	}
	t.Run("missing program", func(t *testing.T) {
		p, _ := command("/nonexistent")
		startFails(t, withNetworks(t, onBridge(bridge, 1)), p, libcontainer.ConfigInvalid, "/nonexistent")
	})
}
