package netsetup

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

func TestOwnerMarks(t *testing.T) {
	if got := ownerAlias("/run/x/web"); got != "libcontainer:/run/x/web" {
		t.Errorf("alias %q", got)
	}
	long := "/run/" + strings.Repeat("x", 1000)
	if a, b := ownerAlias(long+"a"), ownerAlias(long+"b"); len(a) > maxAlias || a == b {
		t.Errorf("aliases %q and %q of long names", a, b)
	}
	if got := ownerAlias("/" + strings.Repeat("x", maxAlias-len("libcontainer:/"))); len(got) != maxAlias {
		t.Errorf("alias of %d bytes, could have %d", len(got), maxAlias)
	}
	seen := make(map[string]string)
	for _, of := range [][2]string{{"/a", "v"}, {"/b", "v"}, {"/a", "w"}, {"/av", ""}} {
		mac := ownerMAC(of[0], of[1])
		if len(mac) != 6 || mac[0] != 0xfe {
			t.Errorf("MAC %s of %q", mac, of)
		}
		if other := seen[mac.String()]; other != "" {
			t.Errorf("%q and %q have the MAC %s", of, other, mac)
		}
		seen[mac.String()] = of[0] + of[1]
		if again := ownerMAC(of[0], of[1]); again.String() != mac.String() {
			t.Errorf("%q has the MACs %s and %s", of, mac, again)
		}
	}
}

// newNamespace makes a network namespace that lives as long as the file.
func newNamespace(t *testing.T) *os.File {
	t.Helper()
	type result struct {
		ns  *os.File
		err error
	}
	made := make(chan result)
	go func() {
		runtime.LockOSThread() // the thread ends here
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			made <- result{err: err}
			return
		}
		ns, err := openOwn()
		made <- result{ns, err}
	}()
	r := <-made
	if errors.Is(r.err, unix.EPERM) {
		t.Skip("this needs root: a network namespace cannot be made")
	}
	if r.err != nil {
		t.Fatal(r.err)
	}
	t.Cleanup(func() { r.ns.Close() })
	return r.ns
}

// inOwnHost moves the test to a thread and a network namespace of its own, which is
// the host's for the test.
func inOwnHost(t *testing.T) {
	t.Helper()
	host := newNamespace(t)
	runtime.LockOSThread()
	if _, err := enter(host); err != nil {
		t.Fatal(err)
	}
}

func inode(t *testing.T, name string) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}

const ownNS = "/proc/thread-self/ns/net"

func nsOf(ns *os.File) string { return "/proc/self/fd/" + strconv.Itoa(int(ns.Fd())) }

func TestInNamespace(t *testing.T) {
	ns := newNamespace(t)
	runtime.LockOSThread()
	own, other := inode(t, ownNS), inode(t, nsOf(ns))
	reason := errors.New("reason")
	err := inNamespace(ns, func() error {
		if got := inode(t, ownNS); got != other {
			t.Errorf("in namespace %d, want %d", got, other)
		}
		return reason
	})
	if !errors.Is(err, reason) || inode(t, ownNS) != own {
		t.Errorf("error %v, in namespace %d, want %d", err, inode(t, ownNS), own)
	}
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	err = inNamespace(null, func() error { t.Error("called"); return nil })
	if !errors.Is(err, unix.EINVAL) {
		t.Errorf("what is no namespace: %v", err)
	}
}

// A thread that cannot return ends, and the caller's thread has never been elsewhere.
func TestNoWayBack(t *testing.T) {
	ns := newNamespace(t)
	runtime.LockOSThread()
	own, other := inode(t, ownNS), inode(t, nsOf(ns))
	lost := 0
	err := inNamespace(ns, func() error {
		lost = unix.Gettid()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		return unix.Capset(&header, &none[0]) // of this thread alone
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := inode(t, ownNS); got != own || lost == unix.Gettid() {
		t.Errorf("in namespace %d, want %d", got, own)
	}
	// So does the one that has made the namespace. The test's timeout ends it.
	for len(threadsIn(t, other)) > 0 {
		runtime.Gosched()
	}
}

// threadsIn lists the threads of this program that are in a network namespace.
func threadsIn(t *testing.T, ns uint64) (list []string) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/ns/net")
	if err != nil || len(tasks) == 0 {
		t.Fatalf("%d threads, error %v", len(tasks), err)
	}
	for _, task := range tasks {
		var st unix.Stat_t
		if err := unix.Stat(task, &st); err == nil && st.Ino == ns {
			list = append(list, task)
		}
	}
	return list
}

func openSetup(t *testing.T, ns *os.File, owner string) *Setup {
	t.Helper()
	s, err := Open(ns, owner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestVeth(t *testing.T) {
	inOwnHost(t)
	s := openSetup(t, newNamespace(t), "/run/one")
	n := &configs.Network{
		Type: "veth", Name: "eth0", HostInterfaceName: "vethtest", Address: "192.0.2.2/24", Gateway: "192.0.2.1",
		MacAddress: "02:00:00:00:00:01", Mtu: 1400,
	}
	if err := s.AddVeth(n); err != nil {
		t.Fatal(err)
	}
	peer, err := s.inside.LinkByName("eth0")
	if err != nil {
		t.Fatal(err)
	}
	if a := peer.Attrs(); a.MTU != 1400 || a.HardwareAddr.String() != n.MacAddress || a.Flags&net.FlagUp == 0 {
		t.Errorf("the other end is %+v", a)
	}
	routes, err := s.inside.RouteList(peer, netlink.FAMILY_V4)
	if err != nil || !slices.ContainsFunc(routes, func(r netlink.Route) bool { return r.Gw.String() == n.Gateway }) {
		t.Errorf("routes %v, error %v", routes, err)
	}
	err = s.AddRoute(&configs.Route{Destination: "198.51.100.0/24", Gateway: "192.0.2.9", InterfaceName: "eth0"})
	if err != nil {
		t.Error(err)
	}
	var config *ConfigError
	if err := s.AddRoute(&configs.Route{InterfaceName: "eth7"}); !errors.As(err, &config) {
		t.Errorf("route through nothing: %v", err)
	}
	again := *n
	again.HostInterfaceName = "vethtest2"
	if err := s.AddVeth(&again); !errors.As(err, &config) || !errors.Is(err, unix.EEXIST) {
		t.Errorf("name that is in use: %v", err)
	}
	for owner, there := range map[string]bool{"/run/one": true, "/run/two": false} {
		counters, err := VethCounters(owner, []string{"vethtest", "", "vethnone"})
		if err != nil || len(counters) != 3 || (counters[0] != nil) != there || counters[1] != nil || counters[2] != nil {
			t.Errorf("counters for %s: %v, error %v", owner, counters, err)
		}
	}
	for _, owner := range []string{"/run/two", "/run/one", "/run/one"} {
		if err := RemoveVeths(owner, []string{"vethtest", "vethnone"}); err != nil {
			t.Error(err)
		}
		_, err := s.host.LinkByName("vethtest")
		if gone := isNoLink(err); gone != (owner == "/run/one") {
			t.Errorf("after the removal by %s: gone %v, error %v", owner, gone, err)
		}
	}
}

func TestMoveInAndBack(t *testing.T) {
	inOwnHost(t)
	ns := newNamespace(t)
	s := openSetup(t, ns, "/run/one")
	add := func(h *netlink.Handle, name string) {
		t.Helper()
		attrs := netlink.NewLinkAttrs()
		attrs.Name = name
		if err := h.LinkAdd(&netlink.Ifb{LinkAttrs: attrs}); err != nil {
			t.Fatal(err)
		}
	}
	add(s.host, "test")
	add(s.inside, "net0")
	link, err := s.host.LinkByName("test")
	if err != nil {
		t.Fatal(err)
	}
	if err := addAddress(s.host, link, Address{Address: "192.0.2.7/24"}); err != nil {
		t.Fatal(err)
	}
	var config *ConfigError
	if _, err := Describe([]string{"none"}); !errors.As(err, &config) {
		t.Errorf("no such device: %v", err)
	}
	devices, err := Describe([]string{"test"})
	if err != nil || len(devices) != 1 || devices[0].Name != "" || len(devices[0].Addresses) != 1 {
		t.Fatalf("devices %+v, error %v", devices, err)
	}
	devices[0].Name = "net0"
	if failed, err := s.MoveIn(devices[0], nil); !errors.As(err, &config) || failed.Index != 0 {
		t.Errorf("name that is in use: %+v, error %v", failed, err)
	}
	devices[0].Name = "net%d"
	moved, err := s.MoveIn(devices[0], []string{"net1"})
	if err != nil || moved.Name != "net2" || moved.Index == 0 {
		t.Fatalf("moved: %+v, error %v", moved, err)
	}
	link, err = s.inside.LinkByName("net2")
	if err != nil {
		t.Fatal(err)
	}
	if addresses, err := listAddresses(s.inside, link); err != nil || !slices.Equal(addresses, moved.Addresses) {
		t.Errorf("addresses %v, error %v", addresses, err)
	}
	if _, err := s.host.LinkByName("test"); !isNoLink(err) {
		t.Errorf("on the host: %v", err)
	}
	for range 2 {
		if err := MoveBack(ns, []Device{moved}); err != nil {
			t.Fatal(err)
		}
		link, err := s.host.LinkByName("test")
		if err != nil {
			t.Fatal(err)
		}
		if addresses, err := listAddresses(s.host, link); err != nil || !slices.Equal(addresses, moved.Addresses) {
			t.Errorf("addresses %v, error %v", addresses, err)
		}
	}
}

func TestPin(t *testing.T) {
	ns := newNamespace(t)
	name := filepath.Join(t.TempDir(), "ns")
	if got, err := OpenPinned(name); got != nil || err != nil {
		t.Errorf("before: %v, error %v", got, err)
	}
	if err := Pin(ns, name); err != nil {
		t.Fatal(err)
	}
	got, err := OpenPinned(name)
	if err != nil || got == nil {
		t.Fatalf("pinned: %v, error %v", got, err)
	}
	if inode(t, nsOf(got)) != inode(t, nsOf(ns)) {
		t.Error("another namespace")
	}
	got.Close()
	for range 2 {
		if err := Unpin(name); err != nil {
			t.Error(err)
		}
	}
	if err := os.WriteFile(name, nil, 0o600); err != nil { // as after a boot
		t.Fatal(err)
	}
	if got, err := OpenPinned(name); got != nil || err != nil {
		t.Errorf("a plain file: %v, error %v", got, err)
	}
}
