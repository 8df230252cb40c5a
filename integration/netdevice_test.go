//world:any

package integration

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/netsetup"
)

// newHostDevice makes a device with addresses, which is up, and a peer of it. The
// test that moves it has to have it back at its end.
func newHostDevice(t *testing.T) (device, peer string) {
	t.Helper()
	device, peer = deviceName("d"), deviceName("p")
	attrs := linkAttrs(device)
	attrs.MTU = 1300
	link := newLink(t, &netlink.Veth{LinkAttrs: attrs, PeerName: peer})
	if err := netlink.LinkSetUp(hostLink(t, peer)); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"192.0.2.2/32", "2001:db8::2/128"} {
		addr, err := netlink.ParseAddr(text)
		if err != nil {
			t.Fatal(err)
		}
		addr.Flags = unix.IFA_F_NODAD
		if err := netlink.AddrAdd(link, addr); err != nil {
			t.Fatal(err)
		}
	}
	return device, peer
}

// describe tells what a move could change of a device of the host.
func describe(t *testing.T, name string) string {
	t.Helper()
	link := hostLink(t, name)
	addrs, err := netlink.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		t.Fatal(err)
	}
	attrs := link.Attrs()
	about := []string{name, attrs.HardwareAddr.String(), (attrs.Flags & net.FlagUp).String()}
	for _, a := range addrs {
		if a.Scope == int(netlink.SCOPE_UNIVERSE) {
			about = append(about, a.IPNet.String())
		}
	}
	slices.Sort(about[3:])
	return strings.Join(about, " ")
}

func withDevice(t *testing.T, host, name string) *configs.Config {
	t.Helper()
	config := withNetworks(t)
	config.NetDevices = map[string]*configs.NetDevice{host: {Name: name}}
	return config
}

func TestNetDeviceTraffic(t *testing.T) {
	bridge := newBridge(t)
	serve(t, withNetworks(t, onBridge(bridge, 1)), "hello")
	device, peer := newHostDevice(t)
	if err := netlink.LinkSetMaster(hostLink(t, peer), hostLink(t, bridge)); err != nil {
		t.Fatal(err)
	}
	before := describe(t, device)
	config := withDevice(t, device, "data0")
	config.Routes = []*configs.Route{
		{Destination: "192.0.2.0/24", InterfaceName: "data0"},
		{Destination: "2001:db8::/64", InterfaceName: "data0"},
	}
	container := newContainer(t, config)
	startUntilReady(t, container, "echo ready; exec cat")
	if isHostLink(t, device) {
		t.Error("the host has the device still")
	}
	if got := execShell(t, container, wget("192.0.2.1", "[2001:db8::1]")); got != "hello\nhello" {
		t.Errorf("got %q", got)
	}
	got := execShell(t, container, "cat /sys/class/net/data0/mtu; ip -o addr show dev data0 scope global")
	for _, want := range []string{"1300\n", "192.0.2.2/32", "2001:db8::2/128"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	if after := describe(t, device); after != before {
		t.Errorf("the device came back as %q, it was %q", after, before)
	}
	if got := hostLink(t, device).Attrs().MTU; got != 1300 {
		t.Errorf("its MTU has become %d", got)
	}
}

// However a container ends, the device is back when Destroy returns.
func TestNetDeviceReturns(t *testing.T) {
	device, _ := newHostDevice(t)
	before := describe(t, device)
	withAdmin := func(c *configs.Config) { c.Capabilities = append(c.Capabilities, "CAP_NET_ADMIN") }
	for name, test := range map[string]struct {
		edit   func(*configs.Config)
		script string
		inside string
	}{
		"by itself":      {func(*configs.Config) {}, "ls /sys/class/net", "lo moved0"},
		"killed":         {func(*configs.Config) {}, "ls /sys/class/net; kill -9 $$", "lo moved0"},
		"user namespace": {func(c *configs.Config) { withUserNS(t, c, 100000) }, "ls /sys/class/net", "lo moved0"},
		"own name":       {func(c *configs.Config) { c.NetDevices[device].Name = "" }, "ls /sys/class/net", device + " lo"},
		"renamed": {
			withAdmin,
			"ip link set moved0 down && ip link set moved0 name x && ip addr add 203.0.113.1/24 dev x && ls /sys/class/net", "lo x",
		},
		"other MAC": {
			withAdmin,
			"ip link set moved0 address 02:00:00:00:00:09 && ls /sys/class/net", "lo moved0",
		},
		"swapped": {
			func(c *configs.Config) { c.Networks = append(c.Networks, &configs.Network{Type: "veth", Name: device}) },
			"ls /sys/class/net", device + " lo moved0",
		},
		"template": {
			func(c *configs.Config) {
				c.NetDevices[device].Name = "eth%d"
				c.Networks = append(c.Networks, &configs.Network{Type: "veth"})
			},
			"ls /sys/class/net", "eth0 eth1 lo",
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := withDevice(t, device, "moved0")
			test.edit(config)
			p, out := shell(test.script)
			container := newContainer(t, config)
			if err := container.Start(p); err != nil {
				t.Fatalf("start: %v", err)
			}
			_, _ = p.Wait()
			if got := strings.Join(strings.Fields(out.stdout.String()), " "); got != test.inside {
				t.Errorf("inside: %q, want %q; stderr %q", got, test.inside, out.stderr.String())
			}
			if err := container.Destroy(); err != nil {
				t.Fatalf("destroy: %v", err)
			}
			after := describe(t, device)
			if name == "other MAC" { // that is the container's to change
				after = strings.Replace(after, "02:00:00:00:00:09", strings.Fields(before)[1], 1)
			}
			if after != before {
				t.Errorf("the device came back as %q, it was %q", after, before)
			}
			if name == "other MAC" {
				mac, _ := net.ParseMAC(strings.Fields(before)[1])
				if err := netlink.LinkSetHardwareAddr(hostLink(t, device), mac); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func TestNetDeviceErrors(t *testing.T) {
	device, peer := newHostDevice(t)
	before := describe(t, device)
	for name, test := range map[string]struct {
		edit func(*configs.Config)
		args string
		code libcontainer.ErrorCode
		errs []string
	}{
		"missing device": {
			func(c *configs.Config) { c.NetDevices["lctest-none"] = &configs.NetDevice{} }, "/bin/true",
			libcontainer.ConfigInvalid, []string{`"lctest-none"`, "no such device"},
		},
		"name in use": {
			func(c *configs.Config) { c.NetDevices[peer] = &configs.NetDevice{Name: "lo"} }, "/bin/true",
			libcontainer.ConfigInvalid, []string{peer, `"lo" is in use in the container`},
		},
		"later step": {
			func(c *configs.Config) { c.Networks = []*configs.Network{onBridge("lctest-none", 1)} }, "/bin/true",
			libcontainer.ConfigInvalid, []string{"lctest-none"},
		},
		"missing program": {
			func(*configs.Config) {}, "/nonexistent",
			libcontainer.ConfigInvalid, []string{"/nonexistent"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := withDevice(t, device, "moved0")
			test.edit(config)
			p, _ := command(test.args)
			startFails(t, config, p, test.code, test.errs...)
			// Not only when Destroy is called.
			if got := describe(t, device); got != before {
				t.Errorf("the device came back as %q, it was %q", got, before)
			}
		})
	}
}

// A device of the host that took the name meanwhile is not touched, and nothing
// is lost: when the name is free, Destroy goes on.
func TestNetDeviceNameTakenOnHost(t *testing.T) {
	device, _ := newHostDevice(t)
	before := describe(t, device)
	container := newContainer(t, withDevice(t, device, "moved0"))
	startBlocked(t, container)
	taker := &netlink.Bridge{LinkAttrs: linkAttrs(device)}
	if err := netlink.LinkAdd(taker); err != nil {
		t.Fatal(err)
	}
	checkError(t, container.Destroy(), libcontainer.SystemError, device, "another device of the host has its name")
	if got := hostLink(t, device); got.Type() != "bridge" {
		t.Errorf("the device of that name is a %s now", got.Type())
	}
	if err := netlink.LinkDel(taker); err != nil {
		t.Fatal(err)
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	if after := describe(t, device); after != before {
		t.Errorf("the device came back as %q, it was %q", after, before)
	}
}

// Another program gives the device back of a container whose processes are dead.
func TestNetDeviceRecovered(t *testing.T) {
	device, _ := newHostDevice(t)
	before := describe(t, device)
	checkLeaks(t)
	root := filepath.Join(publicTempDir(t), "state")
	first, err := newFactoryIn(root)
	if err != nil {
		t.Fatal(err)
	}
	container, err := first.Create("a", withDevice(t, device, ""))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = container.Destroy() }) // the handle's descriptors
	p, _ := command("/bin/true")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if isHostLink(t, device) {
		t.Error("the device came back before Destroy")
	}
	second, err := newFactoryIn(root)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := second.Load("a")
	if err != nil {
		t.Fatal(err)
	}
	if err := loaded.Destroy(); err != nil {
		t.Fatal(err)
	}
	if after := describe(t, device); after != before {
		t.Errorf("the device came back as %q, it was %q", after, before)
	}
}

// Who brings a device back may die before the device has its addresses again.
func TestNetDeviceReturnInterrupted(t *testing.T) {
	device, _ := newHostDevice(t)
	before := describe(t, device)
	container, root := newContainerIn(t, withDevice(t, device, "moved0"))
	p, _ := startBlocked(t, container)
	if err := container.Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, _ = p.Wait()
	pinned, err := netns.GetFromPath(filepath.Join(root, "test", "netns"))
	if err != nil {
		t.Fatal(err)
	}
	defer pinned.Close()
	inside, err := netlink.NewHandleAt(pinned, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	host, err := netns.Get()
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	moved, err := inside.LinkByName("moved0")
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []error{
		inside.LinkSetDown(moved),
		inside.LinkSetName(moved, device),
		inside.LinkSetNsFd(moved, int(host)),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	if describe(t, device) == before {
		t.Fatal("the move has left the device as it was")
	}
	if err := loadAgain(t, container, root).Destroy(); err != nil {
		t.Fatal(err)
	}
	if after := describe(t, device); after != before {
		t.Errorf("the device came back as %q, it was %q", after, before)
	}
}

// Who starts a container may die when a device has been moved in and the state file
// does not yet say under which name.
func TestNetDeviceMoveNotRecorded(t *testing.T) {
	for _, name := range []string{"moved0", "eth%d", ""} {
		t.Run("as "+name, func(t *testing.T) {
			device, _ := newHostDevice(t)
			before := describe(t, device)
			container, root := newContainerIn(t, withDevice(t, device, name))
			startBlocked(t, container)
			if name == "" {
				name = device
			}
			editState(t, filepath.Join(root, "test"), func(state map[string]any) {
				moved := state["net_devices"].([]any)[0].(map[string]any)
				delete(moved, "index")
				moved["name"] = name
			})
			if err := loadAgain(t, container, root).Destroy(); err != nil {
				t.Fatal(err)
			}
			if after := describe(t, device); after != before {
				t.Errorf("the device came back as %q, it was %q", after, before)
			}
		})
	}
}

func TestNetDeviceInJoinedNamespace(t *testing.T) {
	device, _ := newHostDevice(t)
	owner := newContainer(t, withNetworks(t))
	startUntilReady(t, owner, "echo ready; exec cat")
	state, err := owner.State()
	if err != nil {
		t.Fatal(err)
	}
	config := withDevice(t, device, "moved0")
	config.Networks = nil
	config.Namespaces.Add(configs.NEWNET, state.NamespacePaths[configs.NEWNET])
	container := newContainer(t, config)
	p, _ := command("/bin/true")
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if got := execShell(t, owner, "ls /sys/class/net"); got != "lo\nmoved0" {
		t.Errorf("the owner of the namespace has %q", got)
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	// It stays with who made the namespace.
	if got := execShell(t, owner, "ls /sys/class/net"); got != "lo\nmoved0" {
		t.Errorf("the owner of the namespace has %q", got)
	}
	takeBack(t, state.NamespacePaths[configs.NEWNET], device, "moved0")
}

// takeBack finds a device in a network namespace, and gives it back to the host.
func takeBack(t *testing.T, namespace, host, name string) {
	t.Helper()
	if isHostLink(t, host) {
		t.Errorf("the host has device %q", host)
		return
	}
	ns, err := os.Open(namespace)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	handle, err := netlink.NewHandleAt(netns.NsHandle(ns.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	defer handle.Close()
	link, err := handle.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	back := netsetup.Device{HostName: host, Name: name, Index: link.Attrs().Index, Type: link.Type()}
	if err := netsetup.MoveBack(ns, []netsetup.Device{back}); err != nil {
		t.Fatal(err)
	}
}

// A device that is to stay is left to whatever becomes of the namespace, which is all
// that the OCI runtime specification asks for; and one that is not comes back.
func TestNetDeviceStays(t *testing.T) {
	device, peer := newHostDevice(t)
	before := describe(t, peer)
	config := withDevice(t, device, "stays0")
	config.NetDevices[device].Stay = true
	config.NetDevices[peer] = &configs.NetDevice{Name: "returns0"}
	container := newContainer(t, config)
	startUntilReady(t, container, "echo ready; exec cat")
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	ns, err := os.Open(state.NamespacePaths[configs.NEWNET])
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	if after := describe(t, peer); after != before {
		t.Errorf("the device that does not stay came back as %q, it was %q", after, before)
	}
	takeBack(t, fmt.Sprintf("/proc/self/fd/%d", ns.Fd()), device, "stays0")
}

// A device that is to stay, or was moved to a namespace that was joined, comes back when the
// program died before the container had an init: nobody has had it.
func TestNetDeviceOfACrashedStart(t *testing.T) {
	for _, kind := range []string{"stays", "joined"} {
		t.Run(kind, func(t *testing.T) {
			device, _ := newHostDevice(t)
			before := describe(t, device)
			config := withDevice(t, device, "moved0")
			var owner libcontainer.Container
			if kind == "stays" {
				config.NetDevices[device].Stay = true
			} else {
				owner = newContainer(t, withNetworks(t))
				startUntilReady(t, owner, "echo ready; exec cat")
				state, err := owner.State()
				if err != nil {
					t.Fatal(err)
				}
				config.Networks = nil
				config.Namespaces.Add(configs.NEWNET, state.NamespacePaths[configs.NEWNET])
				config.Cgroups.Name += "-joins"
			}
			c, root := newContainerIn(t, config)
			startBlocked(t, c)
			if isHostLink(t, device) {
				t.Error("the host has the device still")
			}
			editState(t, filepath.Join(root, "test"), func(state map[string]any) {
				state["init_process_pid"], state["init_process_start"] = 0, ""
				for _, moved := range state["net_devices"].([]any) {
					delete(moved.(map[string]any), "index") // it is known when the move is done
				}
			})
			if err := loadAgain(t, c, root).Destroy(); err != nil {
				t.Fatal(err)
			}
			if after := describe(t, device); after != before {
				t.Errorf("the device came back as %q, it was %q", after, before)
			}
			if owner != nil {
				wantStatus(t, owner, libcontainer.Running)
			}
		})
	}
}

// The container must not pass off a device of its own as one of another type, not
// even with the number of the one that it had.
func TestNetDeviceReplacedByContainer(t *testing.T) {
	checkLeaks(t)
	device := deviceName("d")
	if err := netlink.LinkAdd(&netlink.Ifb{LinkAttrs: linkAttrs(device)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if isHostLink(t, device) {
			_ = netlink.LinkDel(hostLink(t, device))
		}
	})
	container := newContainer(t, withDevice(t, device, "moved0"))
	startBlocked(t, container)
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	ns, err := netns.GetFromPath(state.NamespacePaths[configs.NEWNET])
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	inside, err := netlink.NewHandleAt(ns, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	moved, err := inside.LinkByName("moved0")
	if err != nil {
		t.Fatal(err)
	}
	if err := inside.LinkDel(moved); err != nil {
		t.Fatal(err)
	}
	attrs := linkAttrs("moved0")
	attrs.Index = moved.Attrs().Index
	if err := inside.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil {
		t.Fatal(err)
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	if isHostLink(t, device) {
		t.Errorf("the host got a %s from the container", hostLink(t, device).Type())
	}
}
