// The host's side: Restore. What criu is given of the host is in restore_host_linux.go,
// and what its result is compared with in restore_verify_linux.go.

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/criurpc"
	"github.com/libcontainer/libcontainer/internal/criuimage"
	"github.com/libcontainer/libcontainer/internal/image"
	"github.com/libcontainer/libcontainer/internal/launch"
	"github.com/libcontainer/libcontainer/internal/netsetup"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// Restore has the processes of a checkpoint go on in the container. See Container for what
// must be the same, and the errors.
func (c *Instance) Restore(process *Process, opts *CriuOpts) error {
	return c.RestoreContext(context.Background(), process, opts)
}

// RestoreContext is Restore until ctx ends: then nothing is left of it. Once it has
// returned, ctx has no effect on the process.
func (c *Instance) RestoreContext(ctx context.Context, process *Process, opts *CriuOpts) error {
	const step = "restore"
	defer process.closeFiles()
	if err := checkCriuOpts(step, opts); err != nil {
		return err
	}
	if err := checkRestoredProcess(process); err != nil {
		return err
	}
	ctx, cancel := c.untilDestroyed(ctx)
	defer cancel()
	ctx, told := c.timed(ctx, StartRestored)
	err := c.tryRestore(ctx, process, opts, step)
	told(startedPid(process), nil, err)
	if err != nil {
		return err
	}
	c.postStart()
	return nil
}

// checkRestoredProcess checks what a restored process gets: its standard descriptors. All else
// is in the images.
func checkRestoredProcess(p *Process) error {
	switch {
	case p == nil:
		return errorf(ConfigInvalid, "restore: no process")
	case p.run != nil:
		return errorf(ConfigInvalid, "restore: the process has been started before")
	case len(p.ExtraFiles) > 0:
		return errorf(ConfigInvalid, "restore: ExtraFiles are given to a process that is started only")
	}
	return nil
}

func (c *Instance) tryRestore(ctx context.Context, process *Process, opts *CriuOpts, step string) error {
	unlock, err := c.lock(ctx, callRestore, step, true)
	if err != nil {
		return err
	}
	defer unlock()
	fail := func(err error) error {
		return newSystemError(fmt.Errorf("%s container %q: %w", step, c.id, err))
	}
	v := c.view()
	if err := opts.checkNetwork(step, v.config); err != nil {
		return err
	}
	_, phase, err := v.status()
	if err != nil {
		return fail(err)
	}
	if err := v.allow(callRestore, phase, step); err != nil {
		return err
	}
	if !v.config.HasRoot() {
		return errorf(ConfigInvalid, "%s container %q: it was created by another program, which did not start it, "+
			"and has no configuration: call Set first", step, c.id)
	}
	if err := c.ensureIDs(ctx); err != nil {
		return fail(err)
	}
	r := &restore{c: c, ctx: ctx, process: process, opts: opts}
	if err := r.examine(); err != nil {
		return fail(err)
	}
	defer r.close()
	if v.started() {
		if err := v.thaw(); err != nil {
			return fail(err)
		}
	}
	before := *v
	before.init = v.init.Clone()
	defer before.close()
	c.set((*view).dropInit)
	if err := r.run(); err != nil {
		return withCleanUp(fail(err), errors.Join(c.undoStart(), c.putBack(&before)))
	}
	return nil
}

// putBack makes a container that has ended, by a checkpoint or otherwise, what it was before
// it was tried to restore it. Its cgroups have gone.
func (c *Instance) putBack(before *view) error {
	if before.init == nil && !before.checkpointed {
		return nil
	}
	init := before.init.Clone()
	err := c.change(func(next *view) error {
		next.phase, next.init, next.initRun = before.phase, init, before.initRun
		next.checkpointed, next.restored = before.checkpointed, before.restored
		return next.save(next.state())
	})
	if err != nil {
		init.Close()
		return newSystemError(fmt.Errorf("clean up after failed restore: %w", err))
	}
	return nil
}

// restore is one restore.
type restore struct {
	c       *Instance
	ctx     context.Context
	process *Process
	opts    *CriuOpts

	images   *criuimage.Folder
	work     *os.File
	record   *checkpointRecord
	features *criurpc.Features

	config   *configs.Config
	driver   cgroups.Driver
	stdio    *stdio
	host     *restoreHost
	inherit  []criurpc.InheritFd
	criu     *criurpc.Process
	ref      *pidfd.Process // the container's init
	master   *os.File       // of its terminal
	holder   *os.Process    // see holdCgroups
	tables   []string       // criu's of nftables in a network namespace that is not the container's own, before
	verified bool
	wrong    error // what verifyRights has found
	closers  []*os.File
}

func (r *restore) close() {
	for _, f := range r.closers {
		f.Close()
	}
	r.master.Close()
	r.ref.Close()
	r.work.Close()
	r.images.Close()
}

// run makes what the container has on the host, and lets criu make the processes.
func (r *restore) run() (err error) {
	if _, err := r.c.plan(r.ctx, true); err != nil {
		return err
	}
	v := r.c.view()
	r.config, r.driver = v.config, v.cgroups
	if r.stdio, err = newStdio(r.process); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			r.abort()
		}
	}()
	if err := r.driver.Create(); err != nil {
		return err
	}
	if err := v.checkFreezer(); err != nil {
		return err
	}
	if err := r.driver.Set(r.config); err != nil {
		return err
	}
	if err := r.holdCgroups(); err != nil {
		return fmt.Errorf("enter cgroups: %w", err)
	}
	if err := r.lookAtLocks(); err != nil {
		return err
	}
	if err := r.inheritFiles(); err != nil {
		return err
	}
	if r.host, err = r.newHost(); err != nil {
		return err
	}
	if err := r.startCriu(); err != nil {
		return err
	}
	defer r.host.done()
	stat, err := pidfd.ReadStat(r.criu.Pid())
	if err != nil {
		return err
	}
	r.c.set(func(next *view) { next.restorer = restorer{r.criu.Pid(), stat.StartTime} }) // saved with init
	options, err := r.options()
	if err != nil {
		return err
	}
	pid, err := r.criu.Restore(r.ctx, &criurpc.Request{
		Opts: options, Images: r.host.images, Work: r.host.work, Inherit: r.inherit, Notify: r.notified,
	})
	return r.complete(pid, adviseFields(err))
}

// holdCgroups has a process enter the cgroups that does nothing, until criu has restored the
// others: all limits are in force from then on (see cgroups.Driver), and a scope of systemd,
// which cannot be without a process, exists.
func (r *restore) holdCgroups() error {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	pipe, child, err := launch.NewPipe()
	if err != nil {
		return err
	}
	r.closers = append(r.closers, pipe)
	defer child.Close()
	files := []*os.File{null, null, null, child, child}
	exe, err := image.New(stdioCount)
	if err != nil {
		return err
	}
	defer exe.Close()
	if r.holder, err = launch.Spawn(exe, r.c.factory.initArgv(), nil, files, nil); err != nil {
		return err
	}
	for _, stage := range []cgroups.Stage{cgroups.StageSetup, cgroups.StageExec} {
		if err := r.driver.Enter(r.holder.Pid, stage); err != nil {
			return err
		}
	}
	return r.c.saveState()
}

// letGo ends the process that holds the cgroups.
func (r *restore) letGo() {
	if r.holder == nil {
		return
	}
	_ = r.holder.Kill()
	_, _ = r.holder.Wait()
	r.holder = nil
}

// inheritFiles tells which of the caller's files take the place of those that init had.
func (r *restore) inheritFiles() error {
	given := [stdioCount]bool{r.process.Stdin != nil, r.process.Stdout != nil, r.process.Stderr != nil}
	seen := make(map[string]bool)
	for i, key := range r.record.Stdio {
		if key == "" {
			if given[i] && !r.opts.OptionalStdio {
				return invalid(fmt.Errorf("descriptor %d of init was none of the host's at the checkpoint: nothing can take its place", i))
			}
			continue
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		r.inherit = append(r.inherit, criurpc.InheritFd{Key: key, File: r.stdio.files[i]})
	}
	if r.record.Network == "" {
		return nil
	}
	ns, err := os.Open(r.config.Namespaces.PathOf(configs.NEWNET))
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	r.closers = append(r.closers, ns)
	r.inherit = append(r.inherit, criurpc.InheritFd{Key: networkKey, File: ns})
	return nil
}

func (r *restore) options() (*rpc.CriuOpts, error) {
	o := r.opts
	roots, err := cgroupRoots(r.driver.GetPaths())
	if err != nil {
		return nil, err
	}
	out := &rpc.CriuOpts{
		Root:       proto.String(r.host.root),
		LogFile:    proto.String(restoreLog),
		RstSibling: proto.Bool(true),
		CgRoot:     roots,
		External:   append(r.host.externals(), r.vethExternals()...),
	}
	if o.LsmProfile != "" {
		out.LsmProfile = proto.String(o.LsmProfile)
	}
	if o.LsmMountContext != "" {
		out.LsmMountContext = proto.String(o.LsmMountContext)
	}
	o.common(out, r.host.yard)
	return out, nil
}

// vethExternals names the host's ends of the veth pairs. They join their bridges when they have
// the address that is theirs: see adoptNetworks.
func (r *restore) vethExternals() (out []string) {
	names := make(map[string]bool)
	for _, n := range veths(r.config) {
		out = append(out, "veth["+n.Name+"]:"+n.HostInterfaceName)
		names[n.Name] = true
	}
	for _, pair := range r.opts.VethPairs {
		if !names[pair.ContainerInterfaceName] {
			out = append(out, "veth["+pair.ContainerInterfaceName+"]:"+pair.HostInterfaceName)
		}
	}
	return out
}

// cgroupRoots tells criu which cgroup of a hierarchy takes the place of that which the container
// had.
func cgroupRoots(paths map[string]string) (out []*rpc.CgroupRoot, err error) {
	for _, subsystem := range slices.Sorted(maps.Keys(paths)) {
		mountpoint, root, err := cgroups.FindCgroupMountpointAndRoot(subsystem)
		if err != nil {
			return nil, err
		}
		rel, ok := strings.CutPrefix(paths[subsystem], mountpoint)
		if !ok {
			return nil, fmt.Errorf("cgroup %s is not below %s: %w", paths[subsystem], mountpoint, unix.EXDEV)
		}
		r := &rpc.CgroupRoot{Path: proto.String(strings.TrimSuffix(root, "/") + rel)}
		if subsystem != "" {
			r.Ctrl = proto.String(subsystem)
		}
		out = append(out, r)
	}
	return out, nil
}

// notified does the host's part of a restore.
func (r *restore) notified(n *criurpc.Notification) error {
	r.opts.progress(CriuProgress{Stage: string(n.Stage)})
	switch n.Stage {
	case criurpc.StageSetupNamespaces:
		return r.haveInit(n.Pid)
	case criurpc.StagePostSetupNamespaces:
		if err := r.c.adoptNetworks(r.ref); err != nil {
			return err
		}
		return r.restoreSysctls()
	case criurpc.StageOrphanPtsMaster:
		r.master.Close()
		r.master = n.TakeFile()
		return nil
	case criurpc.StagePostRestore:
		if err := r.haveInit(n.Pid); err != nil {
			return err
		}
		if err := r.thaw(); err != nil {
			return err
		}
		if err := r.verify(); err != nil {
			return err
		}
		if err := r.restoreThreads(); err != nil {
			return err
		}
		return r.handOverTerminal()
	case criurpc.StagePreResume:
		if err := r.verifyRights(); err != nil {
			return err
		}
		r.verified = true
	case criurpc.StagePostResume:
		return r.thaw()
	}
	return nil
}

// thaw undoes what criu makes of the cgroups' properties: at the checkpoint they were frozen. It sets
// the freezer of cgroup v1 last.
func (r *restore) thaw() error {
	if mode := r.opts.ManageCgroupsMode.rpc(); *mode == rpc.CriuCgMode_SOFT {
		return nil // it sets none of cgroups that it has not made
	}
	if err := r.driver.Freeze(configs.Thawed); err != nil {
		return fmt.Errorf("thaw: %w", err)
	}
	return nil
}

// haveInit makes a process the container's init, which Load and Destroy find from now on.
func (r *restore) haveInit(pid int) (err error) {
	if r.ref != nil {
		if r.ref.Pid() != pid {
			return fmt.Errorf("criu tells of two first processes, %d and %d: %w", r.ref.Pid(), pid, unix.EBADMSG)
		}
		return nil
	}
	if r.ref, err = pidfd.Open(pid); err != nil {
		return err
	}
	if err := r.c.haveInit(r.ref); err != nil {
		return err
	}
	if err := r.c.saveState(); err != nil {
		return err
	}
	state := hookStateOf(r.c.id, r.config, pid, "creating")
	if err := runHooks(r.ctx, "prestart", hooksOf(r.config).Prestart, state); err != nil {
		return err
	}
	return runHooks(r.ctx, "createRuntime", hooksOf(r.config).CreateRuntime, state)
}

// handOverTerminal gives the master of the container's terminal to who serves it.
func (r *restore) handOverTerminal() error {
	switch {
	case r.master == nil && r.process.handOver == nil:
		return nil
	case r.master == nil:
		return invalid(errors.New("the process is to have a terminal, and the images have none whose other end was outside"))
	case r.process.handOver == nil:
		return invalid(errors.New("the images have a terminal, which somebody must serve: see Process.NewTerminal and NewConsoleSocket"))
	}
	if err := r.process.handOver(r.ctx, r.master, r.record.Terminal); err != nil {
		return fmt.Errorf("hand over console: %w", err)
	}
	return nil
}

// complete hands the process that criu has restored to the caller.
func (r *restore) complete(pid int, err error) error {
	if r.wrong != nil {
		return r.wrong
	}
	if err == nil && !r.verified {
		err = errors.New("criu did not let it be verified")
	}
	if err == nil && r.ref.Pid() != pid {
		err = fmt.Errorf("criu has restored process %d, and told of %d before: %w", pid, r.ref.Pid(), unix.EBADMSG)
	}
	if err != nil {
		return err
	}
	if err := r.c.change(func(next *view) error {
		next.checkpointed, next.restored, next.restorer, next.locks = false, true, restorer{}, nil
		return next.save(next.state())
	}); err != nil {
		return err
	}
	r.letGo()
	r.unlockNetwork(false)
	r.stdio.closeChild()
	r.stdio.drain()
	run := newRunningProcess(r.ref.Clone(), r.process, r.stdio, &r.c.children)
	run.first = true
	r.process.run = run
	r.c.children.add(run)
	r.c.set(func(next *view) { next.initRun = run })
	r.stdio.feed()
	r.c.observeRun(r.ctx, run)
	go run.watch()
	if r.config.ParentDeathSignal > 0 {
		r.host.outlive(run)
	}
	r.finished()
	return nil
}

func (r *restore) finished() {
	p := CriuProgress{Stage: "done"}
	if stats, err := criurpc.ReadRestoreStats(r.work); err == nil {
		p.Stats = &CriuStats{Restoring: stats.Restore, PagesRestored: stats.PagesRestored}
	}
	r.opts.progress(p)
}

// abort ends what is there of the processes.
func (r *restore) abort() {
	if r.criu != nil {
		_ = r.criu.Close()
	}
	r.letGo()
	if r.ref != nil {
		_ = r.ref.Signal(unix.SIGKILL)
		v := r.c.view()
		_ = v.killAll(context.WithoutCancel(r.ctx), false)
		_, _ = r.ref.Wait()
	}
	r.stdio.abort()
	r.c.set((*view).dropInit)
	r.unlockNetwork(true)
	if err := criuimage.Sweep(r.work); err != nil {
		r.c.warn(fmt.Errorf("work directory: %w", err))
	}
}

func (r *restore) lookAtLocks() error {
	if r.config.Namespaces.Creates(configs.NEWNET) {
		return nil
	}
	ns, err := os.Open(sharedNetwork(r.config))
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer ns.Close()
	r.tables, err = netsetup.CriuTables(ns)
	return err
}

// unlockNetwork removes criu's locks from a network namespace that is not the container's own. If
// the restore has failed those stay that were there before, for another one.
func (r *restore) unlockNetwork(failed bool) {
	if r.config.Namespaces.Creates(configs.NEWNET) {
		return // they have gone with it, or criu has removed them
	}
	ns, err := os.Open(sharedNetwork(r.config))
	if err != nil {
		return // nobody is locked in what has gone
	}
	defer ns.Close()
	tables, err := lockTables(ns, r.work, restoreLog, r.record.Pid, r.ref.Pid())
	if failed {
		tables = slices.DeleteFunc(tables, func(name string) bool { return slices.Contains(r.tables, name) })
	}
	if err == nil {
		err = removeTables(ns, tables)
	}
	if err != nil {
		r.c.warn(err)
	}
}
