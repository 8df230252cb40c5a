// The API on Linux: what a container can do beyond the classic interface.

package libcontainer

import (
	"context"
	"os"
	"syscall"
)

// LinuxContainer is what every Container that a LinuxFactory returns is, besides:
//
//	c := container.(libcontainer.LinuxContainer)
//
// It is a separate interface because Container is frozen; it may grow, so
// implement it only by embedding one. All methods are safe for concurrent use.
//
// Errors that come from the end of a context wrap its cause, so that errors.Is
// finds context.Canceled or context.DeadlineExceeded.
type LinuxContainer interface {
	Container

	// StartContext is Start until ctx ends: then what has been started of the
	// process is killed and removed, and ctx's error returned. Once it has
	// returned, ctx has no effect on the process.
	StartContext(ctx context.Context, process *Process) error

	// Prepare brings the container's initial process up to just before execve(2)
	// of the user's program, as create of the OCI runtime specification does.
	// The namespaces, mounts and cgroups are there, prestart, createRuntime and
	// createContainer hooks have run, and the container stays Created until
	// Release, which any process may call that Loads it. Wait, Signal and Destroy
	// work as with a process that has been started.
	//
	// errors: those of Start, and ContainerNotStopped - the container runs.
	Prepare(ctx context.Context, process *Process) error

	// Release makes the prepared process run its program. It runs the
	// startContainer hooks before and the poststart hooks after that. If it
	// fails, or ctx ends before the program runs, the process is killed and the
	// container is as after Create.
	//
	// errors:
	// ContainerNotExists - Container no longer exists,
	// ContainerNotRunning - there is no prepared process,
	// SystemError - System error.
	Release(ctx context.Context) error

	// Wait waits until the container's initial process has ended, and returns
	// how. That works also if another process has started it: then the kernel
	// must be Linux 6.15 or newer, unless the process's parent has not waited for
	// it yet. It does not reap the process, which Process.Wait and Destroy do. Output
	// may still be in the pipes, see Process.Wait.
	//
	// errors:
	// ContainerNotExists - Container no longer exists,
	// ContainerNotRunning - no process has been started,
	// StatusUnknown - the process has ended, but nobody knows how,
	// SystemError - System error; ctx has ended.
	Wait(ctx context.Context) (syscall.WaitStatus, error)

	// WaitProcess is Wait for any process of the container, by its pid as
	// Processes gives it.
	//
	// errors: those of Wait; ContainerNotRunning - the container has no process
	// of that pid.
	WaitProcess(ctx context.Context, pid int) (syscall.WaitStatus, error)

	// StartedProcesses returns the processes besides the initial one that this
	// object has started and that have not ended, by their pids.
	StartedProcesses() []*Process

	// SignalAll sends the signal to all processes of the container that are
	// there at this moment; SIGKILL also to those that they fork meanwhile. Without a
	// pid namespace of its own there may be some when its initial process has ended.
	//
	// errors:
	// ContainerNotRunning - the container has no process,
	// SystemError - System error.
	SignalAll(s os.Signal) error

	// OOMKills returns how many processes of the container the kernel has killed for
	// want of memory, the container's or the machine's, since its cgroups were made:
	// oom_kill of the kernel's documents cgroup-v1/memory (Linux 4.13), where kills in a
	// sub-cgroup count until that is removed, and admin-guide/cgroup-v2. It can be
	// asked until the container is destroyed, so after Wait, too, to know why a process
	// was killed. A container that has not been started has 0. systemd
	// removes a container's cgroups, with what they have counted, when its last process
	// ends; then only NotifyOOM, which has counted before, can tell.
	//
	// errors:
	// ContainerNotExists - Container no longer exists,
	// SystemError - System error; the container has no memory cgroup (any more),
	// with errors.ErrUnsupported if the kernel does not count.
	OOMKills() (uint64, error)

	// CheckpointContext is Checkpoint until ctx ends: then the container goes on as if
	// nothing had been.
	CheckpointContext(ctx context.Context, opts *CriuOpts) error

	// RestoreContext is Restore until ctx ends: then nothing is left of it. Once it has
	// returned, ctx has no effect on the process.
	RestoreContext(ctx context.Context, process *Process, opts *CriuOpts) error

	// Record returns the record that LinuxFactory.CreateWithRecord or SetRecord has kept
	// with the container; nil if there is none. It takes no lock, and so answers also
	// while the container is started or destroyed.
	//
	// errors:
	// ContainerNotExists - Container no longer exists,
	// SystemError - System error.
	Record() ([]byte, error)

	// SetRecord replaces the record as a whole: who reads it gets the old one or the
	// new one. Calls of several programs come one after the other, and after a start
	// that is under way.
	//
	// errors:
	// ContainerNotExists - Container no longer exists,
	// SystemError - System error; ctx has ended.
	SetRecord(ctx context.Context, record []byte) error

	// DestroyContext is Destroy until ctx ends. What has been killed and removed
	// until then stays so, and Destroy can be called again.
	DestroyContext(ctx context.Context) error
}

var _ LinuxContainer = (*linuxContainer)(nil)
