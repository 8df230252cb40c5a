package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/bench/internal/lives"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/criurpc"
)

const (
	// mostMoves bounds how often a container is saved and restored: that takes seconds.
	mostMoves = 10
	// moveTimeout bounds one step: a criu that does not go together with a runtime can hang.
	moveTimeout = time.Minute
)

// movedSizes are how many megabytes the programs have that are saved and restored.
var movedSizes = []int{10, 500}

// newCheckpointTable compares saving and restoring a container.
func newCheckpointTable(ctx context.Context, opts options, work string) *table {
	t := &table{
		name:  "checkpoint",
		title: "Checkpoint and restore",
		about: "Checkpoint of a container whose program has 10 MB or 500 MB of memory, and restore, with the images in a tmpfs. " +
			"Frozen is how long the processes stood still, by criu's own statistics, without the time until then",
		unit:  "times",
		each:  fmt.Sprintf("%d times, interleaved", min(opts.lives, mostMoves)),
		form:  &moveForm,
		bases: []string{"library"},
	}
	features, missing := (&libcontainer.LinuxFactory{CriuPath: opts.criu}).CriuFeatures(ctx)
	if missing == nil {
		t.notes = append(t.notes, fmt.Sprintf("All with criu %v. The library has its images written to the disk (fsync), "+
			"describes each in a manifest by its SHA-256, and compares that and the restored processes.", features.Version))
	}
	for _, size := range movedSizes {
		t.addMover("library", "", size, missing, func() (mover, error) { return newLibraryMover(opts, work, size) })
		for _, p := range peers {
			if p.name != "runc" {
				continue
			}
			err := p.find()
			if err == nil {
				err = missing
			}
			t.addMover(p.name, p.name, size, err, func() (mover, error) { return newOCIMover(p, opts, work, size) })
		}
	}
	t.measure = func(ctx context.Context, opts options) error {
		opts.warmup = min(opts.warmup, 1)
		if err := rounds(ctx, t.candidates, opts, min(opts.lives, mostMoves)); err != nil {
			return err
		}
		for _, c := range t.candidates {
			if m, ok := c.runner.(mover); ok && c.err == nil {
				c.cells = m.counted(len(c.samples)).cells(c.samples)
			}
		}
		return nil
	}
	return t
}

// moveForm has what the movers have found beside the samples, which are those of the checkpoints.
var moveForm = form{
	head:  []string{"checkpoint ms", "frozen ms", "restore ms"},
	cells: func(_ []lives.Sample, more []string) []string { return more },
	score: medianWall,
	chart: "ms of a checkpoint: median (bar) and p90 (line)",
	bar:   timeForm.bar,
	label: timeForm.label,
}

// mover saves a container and restores it, each time a new one.
type mover interface {
	closingRunner
	// counted are the last times.
	counted(last int) moves
}

// moves are what a mover has measured, beside the time of the checkpoints.
type moves struct{ frozen, restore []time.Duration }

func (m *moves) add(frozen, restore time.Duration) {
	m.frozen, m.restore = append(m.frozen, frozen), append(m.restore, restore)
}

func (m *moves) counted(last int) moves {
	return moves{m.frozen[len(m.frozen)-last:], m.restore[len(m.restore)-last:]}
}

func (m moves) cells(checkpoints []lives.Sample) []string {
	return []string{
		milliseconds(quantile(walls(checkpoints), 0.5)),
		milliseconds(quantile(m.frozen, 0.5)),
		milliseconds(quantile(m.restore, 0.5)),
	}
}

func (t *table) addMover(name, peer string, size int, err error, make func() (mover, error)) {
	of := fmt.Sprintf(", %d MB", size)
	c := &candidate{name: name + of, bases: []string{"library" + of}, peer: peer, optional: errors.Is(err, os.ErrNotExist)}
	if err != nil {
		t.add(c, nil, err)
		return
	}
	m, err := make()
	t.add(c, m, err)
}

// memoryProgram has that much memory, in one piece, and writes it until it is killed.
func memoryProgram(size int) []string {
	return []string{"/bin/dd", "if=/dev/zero", fmt.Sprintf("bs=%dM", size), "count=1"}
}

func moveConfig(rootfs, id string) *configs.Config {
	config := lives.Config(rootfs, id)
	config.Cgroups.Memory = 2 << 30
	return config
}

// outlet is where the program writes to: when the first byte has come, it has all its memory.
type outlet struct{ read, write *os.File }

func newOutlet() (o outlet, err error) {
	o.read, o.write, err = os.Pipe()
	return o, err
}

func (o outlet) await() error {
	if err := o.read.SetReadDeadline(time.Now().Add(moveTimeout)); err != nil {
		return err
	}
	if _, err := io.ReadFull(o.read, make([]byte, 1)); err != nil {
		return fmt.Errorf("the program does not write: %w", err)
	}
	return nil
}

func (o outlet) close() { o.read.Close(); o.write.Close() }

// libraryMover does it with the library.
type libraryMover struct {
	moves
	factory libcontainer.Factory
	rootfs  string
	images  string
	size    int
	count   int
}

func newLibraryMover(opts options, work string, size int) (*libraryMover, error) {
	factory, err := lives.NewFactory(work)
	if err != nil {
		return nil, err
	}
	factory.(*libcontainer.LinuxFactory).CriuPath = opts.criu
	return &libraryMover{factory: factory, rootfs: opts.rootfs, images: filepath.Join(work, fmt.Sprintf("images-%d", size)), size: size}, nil
}

func (r *libraryMover) close() error { return nil }

func (r *libraryMover) once(ctx context.Context) (sample lives.Sample, err error) {
	r.count++
	id := lives.NewID(fmt.Sprintf("move-%d", r.size), r.count)
	created, err := r.factory.Create(id, moveConfig(r.rootfs, id))
	if err != nil {
		return sample, fmt.Errorf("create: %w", err)
	}
	defer func() { err = errors.Join(err, created.Destroy(), os.RemoveAll(r.images)) }()
	container := created.(libcontainer.LinuxContainer)
	first, err := newOutlet()
	if err != nil {
		return sample, err
	}
	defer first.close()
	if err := container.StartContext(ctx, &libcontainer.Process{
		Args: memoryProgram(r.size), Env: lives.Environment, Stdout: first.write,
	}); err != nil {
		return sample, fmt.Errorf("start: %w", err)
	}
	if err := first.await(); err != nil {
		return sample, err
	}
	var stats libcontainer.CriuStats
	save := &libcontainer.CriuOpts{ImagesDirectory: r.images, Progress: func(p libcontainer.CriuProgress) {
		if p.Stats != nil {
			stats = *p.Stats
		}
	}}
	if sample, err = lives.Measure(func() error { return container.CheckpointContext(ctx, save) }); err != nil {
		return sample, err
	}
	if saved := stats.PagesWritten * uint64(os.Getpagesize()); saved < uint64(r.size)<<20 {
		return sample, fmt.Errorf("%d bytes of memory were saved, and the program has %d MB", saved, r.size)
	}
	second, err := newOutlet()
	if err != nil {
		return sample, err
	}
	defer second.close()
	restore, err := lives.Measure(func() error {
		return container.RestoreContext(ctx, &libcontainer.Process{Stdout: second.write}, &libcontainer.CriuOpts{ImagesDirectory: r.images})
	})
	if err != nil {
		return sample, err
	}
	r.add(stats.Frozen, restore.Wall)
	return sample, second.await()
}

// ociMover does it with another runtime's commands.
type ociMover struct {
	moves
	*ociRuntime
	criu   string
	rootfs string
	size   int
	count  int
}

func newOCIMover(p peer, opts options, work string, size int) (*ociMover, error) {
	criu, err := exec.LookPath(opts.criu)
	if err != nil {
		return nil, err
	}
	runtime, err := newOCIRuntime(p, work, fmt.Sprintf("move-%d", size))
	return &ociMover{ociRuntime: runtime, criu: criu, rootfs: opts.rootfs, size: size}, err
}

// step is a command that finds criu in its PATH.
func (r *ociMover) step(ctx context.Context, stdout *os.File, args ...string) (lives.Sample, error) {
	ctx, cancel := context.WithTimeout(ctx, moveTimeout)
	defer cancel()
	cmd := r.command(ctx, args...)
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // with its criu
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(r.criu)+":"+os.Getenv("PATH"))
	cmd.Stdout = stdout
	return r.timed(cmd, args[0])
}

func (r *ociMover) once(ctx context.Context) (sample lives.Sample, err error) {
	r.count++
	id := lives.NewID(fmt.Sprintf("move-%s-%d", r.name(), r.size), r.count)
	images, logs := filepath.Join(r.bundle, "images"), filepath.Join(r.bundle, "logs")
	if err := writeBundle(r.bundle, moveConfig(r.rootfs, id), memoryProgram(r.size)); err != nil {
		return sample, err
	}
	first, err := newOutlet()
	if err != nil {
		return sample, err
	}
	defer first.close()
	defer func() {
		// There may be nothing to delete.
		_ = r.remove(context.WithoutCancel(ctx), id)
		err = errors.Join(err, os.RemoveAll(images), os.RemoveAll(logs))
	}()
	if _, err := r.step(ctx, first.write, "run", "--detach", "--bundle", r.bundle, id); err != nil {
		return sample, err
	}
	if err := first.await(); err != nil {
		return sample, err
	}
	if sample, err = r.step(ctx, nil, "checkpoint", "--image-path", images, "--work-path", logs, id); err != nil {
		return sample, errors.Join(err, lastErrors(filepath.Join(logs, "dump.log")))
	}
	stats, err := dumpStats(logs)
	if err != nil {
		return sample, err
	}
	second, err := newOutlet()
	if err != nil {
		return sample, err
	}
	defer second.close()
	restore, err := r.step(ctx, second.write, "restore", "--detach", "--bundle", r.bundle, "--image-path", images, "--work-path", logs, id)
	if err != nil {
		return sample, errors.Join(err, lastErrors(filepath.Join(logs, "restore.log")))
	}
	r.add(stats.Frozen, restore.Wall)
	return sample, second.await()
}

func dumpStats(dir string) (*criurpc.DumpStats, error) {
	work, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer work.Close()
	return criurpc.ReadDumpStats(work)
}

// lastErrors are the last lines of a log of criu that tell errors, as an error: a runtime may not
// pass them on. The first are often of something else.
func lastErrors(log string) error {
	text, err := os.ReadFile(log)
	if err != nil {
		return nil //nolint:nilerr // criu has not got that far
	}
	var errs []string
	for line := range strings.Lines(string(text)) {
		if _, what, ok := strings.Cut(line, "Error "); ok {
			errs = append(errs, strings.TrimSpace(what))
		}
	}
	const most = 3
	return errors.New("criu's log: " + strings.Join(errs[max(0, len(errs)-most):], "; "))
}
