//world:one

package integration

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// everythingRounds is how often a program that has all open that criu can save is saved and restored:
// LCTEST_ROUNDS, such as 20, or a few times.
func everythingRounds(t *testing.T) int {
	t.Helper()
	text := os.Getenv("LCTEST_ROUNDS")
	if text == "" {
		return 4
	}
	rounds, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("LCTEST_ROUNDS: %v", err)
	}
	return rounds
}

// Nothing of what a container has open is lost, however often it is saved and restored:
// see testdata/checkpoint/everything, which stops to count and says why if something is.
func TestEverythingIsRestored(t *testing.T) {
	t.Run("root", func(t *testing.T) {
		config, host := everythingConfig(t)
		testEverything(t, config, host, everythingRounds(t))
	})
	// Without a veth pair: see docs/checkpoint.md.
	t.Run("user namespace", func(t *testing.T) {
		config := withEverything(t)
		withUserNS(t, config, 200000)
		if err := os.Chown(config.Rootfs, 200000, 200000); err != nil {
			t.Fatal(err)
		}
		testEverything(t, config, nil, 3)
	})
}

func testEverything(t *testing.T, config *configs.Config, host *echoHost, rounds int) {
	checkLeaks(t)
	checkCriuLeaks(t)
	factory := newCriuFactory(t)
	container := createIn(t, factory, "test", config)
	p, _ := command("/bin/everything")
	if host != nil {
		p.Args = append(p.Args, host.address)
	}
	p.Stderr = nil
	said := newNumbers(t, p)
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		said.next()
	}
	for round := range rounds {
		opts := newImages(t)
		opts.TcpEstablished, opts.FileLocks, opts.LinkRemap = true, true, true
		checkpoint(t, container, opts)
		closeFiles(p)
		said.drain()
		p = restore(t, container, opts, said)
		if t.Failed() {
			t.Fatalf("in round %d", round+1)
		}
	}
	if err := container.Destroy(); err != nil {
		t.Error(err)
	}
	if host != nil {
		host.check(t, said.last)
	}
}

// withEverything is a container with the program.
func withEverything(t *testing.T) *configs.Config {
	t.Helper()
	config := newConfig(t)
	if err := os.Link(buildProgram(t, "everything"), filepath.Join(config.Rootfs, "bin/everything")); err != nil {
		t.Fatal(err)
	}
	return config
}

// everythingConfig is a container of the program, which is connected with servers here.
func everythingConfig(t *testing.T) (*configs.Config, *echoHost) {
	t.Helper()
	config := withEverything(t)
	bridge := newBridge(t)
	addr, err := netlink.ParseAddr(hostAddress + "/24")
	if err != nil {
		t.Fatal(err)
	}
	if err := netlink.AddrAdd(hostLink(t, bridge), addr); err != nil {
		t.Fatal(err)
	}
	n := onBridge(bridge, 2)
	n.Address = containerAddress + "/24"
	n.IPv6Address = ""
	config.Networks = append(config.Networks, n)
	return config, newEchoHost(t, hostAddress)
}

// echoHost sends back what it gets, by TCP and by UDP, and makes sure that no number is missing.
type echoHost struct {
	address string
	tcp     net.Listener
	udp     net.PacketConn
	failed  chan error
	last    chan uint32 // of the numbers that have come
}

// behind is how many numbers the program has on the way.
const behind = 3

func newEchoHost(t *testing.T, address string) *echoHost {
	t.Helper()
	h := &echoHost{address: address, failed: make(chan error, 2), last: make(chan uint32, 1)}
	var err error
	if h.tcp, err = net.Listen("tcp4", address+":7001"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.tcp.Close() })
	if h.udp, err = net.ListenPacket("udp4", address+":7002"); err != nil {
		t.Fatal(err)
	}
	go func() { h.failed <- h.echoStream() }()
	go func() { h.failed <- h.echoDatagrams() }()
	t.Cleanup(func() { h.udp.Close() })
	return h
}

func (h *echoHost) echoStream() error {
	conn, err := h.tcp.Accept()
	if err != nil {
		return err
	}
	defer conn.Close()
	got := make([]byte, 4)
	for i := uint32(0); ; i++ {
		if _, err := io.ReadFull(conn, got); err != nil {
			h.last <- i - behind
			return nil //nolint:nilerr // the container has ended
		}
		n := binary.NativeEndian.Uint32(got)
		if want := max(i, behind-1) - (behind - 1); n != want {
			return errors.New("by TCP, after " + itoa(int(want)-1) + " comes " + itoa(int(n)))
		}
		if _, err := conn.Write(got); err != nil {
			return err
		}
	}
}

func (h *echoHost) echoDatagrams() error {
	got := make([]byte, 4)
	for {
		n, from, err := h.udp.ReadFrom(got)
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := h.udp.WriteTo(got[:n], from); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
	}
}

// check is called when the program has ended.
func (h *echoHost) check(t *testing.T, said int) {
	t.Helper()
	h.tcp.Close()
	h.udp.Close()
	for range 2 {
		if err := <-h.failed; err != nil {
			t.Error(err)
		}
	}
	if last := int(<-h.last); last < said || last > said+2 {
		t.Errorf("the last number by TCP is %d, and the program has said %d", last, said)
	}
}

// What nobody has read of datagrams of UDP and of events of inotify(7) is lost without a word: should a criu
// keep it, docs/checkpoint.md is wrong.
func TestUnreadIsLost(t *testing.T) {
	checkLeaks(t)
	container := createIn(t, newCriuFactory(t), "test", newConfig(t))
	_, said := startOdd(t, container, "unread")
	unread := func(want string) {
		t.Helper()
		for range 3 {
			said.next()
		}
		got, err := os.ReadFile(filepath.Join(container.Config().Rootfs, "unread"))
		if err != nil || string(got) != want {
			t.Errorf("it has unread %q, want %q, error %v", got, want, err)
		}
	}
	unread("udp 1 inotify 1\n")
	opts := newImages(t)
	checkpoint(t, container, opts)
	said.drain()
	restore(t, container, opts, said)
	unread("udp 0 inotify 0\n")
}

// What criu cannot save, or would lose without a word, is refused with its name, and the container
// goes on.
func TestCheckpointOfOddThings(t *testing.T) {
	checkLeaks(t)
	checkCriuLeaks(t)
	factory := newCriuFactory(t)
	for name, text := range map[string]string{
		"clone-fs":      "Can't make FS id",
		"semaphore":     "descriptor 100 is a semaphore of eventfd(2)",
		"mqueue":        "has the POSIX message queue /odd open as descriptor 100",
		"secret":        "has memory of memfd_secret(2) open as descriptor 100",
		"secret-mapped": "criu cannot dump memory of memfd_secret(2)",
		"ctty":          "a process has /dev/tty open",
		"personality":   "",
		"policy":        "",
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.DefaultSeccomp = false
			config.Cgroups.Name = "c-odd-" + name
			container := createIn(t, factory, name, config)
			_, said := startOdd(t, container, name)
			for range 3 {
				said.next()
			}
			if name == "semaphore" && !kernelTellsSemaphores(t) {
				t.Skip("the kernel does not tell of an eventfd whether it is a semaphore")
			}
			checkError(t, container.Checkpoint(newImages(t)), libcontainer.SystemError, text)
			for range 3 {
				said.next()
			}
		})
	}
}

// startOdd starts the program of that name in a container.
func startOdd(t *testing.T, container libcontainer.Container, mode string, env ...string) (*libcontainer.Process, *numbers) {
	t.Helper()
	if err := os.Link(buildProgram(t, "odd"), filepath.Join(container.Config().Rootfs, "bin/odd")); err != nil {
		t.Fatal(err)
	}
	p, out := command("/bin/odd", mode)
	p.Env = append(p.Env, env...)
	said := newNumbers(t, p)
	if err := container.Start(p); err != nil {
		t.Fatal(err)
	}
	closeFiles(p)
	if _, err := said.in.Peek(1); err != nil {
		_, _ = p.Wait()
		t.Skipf("it cannot be done here: %s", out.stderr.String())
	}
	return p, said
}

// kernelTellsSemaphores tells whether the kernel is 6.5 or newer.
func kernelTellsSemaphores(t *testing.T) bool {
	t.Helper()
	fd, err := unix.Eventfd(0, unix.EFD_SEMAPHORE|unix.EFD_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	return slices.ContainsFunc(lines(t, "/proc/self/fdinfo/"+itoa(fd)), func(line string) bool {
		return strings.HasPrefix(line, "eventfd-semaphore")
	})
}

// Criu would take the upper one of two mounts on one point for both.
func TestCheckpointOfTwoMountsOnOnePoint(t *testing.T) {
	checkLeaks(t)
	factory := newCriuFactory(t)
	for name, tt := range map[string]struct {
		lower func(t *testing.T, c *configs.Config) configs.Mount
		text  string
	}{
		"of the host's": {func(t *testing.T, c *configs.Config) configs.Mount {
			return bindOn(mkdir(t, filepath.Dir(c.Rootfs), "lower"), "/mnt/twice", 0)
		}, "both of the host's"},
		"of its own": {func(*testing.T, *configs.Config) configs.Mount {
			return tmpfsOn("/mnt/twice")
		}, "the upper one of the host's"},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.Cgroups.Name = "c-twice"
			addMount(config, tt.lower(t, config))
			addMount(config, bindOn(mkdir(t, filepath.Dir(config.Rootfs), "upper"), "/mnt/twice", 0))
			container := createIn(t, factory, "twice", config)
			p, said := startCounter(t, container, "")
			checkError(t, container.Checkpoint(newImages(t)), libcontainer.SystemError, "two different mounts on /mnt/twice, "+tt.text)
			closeFiles(p)
			for range 3 {
				said.next()
			}
		})
	}
}
