package criurpc

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
)

// DefaultGrace is what Grace is if it is 0.
const DefaultGrace = 10 * time.Second

// Criu tells which criu is executed, and how. The zero value is the one in PATH.
// All methods are safe for concurrent use.
type Criu struct {
	// Path is that of the program, "criu" if it is empty. Without a slash it is looked up in
	// the PATH that criu gets.
	Path string

	// Args are options that are put before the command, such as "--libdir". Options of a
	// request belong into it.
	Args []string

	// Env is criu's environment, and that of the programs which it calls: tar, gzip, ip,
	// iptables-restore. PATH is that of this program if it is not here. Elements of PATH
	// that are not absolute are left out: criu works in directories that others may have
	// written.
	Env []string

	// Grace is how long criu may take to answer when the context has ended, or when a stage
	// has been refused, before it is killed. DefaultGrace if it is 0.
	Grace time.Duration

	// SameSession leaves criu in this program's session, which it needs to restore shell
	// jobs (the option shell_job). Otherwise it has one of its own: a signal of a terminal
	// does not hit it, and whatever it leaves when it fails can be found and ended.
	SameSession bool
}

// Start executes criu, which then waits for its one request: a method of the Process.
//
// The files are open in criu, under the numbers that [Process.Fd] tells. The caller may close
// them then.
//
// criu is forked from the thread that calls Start, and has its mount namespace, root and
// capabilities: a goroutine that is locked to its thread (runtime.LockOSThread) can change
// these first. All else may happen on any thread, also when that one has ended.
func (c *Criu) Start(files ...*os.File) (*Process, error) { return nil, errors.ErrUnsupported }

// Process is a criu that serves one request. Its methods are called by one goroutine at a time,
// but for Close.
type Process struct{}

// Pid is criu's.
func (p *Process) Pid() int { return 0 }

// Fd tells the number in criu of a file that Start was given; of one that it was not, false.
func (p *Process) Fd(file *os.File) (int, bool) { return 0, false }

// Close ends criu if it still runs, by SIGKILL, and reaps it. After a request nothing is left to do, and
// Close may be called nevertheless.
func (p *Process) Close() error { return nil }

// Request is what criu is asked for.
type Request struct {
	// Opts are criu's options. They are not changed: what the other fields say is set in a
	// copy. An enumeration of the kind 0, such as manage_cgroups_mode, is what it is called
	// there (IGNORE), never a default.
	Opts *rpc.CriuOpts

	// Images is the directory of the images (images_dir_fd).
	Images *os.File

	// Work is the directory of the log and of the statistics (work_dir_fd), Images if it is
	// nil.
	Work *os.File

	// Inherit are the files that criu takes for those that the images name by the keys.
	// Of a Process, each File is one of those that Start was given.
	Inherit []InheritFd

	// PageServer is a connected socket of a page server (ps.fd), and may be nil. As for Inherit.
	PageServer *os.File

	// Notify is called for each stage that criu tells, from the goroutine of the request, and
	// may be nil. See Notification.
	Notify func(*Notification) error
}

// InheritFd is an element of criu's option --inherit-fd, such as "pipe:[ino]",
// "file[mnt:ino]", "tty[rdev:dev]", "extRootNetNS".
type InheritFd struct {
	Key  string
	File *os.File
}

// Files are those that criu must be started with: the arguments for Start.
func (r *Request) Files() []*os.File { return nil }

// Dump saves the tree of processes whose first is Opts.Pid.
func (p *Process) Dump(ctx context.Context, r *Request) error { return errors.ErrUnsupported }

// PreDump saves the memory of the tree, which goes on (SINGLE_PRE_DUMP). The kernel must
// track changes of memory: see Features.MemTrack.
func (p *Process) PreDump(ctx context.Context, r *Request) error { return errors.ErrUnsupported }

// Restore makes the processes of the images, and returns the pid of the first. It is a child
// of this program if Opts.RstSibling is set.
//
// If there is an error and the pid is not 0, criu has restored the processes
// nevertheless: the stage that Notify refused was one at which it cannot go back.
func (p *Process) Restore(ctx context.Context, r *Request) (pid int, err error) {
	return 0, errors.ErrUnsupported
}

// CPUInfoDump writes what the CPU can do into the images (cpuinfo.img).
func (p *Process) CPUInfoDump(ctx context.Context, r *Request) error { return errors.ErrUnsupported }

// CPUInfoCheck compares the CPU with what the images say.
func (p *Process) CPUInfoCheck(ctx context.Context, r *Request) error { return errors.ErrUnsupported }

// Dump is Start and [Process.Dump].
func (c *Criu) Dump(ctx context.Context, r *Request) error { return errors.ErrUnsupported }

// PreDump is Start and [Process.PreDump].
func (c *Criu) PreDump(ctx context.Context, r *Request) error { return errors.ErrUnsupported }

// Restore is Start and [Process.Restore].
func (c *Criu) Restore(ctx context.Context, r *Request) (pid int, err error) {
	return 0, errors.ErrUnsupported
}

// CPUInfoDump is Start and [Process.CPUInfoDump].
func (c *Criu) CPUInfoDump(ctx context.Context, r *Request) error { return errors.ErrUnsupported }

// CPUInfoCheck is Start and [Process.CPUInfoCheck].
func (c *Criu) CPUInfoCheck(ctx context.Context, r *Request) error { return errors.ErrUnsupported }

// Version asks criu for its version.
func (c *Criu) Version(ctx context.Context) (Version, error) {
	return Version{}, errors.ErrUnsupported
}

// Check lets criu look whether the kernel has all that it cannot do without.
func (c *Criu) Check(ctx context.Context) error { return errors.ErrUnsupported }
