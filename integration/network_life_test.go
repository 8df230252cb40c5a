//world:any

package integration

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// The name is free again when Destroy returns, whoever calls it and whatever the
// kernel's own clean-up is about to do.
func TestVethRecovered(t *testing.T) {
	checkLeaks(t)
	bridge := newBridge(t)
	root := filepath.Join(publicTempDir(t), "state")
	rootfs := newRootfs(t)
	network := onBridge(bridge, 1)
	network.HostInterfaceName = deviceName("v")
	for round := range 10 {
		config := configFor(rootfs, t.Name())
		config.Networks = append(config.Networks, network, onBridge(bridge, 2))
		config.Networks[2].Address = ""
		first, err := newFactoryIn(root)
		if err != nil {
			t.Fatal(err)
		}
		container, err := first.Create("again", config)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := command("cat")
		r, w := pipe(t)
		p.Stdin = r
		if err := container.Start(p); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		r.Close()
		ends := hostEnds(container)
		if round%2 == 0 {
			if err := container.Signal(unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			_, _ = p.Wait()
		}
		second, err := newFactoryIn(root)
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := second.Load("again")
		if err != nil {
			t.Fatal(err)
		}
		if got := hostEnds(loaded); !slices.Equal(got, ends) || len(got) != 2 {
			t.Errorf("the loaded container has %q, it was started with %q", got, ends)
		}
		if err := loaded.Destroy(); err != nil {
			t.Fatalf("round %d: destroy: %v", round, err)
		}
		for _, name := range ends {
			if isHostLink(t, name) {
				t.Errorf("round %d: %s is left", round, name)
			}
		}
		w.Close()
		_, _ = p.Wait()
		if err := container.Destroy(); err != nil {
			t.Errorf("round %d: destroy what is gone: %v", round, err)
		}
	}
}

// A pair that a lost container of the same id has left is taken over.
func TestVethOfLostState(t *testing.T) {
	checkLeaks(t)
	root := filepath.Join(publicTempDir(t), "state")
	factory, err := newFactoryIn(root)
	if err != nil {
		t.Fatal(err)
	}
	config := withNetworks(t, onBridge("", 1))
	config.Networks[1].HostInterfaceName = deviceName("v")
	lost, err := factory.Create("lost", config)
	if err != nil {
		t.Fatal(err)
	}
	p, release := startBlocked(t, lost)
	// As a crash leaves it right after it was made: its address alone marks it.
	old := hostLink(t, config.Networks[1].HostInterfaceName)
	attrs := linkAttrs(old.Attrs().Name)
	attrs.HardwareAddr = old.Attrs().HardwareAddr
	release()
	_, _ = p.Wait()
	if err := lost.Destroy(); err != nil {
		t.Fatal(err)
	}
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: deviceName("y")}); err != nil {
		t.Fatal(err)
	}
	stale := hostLink(t, attrs.Name).Attrs().Index

	again, err := factory.Create("lost", config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := again.Destroy(); err != nil {
			t.Error(err)
		}
	})
	startBlocked(t, again)
	if got := hostLink(t, attrs.Name).Attrs().Index; got == stale {
		t.Error("the old pair is still there")
	}
}

// A container that has ended can be started again.
func TestVethRestarted(t *testing.T) {
	bridge := newBridge(t)
	serve(t, withNetworks(t, onBridge(bridge, 1)), "hello")
	container := newContainer(t, withNetworks(t, onBridge(bridge, 2)))
	for round := range 3 {
		if got := execShell(t, container, wget("192.0.2.1")); got != "hello" {
			t.Errorf("round %d: got %q", round, got)
		}
	}
}

func TestJoinedNetworkNamespace(t *testing.T) {
	bridge := newBridge(t)
	serve(t, withNetworks(t, onBridge(bridge, 1)), "hello")
	owner := newContainer(t, withNetworks(t, onBridge(bridge, 2)))
	startUntilReady(t, owner, "echo ready; exec cat")
	state, err := owner.State()
	if err != nil {
		t.Fatal(err)
	}
	join := func(t *testing.T, networks ...*configs.Network) *configs.Config {
		config := withNetworks(t)
		config.Namespaces.Add(configs.NEWNET, state.NamespacePaths[configs.NEWNET])
		config.Networks = networks
		return config
	}
	list := "ls /sys/class/net | tr '\\n' ' '"
	t.Run("plain", func(t *testing.T) {
		if got := runShell(t, join(t), wget("192.0.2.1")+list); got != "hello\neth0 lo " {
			t.Errorf("got %q", got)
		}
	})
	t.Run("with networks", func(t *testing.T) {
		more := onBridge(bridge, 3)
		more.Name = "eth1"
		if got := runShell(t, join(t, &configs.Network{Type: "loopback"}, more), list); got != "eth0 eth1 lo " {
			t.Errorf("got %q", got)
		}
	})
	t.Run("name in use", func(t *testing.T) {
		p, _ := command("/bin/true")
		startFails(t, join(t, onBridge(bridge, 3)), p, libcontainer.ConfigInvalid, `Name "eth0" is in use in the container`)
	})
	if got := execShell(t, owner, list); got != "eth0 lo " {
		t.Errorf("the owner of the namespace has %q", got)
	}
}

func TestSetKeepsNetworks(t *testing.T) {
	config := withNetworks(t, onBridge("", 1))
	container := newContainer(t, config)
	startBlocked(t, container)
	end := hostEnds(container)[0]
	if err := container.Set(*config); err != nil { // it has no HostInterfaceName
		t.Errorf("set the same configuration: %v", err)
	}
	if err := container.Set(container.Config()); err != nil {
		t.Errorf("set the container's own configuration: %v", err)
	}
	for name, edit := range map[string]func(*configs.Config){
		"none":    func(c *configs.Config) { c.Networks = nil },
		"address": func(c *configs.Config) { c.Networks = []*configs.Network{c.Networks[0], onBridge("", 2)} },
		"route": func(c *configs.Config) {
			c.Routes = []*configs.Route{{Gateway: "192.0.2.1", InterfaceName: "eth0"}}
		},
		"device": func(c *configs.Config) { c.NetDevices = map[string]*configs.NetDevice{"lctest-none": {}} },
	} {
		next := container.Config()
		edit(&next)
		checkError(t, container.Set(next), libcontainer.ConfigInvalid, "cannot change")
		if got := hostEnds(container); len(got) != 1 || got[0] != end {
			t.Errorf("%s: the container's networks have become %q", name, got)
		}
	}
	if err := container.Destroy(); err != nil {
		t.Fatal(err)
	}
	if isHostLink(t, end) {
		t.Error("the host's end is left")
	}
}

// The thread that worked in the container's namespace is back in the host's.
func TestNetworkNamespaceOfHostUnchanged(t *testing.T) {
	runShell(t, withNetworks(t, onBridge("", 1)), "true")
	want := hostNamespace(t, "net")
	tasks, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if got, err := os.Readlink(task); err == nil && got != want {
			t.Errorf("%s is %s, the host's is %s", task, got, want)
		}
	}
	if len(tasks) == 0 {
		t.Error("no thread was looked at")
	}
}

// The suite's own leak check must see a device.
func TestLeakCheckSeesNetDevices(t *testing.T) {
	before := takeSnapshot(t).netDevices
	name := newBridge(t)
	more := added(before, takeSnapshot(t).netDevices)
	if len(more) != 1 || !strings.HasSuffix(more[0], name) {
		t.Errorf("it reports %q", more)
	}
}
