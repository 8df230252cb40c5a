package criurpc

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/checkpoint-restore/go-criu/v8/rpc"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// Request is what criu is asked for.
type Request struct {
	// Opts are criu's options. They are not changed: what the other fields say is set in a
	// copy, and so is notify_scripts. An option with the value 0, such as the mode IGNORE of
	// manage_cgroups_mode, is not one that is missing. The log is called after the request,
	// such as dump.log, if log_file is not set.
	Opts *rpc.CriuOpts

	// Images is the directory of the images (images_dir_fd).
	Images *os.File

	// Work is the directory of the log and of the statistics (work_dir_fd). It is Images if it
	// is nil.
	Work *os.File

	// Inherit are files that criu takes instead of those that the images name by the keys. For
	// a method of a Process each File is one that Start was given.
	Inherit []InheritFd

	// PageServer is a socket that is connected with a page server (ps.fd), or nil. What is said
	// of Inherit holds for it, too. It becomes a blocking one, for everybody who has it.
	PageServer *os.File

	// Notify is called for each stage that criu tells, by the goroutine that made the request. It
	// may be nil. See Notification.
	Notify func(*Notification) error
}

// InheritFd is an argument of criu's option --inherit-fd, whose keys are such as "pipe:[ino]",
// "file[mnt:ino]", "tty[rdev:dev]" or "extRootNetNS".
type InheritFd struct {
	Key  string
	File *os.File
}

// Files are the files of a request with which criu has to be started: the arguments of Start.
func (r *Request) Files() (files []*os.File) {
	for _, inherit := range r.Inherit {
		files = append(files, inherit.File)
	}
	if r.PageServer != nil {
		files = append(files, r.PageServer)
	}
	return files
}

// dirs are the directories of a request. criu opens them through /proc/[pid]/fd of this program.
type dirs struct{ files []*os.File }

// add makes a copy of the descriptor, so that the caller may close its own at any time.
func (d *dirs) add(dir *os.File) (int32, error) {
	fd, err := descriptor.Duplicate(dir)
	if err != nil {
		return 0, err
	}
	d.files = append(d.files, os.NewFile(uintptr(fd), dir.Name()))
	return int32(fd), nil
}

func (d *dirs) close() {
	for _, f := range d.files {
		f.Close()
	}
}

// options are criu's options for a request to this process.
func (p *Process) options(r *Request, d *dirs) (*rpc.CriuOpts, error) {
	opts := r.Opts.CloneVT()
	if opts == nil {
		opts = new(rpc.CriuOpts)
	}
	if r.Images == nil {
		return nil, errors.New("there is no directory of images")
	}
	fd, err := d.add(r.Images)
	if err != nil {
		return nil, err
	}
	opts.ImagesDirFd = &fd
	if r.Work != nil {
		fd, err := d.add(r.Work)
		if err != nil {
			return nil, err
		}
		opts.WorkDirFd = &fd
	}
	for _, inherit := range r.Inherit {
		fd, err := p.number(inherit.File, "for "+inherit.Key)
		if err != nil {
			return nil, err
		}
		opts.InheritFd = append(opts.InheritFd, &rpc.InheritFd{Key: &inherit.Key, Fd: &fd})
	}
	if r.PageServer != nil {
		fd, err := p.number(r.PageServer, "of the page server")
		if err == nil {
			err = descriptor.Control(r.PageServer, func(fd int) error { return unix.SetNonblock(fd, false) })
		}
		if err != nil {
			return nil, err
		}
		if opts.Ps == nil {
			opts.Ps = new(rpc.CriuPageServerInfo)
		}
		opts.Ps.Fd = &fd
	}
	return opts, nil
}

func (p *Process) number(file *os.File, what string) (int32, error) {
	fd, ok := p.Fd(file)
	if !ok {
		return 0, fmt.Errorf("the file %s is none that criu was started with", what)
	}
	return int32(fd), nil
}

// ask makes a request that works on images.
func (p *Process) ask(ctx context.Context, op Op, kind rpc.CriuReqType, r *Request, keep bool) (*rpc.CriuResp, error) {
	d := new(dirs)
	defer d.close()
	opts, err := p.options(r, d)
	if err == nil {
		name := opts.GetLogFile()
		if opts.LogFile == nil {
			name = logNames[op]
			opts.LogFile = &name
		}
		work := r.Work
		if work == nil {
			work = r.Images
		}
		p.log, err = newLog(work, name)
	}
	if err != nil {
		p.Close()
		return nil, &Error{Op: op, Err: err}
	}
	if op == OpDump || op == OpPreDump || op == OpRestore {
		yes := true
		opts.NotifyScripts = &yes // a refusal is the one way to have criu take back what it has done
	}
	c := &call{p: p, op: op, notify: r.Notify}
	return c.do(ctx, &rpc.CriuReq{Type: &kind, Opts: opts, KeepOpen: &keep})
}

var logNames = map[Op]string{
	OpDump:         "dump.log",
	OpPreDump:      "pre-dump.log",
	OpRestore:      "restore.log",
	OpPageServer:   "page-server.log",
	OpCPUInfoDump:  "cpuinfo.log",
	OpCPUInfoCheck: "cpuinfo.log",
	OpCheck:        "check.log",
}

// Dump saves the tree of processes whose first is Opts.Pid.
//
// If the error is an Error with Done, the images are complete nevertheless, and the processes
// are as they would be without the error.
func (p *Process) Dump(ctx context.Context, r *Request) error {
	_, err := p.ask(ctx, OpDump, rpc.CriuReqType_DUMP, r, false)
	return err
}

// PreDump saves the memory of the tree, which goes on to run (SINGLE_PRE_DUMP). The kernel must
// be able to track which memory changes, see Features.MemTrack, and the option track_mem must be
// set: without, criu ends in a failed assertion, so that it is refused here.
func (p *Process) PreDump(ctx context.Context, r *Request) error {
	if !r.Opts.GetTrackMem() {
		p.Close()
		return &Error{Op: OpPreDump, Err: errors.New("the option track_mem is not set")}
	}
	_, err := p.ask(ctx, OpPreDump, rpc.CriuReqType_SINGLE_PRE_DUMP, r, false)
	return err
}

// Restore makes the processes of the images, and returns the pid of the first. That is a child
// of this program if Opts.RstSibling is set.
//
// If there is a pid and an error, criu has restored the processes nevertheless: Notify has refused
// a stage at which criu does not go back. With any other error none of the processes is
// left.
func (p *Process) Restore(ctx context.Context, r *Request) (pid int, err error) {
	resp, err := p.ask(ctx, OpRestore, rpc.CriuReqType_RESTORE, r, false)
	return int(resp.GetRestore().GetPid()), err
}

// CPUInfoDump writes what the CPU can do into the images (cpuinfo.img).
func (p *Process) CPUInfoDump(ctx context.Context, r *Request) error {
	_, err := p.ask(ctx, OpCPUInfoDump, rpc.CriuReqType_CPUINFO_DUMP, r, false)
	return err
}

// CPUInfoCheck compares the CPU with what the images tell of the one that they come from. How
// close it must be is the option cpu_cap.
func (p *Process) CPUInfoCheck(ctx context.Context, r *Request) error {
	_, err := p.ask(ctx, OpCPUInfoCheck, rpc.CriuReqType_CPUINFO_CHECK, r, false)
	return err
}

// Dump is Start and [Process.Dump].
func (c *Criu) Dump(ctx context.Context, r *Request) error {
	return c.with(ctx, OpDump, r, (*Process).Dump)
}

// PreDump is Start and [Process.PreDump].
func (c *Criu) PreDump(ctx context.Context, r *Request) error {
	return c.with(ctx, OpPreDump, r, (*Process).PreDump)
}

// Restore is Start and [Process.Restore].
func (c *Criu) Restore(ctx context.Context, r *Request) (pid int, err error) {
	err = c.with(ctx, OpRestore, r, func(p *Process, ctx context.Context, r *Request) (err error) {
		pid, err = p.Restore(ctx, r)
		return err
	})
	return pid, err
}

// CPUInfoDump is Start and [Process.CPUInfoDump].
func (c *Criu) CPUInfoDump(ctx context.Context, r *Request) error {
	return c.with(ctx, OpCPUInfoDump, r, (*Process).CPUInfoDump)
}

// CPUInfoCheck is Start and [Process.CPUInfoCheck].
func (c *Criu) CPUInfoCheck(ctx context.Context, r *Request) error {
	return c.with(ctx, OpCPUInfoCheck, r, (*Process).CPUInfoCheck)
}

// with makes a request of a criu that is started for it.
func (c *Criu) with(ctx context.Context, op Op, r *Request, do func(*Process, context.Context, *Request) error) error {
	if ctx.Err() != nil {
		return &Error{Op: op, Err: ended(ctx)}
	}
	p, err := c.Start(r.Files()...)
	if err != nil {
		return err
	}
	return do(p, ctx, r)
}
