//world:one

package integration

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/netsetup"
)

// The addresses at the ends of connections. They are of the network for measurements (RFC
// 2544), which is no network of the machine's, as those for documents can be.
const hostAddress, containerAddress = "198.18.7.1", "198.18.7.2"

// A connection with the host goes on: over a veth pair, which the restored container knows as its
// own, and in a network namespace that it has joined.
func TestConnectionIsRestored(t *testing.T) {
	for name, path := range map[string]bool{"veth": false, "network namespace by path": true} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			bridge := newBridge(t)
			addr, err := netlink.ParseAddr(hostAddress + "/24")
			if err != nil {
				t.Fatal(err)
			}
			if err := netlink.AddrAdd(hostLink(t, bridge), addr); err != nil {
				t.Fatal(err)
			}
			config := newConfig(t)
			if path {
				config.Networks = nil
				config.Namespaces.Remove(configs.NEWNET)
				config.Namespaces.Add(configs.NEWNET, bridgedNamespace(t, bridge))
			} else {
				n := onBridge(bridge, 2)
				n.Address, n.Gateway, n.IPv6Address = containerAddress+"/24", hostAddress, ""
				n.Name, n.MacAddress, n.Mtu, n.TxQueueLen = "net0", "02:00:00:00:00:02", 1400, 500
				config.Networks = append(config.Networks, n)
			}
			testConnection(t, config, bridge, path)
		})
	}
}

// bridgedNamespace makes a network namespace with the address of the test's container.
func bridgedNamespace(t *testing.T, bridge string) string {
	t.Helper()
	name, end := deviceName("ns"), deviceName("v")
	for _, args := range []string{
		"netns add " + name,
		"link add " + end + " type veth peer name eth0 netns " + name,
		"link set " + end + " master " + bridge + " up",
		"-n " + name + " addr add " + containerAddress + "/24 dev eth0",
		"-n " + name + " link set eth0 up",
		"-n " + name + " link set lo up",
	} {
		if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", args, err, out)
		}
	}
	t.Cleanup(func() {
		defer func() {
			if err := unix.Unmount("/run/netns", unix.MNT_DETACH); err != nil { // ip makes it a mount
				t.Error(err)
			}
		}()
		for _, args := range []string{"link del " + end, "netns del " + name} {
			if out, err := exec.Command("ip", strings.Fields(args)...).CombinedOutput(); err != nil {
				t.Errorf("ip %s: %v: %s", args, err, out)
			}
		}
	})
	return "/run/netns/" + name
}

func testConnection(t *testing.T, config *configs.Config, bridge string, path bool) {
	withNewParent(config)
	factory := newCriuFactory(t)
	first := createIn(t, factory, "first", config)
	p, _ := shell(`nc -l -p 80 -e cat & while ! netstat -ltn | grep -q :80; do :; done; echo 1; wait`)
	p.Stderr = nil
	said := newNumbers(t, p)
	if err := first.Start(p); err != nil {
		t.Fatal(err)
	}
	said.next()
	conn, err := net.DialTimeout("tcp", containerAddress+":80", 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	echo := bufio.NewReader(conn)
	say := func(text string) {
		t.Helper()
		if _, err := fmt.Fprintln(conn, text); err != nil {
			t.Fatal(err)
		}
		if got, err := echo.ReadString('\n'); got != text+"\n" {
			t.Fatalf("the echo of %q is %q, error %v", text, got, err)
		}
	}
	say("before")
	opts := &libcontainer.CriuOpts{ImagesDirectory: filepath.Join(publicTempDir(t), "images")}
	err = linux(first).CheckpointContext(context.Background(), opts)
	checkError(t, err, libcontainer.SystemError, "tcp")
	say("the container goes on")
	opts = &libcontainer.CriuOpts{ImagesDirectory: filepath.Join(publicTempDir(t), "images"), TcpEstablished: true}
	pid, _ := p.Pid()
	before := factsOf(t, first, pid)
	if err := linux(first).CheckpointContext(context.Background(), opts); err != nil {
		t.Fatalf("%v\n%s", err, logOf(opts, "dump.log"))
	}
	closeFiles(p)
	if path {
		// It keeps the connection, until the restore or Destroy.
		if locks := criuTables(t, config.Namespaces.PathOf(configs.NEWNET)); len(locks) != 1 {
			t.Errorf("the network namespace has the tables %q, want one", locks)
		}
	}
	second := createIn(t, factory, "second", elsewhere(config))
	q := new(libcontainer.Process)
	if err := said.again(q); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(conn, "meanwhile"); err != nil { // it is sent again later
		t.Fatal(err)
	}
	if err := linux(second).RestoreContext(context.Background(), q, opts); err != nil {
		t.Fatalf("%v\n%s", err, logOf(opts, "restore.log"))
	}
	closeFiles(q)
	if got, err := echo.ReadString('\n'); got != "meanwhile\n" {
		t.Fatalf("what was sent meanwhile comes back as %q, error %v", got, err)
	}
	say("after")
	pid, _ = q.Pid()
	compareFacts(t, before, factsOf(t, second, pid), knownDifferences)
	if path {
		wantNoLock(t, config.Namespaces.PathOf(configs.NEWNET))
		return
	}
	stats, err := second.Stats()
	if err != nil {
		t.Fatal(err)
	}
	if len(stats.Interfaces) != 1 || stats.Interfaces[0].Name != "net0" || stats.Interfaces[0].RxPackets == 0 {
		t.Errorf("the statistics of interfaces are %+v", stats.Interfaces)
	}
	networks := second.Config().Networks
	host := hostLink(t, networks[len(networks)-1].HostInterfaceName).Attrs()
	if host.MasterIndex != hostLink(t, bridge).Attrs().Index || host.MTU != 1400 || host.TxQLen != 500 || host.OperState != netlink.OperUp {
		t.Errorf("the host's end is %+v", host)
	}
	if err := second.Destroy(); err != nil {
		t.Error(err)
	}
	if isHostLink(t, host.Name) {
		t.Errorf("%s is still there", host.Name)
	}
}

// wantNoLock checks that criu has left no table in a network namespace.
func wantNoLock(t *testing.T, path string) {
	t.Helper()
	if names := criuTables(t, path); len(names) > 0 {
		t.Errorf("the network namespace has the tables %q", names)
	}
}

func criuTables(t *testing.T, path string) []string {
	t.Helper()
	ns, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	names, err := netsetup.CriuTables(ns)
	if err != nil {
		t.Fatal(err)
	}
	return names
}
