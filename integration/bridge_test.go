//world:any

package integration

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/network"
)

// inOwnNetwork runs the test in a network namespace of its own, whose firewall and settings it
// may change, with a loopback that is up.
func inOwnNetwork(t *testing.T) (inside bool) {
	t.Helper()
	return runAgain(t, "unshare", "--net", "sh", "-c", `ip link set lo up && exec "$@"`, "sh")
}

const (
	subnet4, gateway4 = "198.18.0.0/24", "198.18.0.1"
	subnet6, gateway6 = "2001:db8:18::/64", "2001:db8:18::1"
)

func networkConfig() network.Config {
	return network.Config{
		Name:    "blue",
		Bridge:  deviceName("br"),
		Subnets: []netip.Prefix{netip.MustParsePrefix(subnet4), netip.MustParsePrefix(subnet6)},
		DNS:     network.DNS{Servers: []netip.Addr{netip.MustParseAddr("198.18.9.53")}, Search: []string{"example.org"}},
	}
}

// openNetwork makes a network that is removed when the test ends, and leaves nothing then.
func openNetwork(t *testing.T, edit func(*network.Config)) *network.Network {
	t.Helper()
	config := networkConfig()
	if edit != nil {
		edit(&config)
	}
	dir := filepath.Join(publicTempDir(t), "net")
	n, err := network.Open(t.Context(), dir, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Remove(context.Background()); err != nil {
			t.Error(err)
		}
		if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the network's directory is left: %v", err)
		}
		if tables := nftTables(t); slices.Contains(tables, n.Table()) {
			t.Errorf("tables of nftables are left: %q", tables)
		}
	})
	return n
}

// attached starts a container with the id in the network that waits until the test ends.
func attached(t *testing.T, n *network.Network, id string, ports ...network.Port) (libcontainer.Container, *network.Endpoint) {
	t.Helper()
	config := withNetworks(t)
	e := attach(t, n, id, config, ports...)
	container := newContainer(t, config)
	startBlocked(t, container)
	return container, e
}

// attach attaches an id until the test ends.
func attach(t *testing.T, n *network.Network, id string, config *configs.Config, ports ...network.Port) *network.Endpoint {
	t.Helper()
	e, err := n.Attach(t.Context(), id, config, ports...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Detach(context.Background(), id); err != nil {
			t.Error(err)
		}
	})
	return e
}

func netOf(t *testing.T, container libcontainer.Container) string {
	t.Helper()
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	return state.NamespacePaths[configs.NEWNET]
}

// inNamespace runs f on a thread in another network namespace: what it opens stays there.
func inNamespace[T any](t *testing.T, ns string, f func() (T, error)) (T, error) {
	t.Helper()
	if ns == "" {
		return f()
	}
	file, err := os.Open(ns)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var v T
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- err
			return
		}
		var err error
		v, err = f()
		done <- err
	}()
	err = <-done
	return v, err
}

// answer has a server in a network namespace tell each who connects the page and his address.
func answer(t *testing.T, ns, address, page string) {
	t.Helper()
	l, err := inNamespace(t, ns, func() (net.Listener, error) { return net.Listen("tcp", address) })
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
			fmt.Fprint(c, page, " for ", host)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
}

// ask connects from a network namespace, and gives what the server says.
func ask(t *testing.T, ns, address string) (string, error) {
	t.Helper()
	c, err := inNamespace(t, ns, func() (net.Conn, error) { return net.DialTimeout("tcp", address, askTimeout) })
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * askTimeout)); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(c)
	return string(said), err
}

// askTimeout is how long one who is not to be reached is tried; SYN packets go out again after one
// second.
const askTimeout = 1500 * time.Millisecond

func wantAnswer(t *testing.T, ns, address, want string) {
	t.Helper()
	if got, err := ask(t, ns, address); err != nil || got != want {
		t.Errorf("%s says %q, error %v; want %q", address, got, err, want)
	}
}

func wantNoAnswer(t *testing.T, ns, address string) {
	t.Helper()
	if got, err := ask(t, ns, address); err == nil {
		t.Errorf("%s can be reached, and says %q", address, got)
	}
}

const (
	uplink4, outside4 = "198.18.9.1", "198.18.9.2"
	uplink6, outside6 = "2001:db8:9::1", "2001:db8:9::2"
)

// newOutside makes a network namespace that knows no way to containers, and a link to it, by which the
// default routes lead. The kernel forwards what comes in by that link.
func newOutside(t *testing.T) (ns string) {
	t.Helper()
	cmd := exec.Command("unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec cat >/dev/null")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
	})
	if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
		t.Fatal(err)
	}
	name := deviceName("up")
	newLink(t, &netlink.Veth{LinkAttrs: linkAttrs(name), PeerName: "out0", PeerNamespace: netlink.NsPid(cmd.Process.Pid)})
	sh(t, fmt.Sprintf(`set -e
ip addr add %[2]s/24 dev %[1]s; ip addr add %[3]s/64 dev %[1]s nodad
nsenter --net=/proc/%[6]d/ns/net sh -ec 'ip addr add %[4]s/24 dev out0; ip addr add %[5]s/64 dev out0 nodad; ip link set out0 up'
ip route add default via %[4]s; ip -6 route add default via %[5]s
echo 1 >/proc/sys/net/ipv4/conf/%[1]s/forwarding; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding`,
		name, uplink4, uplink6, outside4, outside6, cmd.Process.Pid))
	return fmt.Sprintf("/proc/%d/ns/net", cmd.Process.Pid)
}

func sh(t *testing.T, script string) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
}

// Programs find each other by name, over IPv4 and IPv6.
func TestNetworkNames(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	n := openNetwork(t, nil)
	config := withNetworks(t)
	web := attach(t, n, "web", config)
	server := serve(t, config, "hello")

	config = withNetworks(t)
	config.Hostname = "other-name"
	e := attach(t, n, "second", config)
	container := newContainer(t, config)
	startBlocked(t, container)
	if got := execShell(t, container, wget("web", web.IPv4.String(), "["+web.IPv6.String()+"]")); got != "hello\nhello\nhello" {
		t.Errorf("the other container says %q", got)
	}
	if got := execShell(t, container, "hostname; cat /etc/hostname /etc/resolv.conf"); got != "other-name\nother-name\nnameserver 198.18.9.53\nsearch example.org" {
		t.Errorf("names: %q", got)
	}
	want := fmt.Sprintf("%v\tother-name second\n%v\tother-name second\n%v\tweb\n%v\tweb", e.IPv4, e.IPv6, web.IPv4, web.IPv6)
	if got := execShell(t, container, "cat /etc/hosts"); !strings.HasSuffix(got, want) {
		t.Errorf("hosts of the second container: %q, want %q", got, want)
	}
	if got := execShell(t, container, "echo 1.2.3.4 evil >>/etc/hosts || echo cannot"); got != "cannot" {
		t.Error("the container can write its hosts")
	}
	// One that came later, and goes.
	before := execShell(t, server, "cat /etc/hosts")
	if !strings.Contains(before, fmt.Sprintf("%v\tsecond\n", e.IPv4)) {
		t.Errorf("hosts of the first container: %q", before)
	}
	if got := execShell(t, server, "hostname"); got != "web" {
		t.Errorf("the first container's hostname is %q", got)
	}
	if err := container.Destroy(); err != nil {
		t.Error(err)
	}
	if err := n.Detach(t.Context(), "second"); err != nil {
		t.Error(err)
	}
	if got := execShell(t, server, "cat /etc/hosts"); strings.Contains(got, "second") || !strings.HasSuffix(got, fmt.Sprintf("%v\tweb", web.IPv6)) {
		t.Errorf("hosts of the first container when the second has gone: %q", got)
	}
}

// What leaves the bridge has the host's address, which alone the outside can answer.
func TestNetworkOutside(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	outside := newOutside(t)
	n := openNetwork(t, nil)
	container, e := attached(t, n, "web", network.Port{HostPort: 8080, ContainerPort: 80})
	inside := netOf(t, container)
	answer(t, outside, ":80", "outside")
	wantAnswer(t, inside, net.JoinHostPort(outside4, "80"), "outside for "+uplink4)
	wantAnswer(t, inside, net.JoinHostPort(outside6, "80"), "outside for "+uplink6)

	answer(t, inside, ":80", "web")
	answer(t, inside, ":81", "not published")
	for name, address := range map[string]string{"IPv4": uplink4, "IPv6": uplink6} {
		t.Run(name, func(t *testing.T) {
			from := map[string]string{uplink4: outside4, uplink6: outside6}[address]
			wantAnswer(t, outside, net.JoinHostPort(address, "8080"), "web for "+from)
			wantAnswer(t, "", net.JoinHostPort(address, "8080"), "web for "+address)
			wantNoAnswer(t, outside, net.JoinHostPort(address, "8081"))
		})
	}
	wantAnswer(t, "", "127.0.0.1:8080", "web for "+gateway4)
	answer(t, "", "[::1]:8080", "host") // which no rule takes away
	wantAnswer(t, "", "[::1]:8080", "host for ::1")
	wantAnswer(t, "", net.JoinHostPort(e.IPv4.String(), "81"), "not published for "+gateway4)
	wantAnswer(t, "", net.JoinHostPort(e.IPv6.String(), "81"), "not published for "+gateway6)
	// Containers, the same one too, reach the port by the host's addresses.
	second, _ := attached(t, n, "second")
	for _, from := range []string{inside, netOf(t, second)} {
		wantAnswer(t, from, net.JoinHostPort(uplink4, "8080"), "web for "+gateway4)
		wantAnswer(t, from, net.JoinHostPort(gateway6, "8080"), "web for "+gateway6)
	}
	// Who knows the way gets no further than without.
	sh(t, fmt.Sprintf("nsenter --net=%s sh -ec 'ip route add %s via %s; ip route add %s via %s'", outside, subnet4, uplink4, subnet6, uplink6))
	wantNoAnswer(t, outside, net.JoinHostPort(e.IPv4.String(), "81"))
	wantNoAnswer(t, outside, net.JoinHostPort(e.IPv6.String(), "81"))
	wantNoAnswer(t, outside, net.JoinHostPort(e.IPv4.String(), "80"))

	if err := n.Detach(t.Context(), "web"); err != nil {
		t.Fatal(err)
	}
	wantNoAnswer(t, outside, net.JoinHostPort(uplink4, "8080"))
	wantNoAnswer(t, "", "127.0.0.1:8080")
}

func TestNetworkOfIPv4Alone(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	outside := newOutside(t)
	n := openNetwork(t, func(c *network.Config) { c.Subnets, c.MTU = c.Subnets[:1], 1400 })
	container, e := attached(t, n, "web", network.Port{HostPort: 8080, HostAddress: netip.MustParseAddr(uplink4), ContainerPort: 80})
	inside := netOf(t, container)
	answer(t, inside, ":80", "web")
	wantAnswer(t, outside, uplink4+":8080", "web for "+outside4)
	wantNoAnswer(t, "", "127.0.0.1:8080")
	wantNoAnswer(t, outside, "["+uplink6+"]:8080")
	if e.IPv6.IsValid() || len(e.Ports) != 1 || e.Ports[0].Protocol != "tcp" {
		t.Errorf("%+v", e)
	}
	if got := execShell(t, container, "cat /sys/class/net/eth0/mtu; ip -6 addr show dev eth0 scope global"); got != "1400" {
		t.Errorf("MTU and addresses of IPv6: %q", got)
	}
	if link := hostLink(t, networkConfig().Bridge); link.Attrs().MTU != 1400 {
		t.Errorf("the bridge's MTU is %d", link.Attrs().MTU)
	}
}

// A flow of UDP goes to the one who has the port now, although its packets never stop.
func TestNetworkUDP(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	outside := newOutside(t)
	n := openNetwork(t, nil)
	client, err := inNamespace(t, outside, func() (net.Conn, error) { return net.Dial("udp", uplink4+":5353") })
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	// Before anybody has the port: the kernel now knows the flow as one to the host.
	if _, err := client.Write([]byte("nobody")); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"first", "second"} {
		port := network.Port{Protocol: "udp", HostPort: 5353, ContainerPort: 53}
		container, _ := attached(t, n, id, port)
		server, err := inNamespace(t, netOf(t, container), func() (net.PacketConn, error) { return net.ListenPacket("udp", ":53") })
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		// An earlier answer of "no such port" is the client's next error, once.
		if _, err := client.Write([]byte(id)); err != nil {
			_, err = client.Write([]byte(id))
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(server.SetDeadline(time.Now().Add(10*time.Second)), client.SetDeadline(time.Now().Add(10*time.Second))); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 100)
		size, from, err := server.ReadFrom(buf)
		if err != nil || string(buf[:size]) != id {
			t.Fatalf("%s got %q, error %v", id, buf[:size], err)
		}
		if _, err := server.WriteTo([]byte("answer"), from); err != nil {
			t.Fatal(err)
		}
		size, err = client.Read(buf)
		if err != nil || string(buf[:size]) != "answer" {
			t.Errorf("answer of %s: %q, error %v", id, buf[:size], err)
		}
		if err := errors.Join(container.Destroy(), n.Detach(t.Context(), id)); err != nil {
			t.Fatal(err)
		}
	}
	// And to nobody when nobody has it, who might have the address by then.
	if _, err := client.Write([]byte("nobody")); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("nobody has the port: %v", err)
	}
}

// Containers of two networks reach each other by published ports alone.
func TestNetworksAreApart(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	newOutside(t)
	blue := openNetwork(t, nil)
	green := openNetwork(t, func(c *network.Config) {
		c.Bridge = deviceName("gr") // and the same name
		c.Subnets = []netip.Prefix{netip.MustParsePrefix("198.18.1.0/24")}
	})
	web, e := attached(t, blue, "web", network.Port{HostPort: 8080, ContainerPort: 80})
	answer(t, netOf(t, web), ":80", "web")
	answer(t, netOf(t, web), ":81", "not published")
	other, _ := attached(t, green, "web")
	wantNoAnswer(t, netOf(t, other), net.JoinHostPort(e.IPv4.String(), "81"))
	wantAnswer(t, netOf(t, other), uplink4+":8080", "web for "+gateway4)
	if _, err := green.Attach(t.Context(), "second", withNetworks(t), network.Port{HostPort: 8080}); !errors.Is(err, network.ErrPortInUse) {
		t.Errorf("a port that the other network has: %v", err)
	}
	if list, err := green.List(t.Context()); err != nil || len(list) != 1 {
		t.Errorf("%v, error %v", list, err)
	}
	wantAnswer(t, netOf(t, other), uplink4+":8080", "web for "+gateway4)
}

// What listens on the host's loopback hears nothing of containers, also of one that does its best
// (CVE-2020-8558).
func TestNetworkKeepsFromLoopback(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	answer(t, "", "127.0.0.1:8080", "secret")
	n := openNetwork(t, nil)
	config := withNetworks(t)
	config.Capabilities = append(config.Capabilities, "CAP_NET_ADMIN")
	config.Sysctl = map[string]string{"net.ipv4.conf.eth0.route_localnet": "1"}
	attach(t, n, "evil", config)
	container := newContainer(t, config)
	startBlocked(t, container)
	execShell(t, container, "ip addr del 127.0.0.1/8 dev lo; ip route add 127.0.0.1/32 via "+gateway4+" dev eth0")
	wantNoAnswer(t, netOf(t, container), "127.0.0.1:8080")
}

func TestNetworkUserNamespace(t *testing.T) {
	if !inOwnNetwork(t) {
		return
	}
	checkLeaks(t)
	n := openNetwork(t, nil)
	config := withNetworks(t)
	withUserNS(t, config, 100000)
	write(t, "", config.Rootfs, "etc/hostname") // which the container's root could not make
	e := attach(t, n, "web", config)
	if got := runShell(t, config, "cat /etc/hosts | grep web; ip -4 route"); !strings.Contains(got, e.IPv4.String()+"\tweb") ||
		!strings.Contains(got, "default via "+gateway4) {
		t.Errorf("%q", got)
	}
}
