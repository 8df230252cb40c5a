//world:one

package integration

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/criurpc"
)

// startMemory starts a container whose process has 32 MiB, and looks at all of it for each number that it
// counts.
func startMemory(t *testing.T) (container libcontainer.Container, said *numbers) {
	t.Helper()
	container = createIn(t, newCriuFactory(t), "memory", newConfig(t))
	p, said := startOdd(t, container, "memory")
	for range 3 {
		said.next()
	}
	t.Cleanup(func() { closeFiles(p) })
	return container, said
}

func criuFeatures(t *testing.T) *criurpc.Features {
	t.Helper()
	features, err := (&criurpc.Criu{Path: criuPath()}).Probe(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return features
}

// After two pre-dumps the last dump writes only what has changed.
func TestPreDumps(t *testing.T) {
	checkLeaks(t)
	container, said := startMemory(t)
	dir := publicTempDir(t)
	var written []uint64
	for i, name := range []string{"first", "second", "last"} {
		opts := &libcontainer.CriuOpts{ImagesDirectory: filepath.Join(dir, name), PreDump: name != "last"}
		if i > 0 {
			opts.ParentImage = "../" + []string{"first", "second"}[i-1]
		}
		opts.Progress = func(p libcontainer.CriuProgress) {
			if p.Stats != nil {
				t.Logf("%s: scanned %d pages, skipped %d, wrote %d, frozen %v", name, p.Stats.PagesScanned, p.Stats.PagesSkipped,
					p.Stats.PagesWritten, p.Stats.Frozen)
				written = append(written, p.Stats.PagesWritten)
			}
		}
		if !criuFeatures(t).MemTrack {
			checkError(t, container.Checkpoint(opts), libcontainer.SystemError, "pre-dump cannot be done here", "CONFIG_MEM_SOFT_DIRTY")
			for range 3 {
				said.next()
			}
			return
		}
		checkpoint(t, container, opts)
		if opts.PreDump {
			for range 3 {
				said.next()
			}
		}
	}
	said.drain()
	if len(written) != 3 || written[0] < 8192 || written[2] > written[0]/10 {
		t.Errorf("%d pages were written\n%s", written, logOf(&libcontainer.CriuOpts{ImagesDirectory: filepath.Join(dir, "last")}, "dump.log"))
	}
	restore(t, container, &libcontainer.CriuOpts{ImagesDirectory: filepath.Join(dir, "last")}, said)
}

// The memory goes to a server, and all else is copied there.
func TestPageServer(t *testing.T) {
	checkLeaks(t)
	container, said := startMemory(t)
	there, err := os.Open(publicTempDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	if err := there.Chmod(0o700); err != nil {
		t.Fatal(err)
	}
	server, err := (&criurpc.Criu{Path: criuPath()}).PageServer(t.Context(), &criurpc.Request{
		Opts:   &rpc.CriuOpts{Ps: &rpc.CriuPageServerInfo{Address: proto.String("127.0.0.1"), Port: proto.Int32(0)}},
		Images: there,
	})
	if err != nil {
		t.Fatal(err)
	}
	opts := newImages(t)
	opts.PageServer = libcontainer.CriuPageServerInfo{Address: "127.0.0.1", Port: int32(server.Port)}
	checkpoint(t, container, opts)
	said.drain()
	if err := server.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if pages, _ := filepath.Glob(filepath.Join(opts.ImagesDirectory, "pages-*")); len(pages) > 0 {
		t.Errorf("there are pages here, too: %q", pages)
	}
	if out, err := exec.Command("sh", "-c", fmt.Sprintf("cp -p %s/* %s", opts.ImagesDirectory, there.Name())).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	restore(t, container, &libcontainer.CriuOpts{ImagesDirectory: there.Name()}, said)
}

// A container is restored without its memory, which another criu reads from the images when it is touched.
func TestLazyPages(t *testing.T) {
	checkLeaks(t)
	container, said := startMemory(t)
	opts := newImages(t)
	checkpoint(t, container, opts)
	said.drain()
	if missing := criuFeatures(t).Missing(criurpc.Needs{LazyPages: true}); missing != nil {
		t.Skip(missing)
	}
	images, err := os.Open(opts.ImagesDirectory)
	if err != nil {
		t.Fatal(err)
	}
	defer images.Close()
	work, err := os.Open(publicTempDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	lazy, err := (&criurpc.Criu{Path: criuPath()}).LazyPages(t.Context(), &criurpc.LazyPagesRequest{Images: images, Work: work})
	if err != nil {
		t.Fatal(err)
	}
	defer lazy.Close()
	opts.LazyPages, opts.WorkDirectory = true, work.Name()
	var restored uint64
	opts.Progress = func(p libcontainer.CriuProgress) {
		if p.Stats != nil {
			restored = p.Stats.PagesRestored
		}
	}
	restore(t, container, opts, said)
	if restored > 4096 {
		t.Errorf("%d pages were restored at once", restored)
	}
	if err := lazy.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	for range 3 {
		said.next()
	}
}

// A checkpoint that serves its pages writes none. Where this program may not make pipes that are large
// enough it is refused before anything is frozen.
func TestLazyCheckpoint(t *testing.T) {
	checkLeaks(t)
	container, said := startMemory(t)
	opts := newImages(t)
	opts.LazyPages = true
	checkError(t, container.Checkpoint(opts), libcontainer.ConfigInvalid, "there is no PageServer")
	opts.PageServer = libcontainer.CriuPageServerInfo{Address: "127.0.0.1", Port: 7003}
	if missing := criuFeatures(t).Missing(criurpc.Needs{LazyDump: true}); missing != nil {
		checkError(t, container.Checkpoint(opts), libcontainer.SystemError, missing.Error())
		for range 3 {
			said.next()
		}
		return
	}
	ready, done := make(chan struct{}, 1), make(chan error, 1)
	opts.Progress = func(p libcontainer.CriuProgress) {
		if p.Stage == "status-ready" {
			ready <- struct{}{}
		}
	}
	go func() { done <- container.Checkpoint(opts) }()
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("it does not serve its pages: %v\n%s", err, logOf(opts, "dump.log"))
	}
	images, err := os.Open(opts.ImagesDirectory)
	if err != nil {
		t.Fatal(err)
	}
	defer images.Close()
	work, err := os.Open(publicTempDir(t))
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	lazy, err := (&criurpc.Criu{Path: criuPath()}).LazyPages(t.Context(), &criurpc.LazyPagesRequest{
		Images: images, Work: work, Address: opts.PageServer.Address, Port: int(opts.PageServer.Port),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer lazy.Close()
	second := createIn(t, newCriuFactory(t), "second", elsewhere(configOf(container)))
	q := new(libcontainer.Process)
	after := *said
	if err := after.again(q); err != nil {
		t.Fatal(err)
	}
	if err := second.Restore(q, &libcontainer.CriuOpts{ImagesDirectory: opts.ImagesDirectory, WorkDirectory: work.Name(), LazyPages: true}); err != nil {
		t.Fatal(err)
	}
	closeFiles(q)
	said.drain()
	after.last = said.last
	for range 3 {
		after.next()
	}
	if err := lazy.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func configOf(container libcontainer.Container) *configs.Config {
	config := container.Config()
	return &config
}

// A socket that sends to one of the host's by its name goes on with ExternalUnixConnections, if both are of
// one network namespace: criu sees none of others.
func TestExternalUnix(t *testing.T) {
	t.Run("own", func(t *testing.T) { testExternalUnixConnections(t, true) })
	t.Run("host", func(t *testing.T) { testExternalUnixConnections(t, false) })
}

func testExternalUnixConnections(t *testing.T, network bool) {
	checkLeaks(t)
	config := newConfig(t)
	text := "connected with one in another network namespace"
	if !network {
		config.Namespaces.Remove(configs.NEWNET)
		config.Networks = nil
		text = "set ExternalUnixConnections"
	}
	dir := mkdir(t, filepath.Dir(config.Rootfs), "host")
	addMount(config, bindOn(dir, dir, 0)) // criu connects it by the name that the other one was bound to
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "socket"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	if err := os.Chmod(filepath.Join(dir, "socket"), 0o666); err != nil {
		t.Fatal(err)
	}
	heard := make(chan error, 1)
	go func() { heard <- hearNumbers(socket) }()
	container := createIn(t, newCriuFactory(t), "test", config)
	_, said := startOdd(t, container, "unix", "SOCKET="+filepath.Join(dir, "socket"))
	for range 3 {
		said.next()
	}
	checkError(t, container.Checkpoint(newImages(t)), libcontainer.SystemError, text)
	for range 3 {
		said.next()
	}
	for range 2 {
		opts := newImages(t)
		opts.ExternalUnixConnections = true
		if network {
			checkError(t, container.Checkpoint(opts), libcontainer.SystemError, text)
			continue
		}
		checkpoint(t, container, opts)
		said.drain()
		restore(t, container, opts, said)
	}
	if err := container.Destroy(); err != nil {
		t.Error(err)
	}
	socket.Close()
	if err := <-heard; err != nil {
		t.Error(err)
	}
}

// A socket with a name is there again.
func TestNamedSocketIsRestored(t *testing.T) {
	checkLeaks(t)
	for _, mode := range []string{"named", "named-shared"} {
		t.Run(mode, func(t *testing.T) {
			config := newConfig(t)
			config.Cgroups.Name = "c-" + mode
			container := createIn(t, newCriuFactory(t), mode, config)
			_, said := startOdd(t, container, mode)
			opts := newImages(t)
			checkpoint(t, container, opts)
			said.drain()
			restore(t, container, opts, said)
		})
	}
}

// hearNumbers reads numbers, none of which is missing, until the socket is closed.
func hearNumbers(socket net.Conn) error {
	var number [4]byte
	for last := uint32(0); ; last++ {
		if _, err := socket.Read(number[:]); errors.Is(err, net.ErrClosed) {
			return nil
		} else if err != nil {
			return err
		}
		if got := binary.NativeEndian.Uint32(number[:]); got != last+1 {
			return fmt.Errorf("after %d comes %d", last, got)
		}
	}
}

// rootPropagation is of the root, and of a volume in it: what a restored container has is the same.
func rootPropagation(flags int) func(t *testing.T, c *configs.Config) {
	return func(t *testing.T, c *configs.Config) {
		c.RootPropagation = flags
		addMount(c, bindOn(mkdir(t, filepath.Dir(c.Rootfs), "volume"), "/mnt/volume", unix.MS_REC))
	}
}
