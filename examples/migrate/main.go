// Migrate moves a container that runs to another place, and its program goes on there: its memory
// is sent while it runs, round by round, and only for the rest it stands still. Both places are on
// this machine; what goes from one to the other would go over a network in the same way.
//
//	migrate [-criu PATH] [-after 1s] /path/to/rootfs COMMAND [ARGUMENT...]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/criurpc"
	_ "github.com/libcontainer/libcontainer/nsenter" // makes this program its containers' init
	"github.com/libcontainer/libcontainer/utils"
)

func main() {
	criu := flag.String("criu", "criu", "`path` of criu")
	after := flag.Duration("after", time.Second, "how `long` the command runs before it is moved")
	flag.Parse()
	if flag.NArg() < 2 {
		fmt.Fprintln(os.Stderr, "usage: migrate [-criu PATH] [-after 1s] /path/to/rootfs COMMAND [ARGUMENT...]")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	code, err := run(ctx, *criu, *after, flag.Arg(0), flag.Args()[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "migrate:", err)
		code = 1
	}
	os.Exit(code)
}

// place is where a container can be: it has a state directory, a root file system and images of
// its own, and may be another machine.
type place struct {
	id        string
	dir       string
	rootfs    string
	runtime   *libcontainer.Runtime
	container *libcontainer.Instance
	process   *libcontainer.Process
}

func newPlace(work, name, criu string) (*place, error) {
	p := &place{id: fmt.Sprintf("migrate-%d-%s", os.Getpid(), name), dir: filepath.Join(work, name)}
	p.rootfs = filepath.Join(p.dir, "rootfs")
	// Images hold all that the container has in its memory: 0700.
	if err := os.MkdirAll(filepath.Join(p.dir, "images"), 0o700); err != nil {
		return nil, err
	}
	var err error
	p.runtime, err = libcontainer.Open(filepath.Join(p.dir, "state"), libcontainer.CriuPath(criu))
	return p, err
}

// images is the directory of a round's images.
func (p *place) images(round int) string { return filepath.Join(p.dir, "images", strconv.Itoa(round)) }

// create makes the container, which is the same at both places but for its name on the host.
func (p *place) create(ctx context.Context) (err error) {
	config := configs.Default()
	config.Rootfs = p.rootfs
	config.Hostname = "migrate"
	config.Cgroups.Name = p.id
	// Criu saves no file system that is on a disk. This one does not change, so that a copy of
	// it is as good; what the program writes is in memory, and comes along.
	config.Readonlyfs = true
	config.Mounts = append(config.Mounts, &configs.Mount{
		Source: "tmpfs", Destination: "/tmp", Device: "tmpfs", Flags: unix.MS_NOSUID | unix.MS_NODEV, Data: "mode=1777,size=64m",
	})
	if p.container, err = p.runtime.Create(ctx, p.id, config); err != nil {
		return err
	}
	// The output goes through pipes of this program: on another machine there are others.
	p.process = &libcontainer.Process{Stdout: struct{ io.Writer }{os.Stdout}, Stderr: struct{ io.Writer }{os.Stderr}}
	return nil
}

func (p *place) destroy() error {
	if p == nil || p.container == nil {
		return nil
	}
	return p.container.Destroy()
}

func run(ctx context.Context, criu string, after time.Duration, rootfs string, args []string) (code int, err error) {
	work, err := os.MkdirTemp("", "migrate-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	from, err := newPlace(work, "from", criu)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, from.destroy()) }()
	to, err := newPlace(work, "to", criu)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, to.destroy()) }()

	if from.rootfs, err = utils.ResolveRootfs(rootfs); err != nil {
		return 0, err
	}
	if err := from.create(ctx); err != nil {
		return 0, err
	}
	from.process.Args = args
	from.process.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	if err := from.container.StartContext(ctx, from.process); err != nil {
		return 0, err
	}
	if out, err := exec.CommandContext(ctx, "cp", "-a", from.rootfs, to.rootfs).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("copy the root file system: %w: %s", err, out)
	}
	if err := to.create(ctx); err != nil {
		return 0, err
	}
	select {
	case <-time.After(after):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	m := &migration{from: from, to: to, criu: &criurpc.Criu{Path: criu}, screen: newScreen(os.Stderr)}
	if err := m.run(ctx); err != nil {
		return 0, err
	}
	status, err := to.process.WaitContext(ctx)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return libcontainer.ExitCode(status.Sys().(syscall.WaitStatus)), nil
}

// migration is one move.
type migration struct {
	from, to *place
	criu     *criurpc.Criu // of the place that it goes to
	screen   *screen

	stats   *libcontainer.CriuStats // of the last round
	stopped time.Time               // since then the program does not run
}

func (m *migration) run(ctx context.Context) error {
	features, err := m.from.runtime.CriuFeatures(ctx)
	if err != nil {
		return err
	}
	last := 0
	if features.MemTrack {
		if last, err = m.preCopy(ctx); err != nil {
			return err
		}
	} else {
		m.screen.printf("no rounds: the kernel does not track changes of memory (CONFIG_MEM_SOFT_DIRTY)")
	}
	if err := m.round(ctx, last, false); err != nil {
		return err
	}
	m.screen.printf("last round: %d pages sent, frozen for %v", m.stats.PagesWritten, milliseconds(m.stats.Frozen))

	_, _ = m.from.process.Wait() // its end is criu's doing; all that it wrote is out then
	err = m.to.container.RestoreContext(ctx, m.to.process, &libcontainer.CriuOpts{
		ImagesDirectory: m.to.images(last),
		TcpEstablished:  true,
		FileLocks:       true,
		Progress:        func(p libcontainer.CriuProgress) { m.screen.bar("restore "+p.Stage, 0, 0) },
	})
	if err != nil {
		return err
	}
	state, err := m.to.container.State()
	if err != nil {
		return err
	}
	m.screen.printf("moved: runs as process %d in container %s, and did not run for %v",
		state.InitProcessPid, m.to.id, milliseconds(time.Since(m.stopped)))
	return nil
}

// preCopy sends the memory in rounds, each what has changed since the one before, until that does
// not get less by much any more. It returns the number of the round to come.
func (m *migration) preCopy(ctx context.Context) (next int, err error) {
	const most, few = 8, 256 // rounds; pages
	before := uint64(math.MaxUint64)
	for next < most {
		if err := m.round(ctx, next, true); err != nil {
			return 0, err
		}
		next++
		pages := m.stats.PagesWritten
		m.screen.printf("round %d: %d pages sent, %d had not changed", next, pages, m.stats.PagesSkipped)
		if pages < few || pages > before/10*9 {
			break
		}
		before = pages
	}
	return next, nil
}

// round sends the memory, or what of it has changed since the round before. In the last one, which
// is no pre-dump, the container ends, and all else of it is sent, too.
func (m *migration) round(ctx context.Context, round int, preDump bool) (err error) {
	opts := &libcontainer.CriuOpts{
		ImagesDirectory: m.from.images(round),
		PreDump:         preDump,
		TcpEstablished:  true,
		FileLocks:       true,
		Progress:        func(p libcontainer.CriuProgress) { m.progress(round, preDump, p) },
	}
	server := &rpc.CriuOpts{Ps: &rpc.CriuPageServerInfo{Address: proto.String("127.0.0.1"), Port: proto.Int32(0)}}
	if round > 0 {
		opts.ParentImage = filepath.Join("..", strconv.Itoa(round-1))
		server.ParentImg = proto.String(opts.ParentImage)
	}
	// This is done where the container goes to: criu receives the pages there.
	if err := os.Mkdir(m.to.images(round), 0o700); err != nil {
		return err
	}
	images, err := os.Open(m.to.images(round))
	if err != nil {
		return err
	}
	defer images.Close()
	pages, err := m.criu.PageServer(ctx, &criurpc.Request{Opts: server, Images: images})
	if err != nil {
		return err
	}
	opts.PageServer = libcontainer.CriuPageServerInfo{Address: "127.0.0.1", Port: int32(pages.Port)}

	if err := m.from.container.CheckpointContext(ctx, opts); err != nil {
		return errors.Join(err, pages.Close())
	}
	if err := pages.Wait(ctx); err != nil {
		return err
	}
	return copyImages(m.from.images(round), m.to.images(round))
}

// progress hears how far a round has come. The pages are where they are sent to.
func (m *migration) progress(round int, preDump bool, p libcontainer.CriuProgress) {
	if p.Stats != nil {
		m.stats = p.Stats
	}
	if !preDump && m.stopped.IsZero() {
		m.stopped = time.Now()
	}
	var sent int64
	files, _ := filepath.Glob(filepath.Join(m.to.images(round), "pages-*"))
	for _, name := range files {
		if info, err := os.Stat(name); err == nil {
			sent += info.Size()
		}
	}
	m.screen.bar(fmt.Sprintf("round %d", round+1), sent, p.Estimate)
}

// copyImages copies what criu has not sent itself: all but the pages, and the manifest, by which
// the restore knows whether all has arrived.
func copyImages(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.Type().IsRegular() { // the page server has made its own link to the round before
			continue
		}
		data, err := os.ReadFile(filepath.Join(from, entry.Name()))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, entry.Name()), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func milliseconds(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

// screen shows lines and, if it is a terminal, a bar below them.
type screen struct {
	out      *os.File
	terminal bool
}

func newScreen(out *os.File) *screen {
	_, err := unix.IoctlGetTermios(int(out.Fd()), unix.TCGETS)
	return &screen{out, err == nil}
}

const clearLine = "\r\x1b[K"

func (s *screen) printf(format string, args ...any) {
	if s.terminal {
		format = clearLine + format
	}
	fmt.Fprintf(s.out, format+"\n", args...)
}

// bar shows how much of the total is done. A total of 0 is not known.
func (s *screen) bar(label string, done, total int64) {
	const width = 40
	switch {
	case !s.terminal:
	case total <= 0:
		fmt.Fprint(s.out, clearLine, label)
	default:
		filled := int(min(done, total) * width / total)
		fmt.Fprintf(s.out, "%s%-8s [%s%s] %d of %d MiB", clearLine, label,
			strings.Repeat("#", filled), strings.Repeat(".", width-filled), done>>20, total>>20)
	}
}
