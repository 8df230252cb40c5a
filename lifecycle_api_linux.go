// The API on Linux: what a container can do beyond the classic interface, as an interface.

package libcontainer

import (
	"context"
	"os"
	"syscall"
)

// LinuxContainer is what an Instance can do, as an interface, for programs that have
// written against one:
//
//	c := container.(libcontainer.LinuxContainer)
//
// From gives the Instance itself, whose methods say what they do. It is a separate
// interface because Container is frozen; it may grow, so implement it only by embedding
// one.
type LinuxContainer interface {
	Container

	StartContext(ctx context.Context, process *Process) error
	Prepare(ctx context.Context, process *Process) error
	Release(ctx context.Context) error
	Wait(ctx context.Context) (syscall.WaitStatus, error)
	WaitProcess(ctx context.Context, pid int) (syscall.WaitStatus, error)
	StartedProcesses() []*Process
	SignalAll(s os.Signal) error
	OOMKills() (uint64, error)
	CheckpointContext(ctx context.Context, opts *CriuOpts) error
	RestoreContext(ctx context.Context, process *Process, opts *CriuOpts) error
	Record() ([]byte, error)
	SetRecord(ctx context.Context, record []byte) error
	DestroyContext(ctx context.Context) error
}

var _ LinuxContainer = (*Instance)(nil)
