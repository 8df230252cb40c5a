// The host's side: Checkpoint. What it keeps of a container is in
// checkpoint_record_linux.go.

package libcontainer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/criurpc"
	"github.com/libcontainer/libcontainer/internal/criuimage"
)

const (
	dumpLog    = "dump.log"
	restoreLog = "restore.log"

	// criuLogLevel has in the log what a person needs who looks for the reason of a failure.
	criuLogLevel = 4
)

// Checkpoint saves the processes of the container by criu(8), and ends it. See Container
// for what is saved, and the errors.
func (c *Instance) Checkpoint(opts *CriuOpts) error {
	return c.CheckpointContext(context.Background(), opts)
}

// CheckpointContext is Checkpoint until ctx ends: then the container goes on as if
// nothing had been.
func (c *Instance) CheckpointContext(ctx context.Context, opts *CriuOpts) error {
	const step = "checkpoint"
	if err := checkCriuOpts(step, opts); err != nil {
		return err
	}
	if err := opts.checkCheckpoint(step); err != nil {
		return err
	}
	ctx, cancel := c.untilDestroyed(ctx)
	defer cancel()
	unlock, err := c.lock(ctx, callPause, step, true)
	if err != nil {
		return err
	}
	defer unlock()
	v := c.view()
	status, phase, err := v.status()
	if err != nil {
		return newSystemError(fmt.Errorf("%s of container %q: %w", step, c.id, err))
	}
	if err := v.allow(callPause, phase, step+" of"); err != nil {
		return err
	}
	if err := opts.checkNetwork(step, v.config); err != nil {
		return err
	}
	d := &dump{c: c, v: v, ctx: ctx, opts: opts, paused: status == Paused || status == Pausing}
	if err := d.run(); err != nil {
		return newSystemError(fmt.Errorf("%s of container %q: %w", step, c.id, err))
	}
	return nil
}

// dump is one checkpoint.
type dump struct {
	c      *Instance
	v      *view
	ctx    context.Context
	opts   *CriuOpts
	paused bool // before it began

	images   *criuimage.Folder
	work     *os.File
	record   *checkpointRecord
	features *criurpc.Features
	network  *os.File // the container's network namespace
	yard     string   // the hierarchies of cgroups, in criu's mount namespace
	frozen   bool     // by this checkpoint
	written  bool     // all images are there
	estimate int64
}

func (d *dump) run() (err error) {
	criu := d.c.factory.criu()
	if d.features, err = criu.Probe(d.ctx); err != nil {
		return err
	}
	if err := d.opts.checkConfigFile(); err != nil {
		return err
	}
	if err := d.openFolders(); err != nil {
		return err
	}
	defer d.images.Close()
	defer d.work.Close()
	defer func() {
		if err != nil && !(d.written && d.v.init.Ended()) { // then they are all that is left of it
			err = errors.Join(err, d.images.Discard())
		}
	}()
	if d.opts.ParentImage != "" {
		if err := d.images.CheckParent(d.opts.ParentImage, d.opts.Key); err != nil {
			return fmt.Errorf("ParentImage: %w", err)
		}
	}
	if err := d.meetOthers(d.opts.EndOthers); err != nil {
		return err
	}
	if d.record, err = d.v.describe(); err != nil {
		return err
	}
	if err := d.features.Missing(d.needs()); err != nil {
		return err
	}
	if d.network, err = d.v.init.Namespace("net"); err != nil {
		return err
	}
	defer d.network.Close()
	d.estimate = d.v.memoryUse()
	if err := d.freeze(); err != nil {
		return err
	}
	if err := d.settle(d.dumpFrozen(criu)); err != nil {
		return err
	}
	if d.opts.LeaveRunning && !d.written {
		// It runs already, whatever comes of the images.
		if err := d.writeManifest(); err != nil {
			return err
		}
	}
	d.finished()
	return nil
}

// openFolders opens the directories for the images and for the log.
func (d *dump) openFolders() (err error) {
	uid := os.Geteuid()
	if d.v.config.Namespaces.Contains(configs.NEWUSER) {
		// The processes look for images themselves when they are restored.
		if uid, err = hostRootID(d.v.init.Pid(), "uid_map"); err != nil {
			return err
		}
	}
	if d.images, err = criuimage.OpenEmpty(d.opts.ImagesDirectory, uid); err != nil {
		return fmt.Errorf("directory for images: %w", err)
	}
	if d.work, err = openWork(d.opts, d.images); err != nil {
		err = errors.Join(err, d.images.Discard())
		d.images.Close()
		return err
	}
	return nil
}

func openWork(opts *CriuOpts, images *criuimage.Folder) (*os.File, error) {
	path := opts.WorkDirectory
	if path == "" {
		path = images.Path()
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("work directory: %w", &os.PathError{Op: "open", Path: path, Err: err})
	}
	work := os.NewFile(uintptr(fd), path)
	// Criu makes files there by their names, as root.
	if err := criuimage.CheckOwner(work, []int{os.Geteuid(), 0}); err != nil && path != images.Path() {
		work.Close()
		return nil, fmt.Errorf("work directory: %w", err)
	}
	return work, nil
}

func (d *dump) needs() criurpc.Needs {
	ownNet := d.v.config.Namespaces.Contains(configs.NEWNET)
	return criurpc.Needs{
		PreDump:          d.opts.PreDump || d.opts.ParentImage != "",
		LazyDump:         d.opts.LazyPages,
		InetSockets:      d.record.inetSockets,
		NetworkNamespace: ownNet,
		Tmpfs:            slices.ContainsFunc(d.record.Mounts, func(m checkpointMount) bool { return m.Type == "tmpfs" && !m.External }),
		NetworkLock:      d.opts.NetworkLock.method(),
	}
}

// freeze stops all processes by the container's own manager: criu's way, which looks
// at them again and again, takes 100 ms of the time in which they are stopped.
func (d *dump) freeze() error {
	if d.paused {
		return nil
	}
	if d.freezeCgroup() == "" || d.opts.PreDump {
		return nil // criu stops them by ptrace(2)
	}
	d.frozen = true
	if err := d.c.setDumping(true); err != nil {
		return errors.Join(err, d.thaw())
	}
	done := d.v.cgroups.Within(d.ctx)
	err := d.v.cgroups.Freeze(configs.Frozen)
	done() // it is thawed also when the context has ended
	if err != nil {
		return errors.Join(fmt.Errorf("freeze: %w", err), d.thaw())
	}
	return nil
}

func (d *dump) thaw() error {
	if !d.frozen {
		return nil
	}
	d.frozen = false
	if err := d.v.cgroups.Freeze(configs.Thawed); err != nil && !cgroupGone(err) {
		return fmt.Errorf("thaw: %w", err)
	}
	return d.c.setDumping(false)
}

// setDumping records that a container that ran is frozen: whoever finds that, and gets the
// lock, knows that the checkpoint's program has been killed, and its criu has ended.
func (c *Instance) setDumping(dumping bool) error {
	return c.change(func(next *view) error {
		next.dumping = dumping
		return next.save(next.state())
	})
}

// endDumping lets a container go on whose checkpoint was broken off by the death of its program.
// The caller holds the lock exclusively.
func (c *Instance) endDumping() error {
	v := c.view()
	if !v.dumping {
		return nil
	}
	if err := v.thaw(); err != nil {
		return err
	}
	return c.setDumping(false)
}

// tryEndDumping is endDumping if nobody has the lock. If it fails, who gets the lock next
// tries it again, and tells.
func (c *Instance) tryEndDumping() {
	if !c.view().dumping {
		return
	}
	unlock, ok, err := c.dir.TryLock()
	if err != nil || !ok {
		return // a checkpoint is at work
	}
	defer unlock()
	if exists, err := c.refresh("load"); err == nil && exists {
		_ = c.endDumping()
	}
}

// freezeCgroup is the cgroup by which the container's manager freezes: criu, told of
// another one, would wait for ever.
func (d *dump) freezeCgroup() string {
	paths := d.v.cgroups.GetPaths()
	if path := paths[""]; path != "" {
		return path
	}
	return paths["freezer"]
}

func (d *dump) dumpFrozen(criu *criurpc.Criu) error {
	// Those that were started or have been orphaned since the first look.
	if err := d.meetOthers(false); err != nil {
		return err
	}
	// Only now it changes no more.
	record, err := d.v.describe()
	if err != nil {
		return err
	}
	if record.Threads, err = d.v.describeThreads(!d.opts.DropSettings); err != nil {
		return err
	}
	d.record = record
	if err := d.features.Missing(d.needs()); err != nil {
		return err
	}
	request := &criurpc.Request{Images: d.images.File(), Work: d.work, Notify: d.notified}
	lock, err := d.c.dir.LockFile()
	if err != nil {
		return err
	}
	defer lock.Close()
	if !d.opts.PreDump {
		if err := d.v.countTimers(); err != nil {
			return err
		}
	}
	process, err := d.startCriu(criu, append(request.Files(), lock)...)
	if err != nil {
		return err
	}
	request.Opts = d.options()
	stop := d.follow()
	defer stop()
	if d.opts.PreDump {
		if err := process.PreDump(d.ctx, request); err != nil {
			return adviseFields(err)
		}
		return d.writeManifest()
	}
	return adviseFields(process.Dump(d.ctx, request))
}

// notified hears what criu has done. At post-dump the images are complete, and the
// processes still there: if what has to be written then cannot be, they go on. Those that go on anyhow
// do not wait for that.
func (d *dump) notified(n *criurpc.Notification) error {
	d.opts.progress(CriuProgress{Stage: string(n.Stage), Estimate: d.estimate, Pages: d.pages()})
	if n.Stage != criurpc.StagePostDump || d.opts.LeaveRunning && !d.opts.LazyPages {
		return nil
	}
	return d.writeManifest()
}

func (o *CriuOpts) progress(p CriuProgress) {
	if o.Progress != nil {
		o.Progress(p)
	}
}

func (d *dump) pages() int64 {
	size, err := d.images.Size("pages-")
	if err != nil {
		return 0
	}
	return size
}

func (d *dump) writeManifest() error {
	if !d.opts.PreDump { // whose images are of memory alone
		if err := d.images.DivideHostGroups(d.record.hostGroups); err != nil {
			return err
		}
	}
	record, err := json.Marshal(d.record)
	if err != nil {
		return fmt.Errorf("encode what the images are of: %w", err)
	}
	m := &criuimage.Manifest{
		ElsewherePages: d.opts.PageServer.Address != "" || d.opts.LazyPages,
		Machine:        thisMachine(d.features),
		Record:         record,
	}
	if err := d.images.Write(m, d.opts.Key); err != nil {
		return fmt.Errorf("complete the images: %w", err)
	}
	d.written = true
	return nil
}

func thisMachine(f *criurpc.Features) criuimage.Machine {
	return criuimage.Machine{Criu: f.Version.String(), Kernel: f.Kernel, Architecture: runtime.GOARCH}
}

// progressInterval is how often the growth of the images is told.
const progressInterval = 200 * time.Millisecond

// follow tells how the images grow, until the returned function is called.
func (d *dump) follow() (stop func()) {
	if d.opts.Progress == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(d.ctx)
	done := make(chan struct{})
	inner := d.opts.Progress
	calls := make(chan struct{}, 1) // who has it calls
	calls <- struct{}{}
	followed := *d.opts
	followed.Progress = func(p CriuProgress) {
		<-calls
		defer func() { calls <- struct{}{} }()
		inner(p)
	}
	d.opts = &followed
	go func() {
		defer close(done)
		tick := time.NewTicker(progressInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				followed.progress(CriuProgress{Stage: "pages", Estimate: d.estimate, Pages: d.pages()})
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// settle leaves the container as it is to be after a dump, or as it was before one that
// has failed.
func (d *dump) settle(err error) error {
	// Whatever has ended the caller's patience.
	ctx := context.WithoutCancel(d.ctx)
	gone := err == nil && !d.opts.LeaveRunning && !d.opts.PreDump
	locks, lerr := d.unlockNetwork(gone)
	if lerr != nil {
		err = errors.Join(err, lerr)
	}
	if err != nil && d.v.init.Ended() && d.ctx.Err() == nil && d.written {
		err = fmt.Errorf("%w (the images are complete, and the container has ended)", err)
	}
	if !gone {
		if err != nil && d.paused && !d.v.init.Ended() {
			// Criu, killed, thaws what it has not frozen.
			err = errors.Join(err, d.v.cgroups.Freeze(configs.Frozen))
		}
		if terr := d.thaw(); terr != nil && !d.v.init.Ended() {
			err = errors.Join(err, terr)
		}
		return err
	}
	if err := d.v.thaw(); err != nil {
		return err
	}
	if err := d.v.killAll(ctx, false); err != nil { // criu has, and they end
		return err
	}
	if err := d.cutOff(); err != nil {
		return err
	}
	return d.c.change(func(next *view) error {
		next.checkpointed, next.dumping, next.locks = true, false, locks
		return next.save(next.state())
	})
}

func (d *dump) finished() {
	p := CriuProgress{Stage: "done", Estimate: d.estimate, Pages: d.pages()}
	if stats, err := criurpc.ReadDumpStats(d.work); err == nil {
		p.Stats = &CriuStats{
			Freezing: stats.Freezing, Frozen: stats.Frozen,
			PagesScanned: stats.PagesScanned, PagesSkipped: stats.PagesSkippedParent, PagesWritten: stats.PagesWritten,
		}
	}
	d.opts.progress(p)
}
