//world:any

package integration

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/network"
)

// nftTables lists the tables of nftables of this network namespace.
func nftTables(t *testing.T) (names []string) {
	t.Helper()
	conn, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	tables, err := conn.ListTables()
	for errors.Is(err, unix.EINTR) {
		tables, err = conn.ListTables()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		names = append(names, table.Name)
	}
	return names
}

// netSettings reads the parameters of this network namespace that make routers, but for those of
// one device.
func netSettings(t *testing.T, but string) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, pattern := range []string{"ipv[46]/conf/*/*forwarding", "ipv4/conf/*/route_localnet", "ipv6/conf/*/accept_ra",
		"ipv6/conf/*/disable_ipv6", "ipv4/ip_forward"} {
		names, err := filepath.Glob("/proc/sys/net/" + pattern)
		if err != nil || len(names) == 0 {
			t.Fatalf("parameters %s: %q, error %v", pattern, names, err)
		}
		for _, name := range names {
			value, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(name, "/"+but+"/") {
				found[name] = string(value)
			}
		}
	}
	return found
}

// The host is what it was, while the network is there and when it has gone, but for what is the
// network's.
func TestNetworkLeavesNothing(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	conn, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	const foreign = "libcontainer-blue" // such a name is no reason to touch it
	table := conn.AddTable(&nftables.Table{Name: foreign, Family: nftables.TableFamilyINet})
	conn.AddChain(&nftables.Chain{Name: "theirs", Table: table})
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	bridge := networkConfig().Bridge
	settings := netSettings(t, bridge)
	dir := filepath.Join(publicTempDir(t), "a", "net")
	for range 2 {
		n, err := network.Open(t.Context(), dir, networkConfig())
		if err != nil {
			t.Fatal(err)
		}
		again, err := network.Open(t.Context(), dir, networkConfig())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.Attach(t.Context(), "web", configs.Default(), network.Port{HostPort: 8080}); err != nil {
			t.Fatal(err)
		}
		if err := again.Remove(t.Context()); !errors.Is(err, network.ErrAttached) || !strings.Contains(err.Error(), "web") {
			t.Errorf("remove a network with a container: %v", err)
		}
		for range 2 {
			if err := again.Detach(t.Context(), "web"); err != nil {
				t.Error(err)
			}
		}
		compareSettings(t, settings, netSettings(t, bridge))
		if got := nftTables(t); !slices.Equal(got, []string{foreign, n.Table()}) {
			t.Errorf("tables of nftables are %q", got)
		}
		for _, n := range []*network.Network{n, again} {
			if err := n.Remove(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if _, err := n.Attach(t.Context(), "web", configs.Default()); !errors.Is(err, network.ErrRemoved) {
			t.Errorf("attach to a network that has been removed: %v", err)
		}
		if err := n.Detach(t.Context(), "web"); err != nil {
			t.Errorf("detach from a network that has been removed: %v", err)
		}
		if isHostLink(t, bridge) {
			t.Error("the bridge is left")
		}
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("the directory is left: %v", err)
		}
	}
	compareSettings(t, settings, netSettings(t, bridge))
	if got := nftTables(t); !slices.Equal(got, []string{foreign}) {
		t.Errorf("tables of nftables are %q", got)
	}
	if chains, err := conn.ListChainsOfTableFamily(nftables.TableFamilyINet); err != nil || len(chains) != 1 || chains[0].Name != "theirs" {
		t.Errorf("chains %v, error %v", chains, err)
	}
}

func compareSettings(t *testing.T, before, after map[string]string) {
	t.Helper()
	for name, value := range after {
		if before[name] != value {
			t.Errorf("%s is %q, was %q", name, value, before[name])
		}
	}
}

// A directory in which there is something else keeps it.
func TestNetworkLeavesOthersFiles(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	dir := publicTempDir(t)
	file := write(t, "precious", dir, "file")
	n, err := network.Open(t.Context(), dir, networkConfig())
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Remove(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := n.Attach(t.Context(), "web", configs.Default()); !errors.Is(err, network.ErrRemoved) {
		t.Errorf("attach to a network that has been removed: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(file) {
		t.Errorf("the directory has %v, error %v", entries, err)
	}
}

// What a program has attached that was killed is there until somebody collects it, and what of
// the network a crash or a boot took is made again.
func TestNetworkCrash(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	config := networkConfig()
	config.Subnets = []netip.Prefix{netip.MustParsePrefix("198.18.0.0/29")}
	dir := filepath.Join(publicTempDir(t), "net")
	out, err := exec.Command(buildProgram(t, "attaches"), dir, config.Bridge, "", "0").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("the host was not killed: %v: %s", err, out)
	}
	if err := netlink.LinkDel(hostLink(t, config.Bridge)); err != nil {
		t.Fatal(err)
	}
	conn, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range nftTables(t) {
		conn.DelTable(&nftables.Table{Name: name, Family: nftables.TableFamilyINet})
	}
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	n, err := network.Open(t.Context(), dir, config)
	if err != nil {
		t.Fatal(err)
	}
	list, err := n.List(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != "lost" || list[1].ID != "runs" {
		t.Fatalf("after the crash: %v, error %v", list, err)
	}
	if link := hostLink(t, config.Bridge); link.Attrs().Flags&net.FlagUp == 0 {
		t.Error("the bridge is not up")
	}
	if got := publishedPorts(t, n.Table()); got != 2 {
		t.Errorf("%d ports are published, want 2", got)
	}
	mine := attach(t, n, "mine", configs.Default())
	if err := n.Collect(t.Context(), []string{"runs"}); err != nil {
		t.Fatal(err)
	}
	if left, err := n.List(t.Context()); err != nil || len(left) != 2 || left[0].ID != "mine" || left[1].ID != "runs" {
		t.Errorf("left is %v, error %v", left, err)
	}
	if got := publishedPorts(t, n.Table()); got != 1 {
		t.Errorf("%d ports are published, want 1", got)
	}
	if _, err := os.Lstat(list[0].Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of the lost one is left: %v", err)
	}
	hosts, err := os.ReadFile(filepath.Join(mine.Dir, "hosts"))
	if err != nil || strings.Contains(string(hosts), "lost") || !strings.Contains(string(hosts), "runs") {
		t.Errorf("hosts %q, error %v", hosts, err)
	}
	attach(t, n, "new", configs.Default(), network.Port{HostPort: 8080})
	if err := errors.Join(n.Detach(t.Context(), "new"), n.Detach(t.Context(), "mine"), n.Collect(t.Context(), nil), n.Remove(t.Context())); err != nil {
		t.Error(err)
	}
}

// publishedPorts counts the elements of a table's maps.
func publishedPorts(t *testing.T, name string) (count int) {
	t.Helper()
	conn, err := nftables.New()
	if err != nil {
		t.Fatal(err)
	}
	sets, err := conn.GetSets(&nftables.Table{Name: name, Family: nftables.TableFamilyINet})
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range sets {
		elements, err := conn.GetSetElements(set)
		if err != nil {
			t.Fatal(err)
		}
		count += len(elements)
	}
	return count
}

// Several programs, and in each several goroutines, never have one address or port at once.
func TestNetworkTwoPrograms(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	config := networkConfig()
	config.Subnets = []netip.Prefix{netip.MustParsePrefix("198.18.0.0/29")}
	dir, used := filepath.Join(publicTempDir(t), "net"), publicTempDir(t)
	bin := buildProgram(t, "attaches")
	done := make(chan error)
	const programs = 4 // of five addresses
	for range programs {
		go func() {
			out, err := exec.Command(bin, dir, config.Bridge, used, "15").CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			done <- err
		}()
	}
	for range programs {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	n, err := network.Open(t.Context(), dir, config)
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{"a", "b", "c", "d", "e", "f", "g"}
	type result struct {
		e   *network.Endpoint
		err error
	}
	results := make(chan result)
	for i, id := range ids {
		go func() {
			e, err := n.Attach(t.Context(), id, configs.Default(), network.Port{HostPort: uint16(8080 + i)})
			results <- result{e, err}
		}()
	}
	got := make(map[netip.Addr]bool)
	for range ids {
		r := <-results
		switch {
		case r.err == nil && got[r.e.IPv4]:
			t.Errorf("two have %v", r.e.IPv4)
		case r.err == nil:
			got[r.e.IPv4] = true
		case !errors.Is(r.err, network.ErrExhausted):
			t.Error(r.err)
		}
	}
	if len(got) != 5 || publishedPorts(t, n.Table()) != 5 {
		t.Errorf("%d addresses and %d ports, want 5", len(got), publishedPorts(t, n.Table()))
	}
	for _, id := range ids {
		if err := n.Detach(t.Context(), id); err != nil {
			t.Error(err)
		}
	}
	if err := n.Remove(t.Context()); err != nil {
		t.Error(err)
	}
}

func wantRefused(t *testing.T, err, kind error, texts ...string) {
	t.Helper()
	if err == nil || kind != nil && !errors.Is(err, kind) {
		t.Errorf("error %v, want %v", err, kind)
		return
	}
	for _, text := range texts {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("error %q does not say %q", err, text)
		}
	}
}

// Nothing of a network is left that could not be made, and what was in its way stays.
func TestNetworkRefuses(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	newOutside(t)
	name := networkConfig().Bridge
	dir := filepath.Join(publicTempDir(t), "net")
	for _, kind := range []netlink.Link{&netlink.Bridge{LinkAttrs: linkAttrs(name)}, &netlink.Veth{LinkAttrs: linkAttrs(name), PeerName: deviceName("y")}} {
		if err := netlink.LinkAdd(kind); err != nil {
			t.Fatal(err)
		}
		index := hostLink(t, name).Attrs().Index
		_, err := network.Open(t.Context(), dir, networkConfig())
		wantRefused(t, err, network.ErrForeign, name, kind.Type())
		if link := hostLink(t, name); link.Attrs().Index != index || link.Attrs().Alias != "" {
			t.Errorf("the foreign device has become %+v", link.Attrs())
		}
		if err := netlink.LinkDel(hostLink(t, name)); err != nil {
			t.Fatal(err)
		}
	}
	for subnet, texts := range map[string][]string{
		"198.18.8.0/22":    {"198.18.8.0/22", "198.18.9.0/24", deviceName("up")},
		"198.18.9.128/25":  {"198.18.9.0/24"},
		"2001:db8:9::/120": {"2001:db8:9::/64"},
		"203.0.112.0/22":   {"203.0.113.0/24"},
	} {
		sh(t, "ip route replace 203.0.113.0/24 via "+outside4)
		config := networkConfig()
		config.Subnets = []netip.Prefix{netip.MustParsePrefix(subnet)}
		_, err := network.Open(t.Context(), dir, config)
		wantRefused(t, err, network.ErrOverlap, texts...)
	}
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) || isHostLink(t, name) || len(nftTables(t)) != 0 {
		t.Errorf("left is the directory (%v), or the bridge, or a table of %q", err, nftTables(t))
	}

	n := openNetwork(t, nil)
	config := networkConfig()
	config.Subnets = config.Subnets[:1]
	_, err := network.Open(t.Context(), filepath.Dir(filepath.Dir(attach(t, n, "web", configs.Default(), network.Port{HostPort: 8080}).Dir)), config)
	wantRefused(t, err, network.ErrInvalid, subnet6, "Remove")

	_, err = n.Attach(t.Context(), "web", configs.Default())
	wantRefused(t, err, network.ErrAttached, `"web"`)
	tcp, err := net.Listen("tcp", "198.18.9.1:8081")
	if err != nil {
		t.Fatal(err)
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", ":8082")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	host := netip.MustParseAddr("198.18.9.1")
	for _, test := range []struct {
		port  network.Port
		kind  error
		texts []string
	}{
		{network.Port{HostPort: 8080}, network.ErrPortInUse, []string{"tcp port 8080", `"web"`}},
		{network.Port{HostPort: 8080, HostAddress: host}, network.ErrPortInUse, []string{"198.18.9.1:8080", `"web"`}},
		{network.Port{HostPort: 8081}, network.ErrPortInUse, []string{"tcp port 8081", "program of the host"}},
		{network.Port{HostPort: 8082, Protocol: "udp"}, network.ErrPortInUse, []string{"udp port 8082"}},
		{network.Port{HostPort: 8083, HostAddress: netip.MustParseAddr("203.0.113.77")}, network.ErrInvalid, []string{"203.0.113.77:8083", "no such address"}},
	} {
		config := configs.Default()
		_, err := n.Attach(t.Context(), "second", config, test.port)
		wantRefused(t, err, test.kind, append(test.texts, `"second"`, `"blue"`)...)
		if len(config.Networks) != 1 || config.Hostname != "" || len(config.Mounts) != len(configs.Default().Mounts) {
			t.Errorf("the configuration has been changed")
		}
	}
	attach(t, n, "second", configs.Default(), network.Port{HostPort: 8081, HostAddress: netip.MustParseAddr("127.0.0.1")}, network.Port{HostPort: 8082})
	if list, err := n.List(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("attached are %v, error %v", list, err)
	}
}

// Where the host does not forward, the network says so; with an uplink that does, it is silent.
func TestNetworkWarnings(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	newOutside(t)
	var said []string
	warn := func(c *network.Config) { c.OnWarning = func(err error) { said = append(said, err.Error()) } }
	openNetwork(t, warn)
	if len(said) != 0 {
		t.Errorf("warnings: %q", said)
	}
	sh(t, "echo 0 >/proc/sys/net/ipv4/conf/"+deviceName("up")+"/forwarding; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding")
	openNetwork(t, func(c *network.Config) {
		warn(c)
		c.Name, c.Bridge, c.Subnets = "green", deviceName("gr"), []netip.Prefix{netip.MustParsePrefix("198.18.1.0/24"), netip.MustParsePrefix("2001:db8:19::/64")}
	})
	if len(said) != 2 || !strings.Contains(said[0], "/proc/sys/net/ipv4/conf/"+deviceName("up")+"/forwarding") ||
		!strings.Contains(said[1], "/proc/sys/net/ipv6/conf/all/forwarding") {
		t.Errorf("warnings: %q", said)
	}
}
