// The host's side: references to processes that no later process of the same pid
// can take over, see pidfd_open(2).

package libcontainer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// initRef is a reference to a process, the init of a container above all. A nil
// one is to no process.
type initRef struct {
	pid   int
	start string // field 22 of /proc/[pid]/stat
	pidfd int    // -1: the process has been reaped

	cleanup runtime.Cleanup // of a handle that nobody destroys
}

func refTo(pid int, start string, pidfd int) *initRef {
	r := &initRef{pid: pid, start: start, pidfd: pidfd}
	r.cleanup = runtime.AddCleanup(r, func(fd int) { unix.Close(fd) }, pidfd)
	return r
}

// newInitRef makes a reference to a process that runs, or is an unreaped child.
func newInitRef(pid int) (*initRef, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, fmt.Errorf("pidfd_open process %d: %w", pid, err)
	}
	start, err := startTime(pid)
	if err != nil {
		unix.Close(pidfd)
		return nil, err
	}
	return refTo(pid, start, pidfd), nil
}

// findInit makes a reference to the process that a state file names. If the pid
// has gone, or belongs to another process now, the reference is to a dead one.
func findInit(pid int, start string) (*initRef, error) {
	dead := &initRef{pid: pid, start: start, pidfd: -1}
	ref, err := newInitRef(pid)
	if noProcess(err) || errors.Is(err, unix.EINVAL) {
		return dead, nil
	}
	if err != nil {
		return nil, err
	}
	if ref.start != start {
		ref.close()
		return dead, nil
	}
	return ref, nil
}

func noProcess(err error) bool {
	return errors.Is(err, unix.ESRCH) || errors.Is(err, os.ErrNotExist)
}

// alive tells whether the process runs; a zombie does not.
func (r *initRef) alive() (bool, error) {
	defer runtime.KeepAlive(r)
	if r == nil || r.pidfd < 0 {
		return false, nil
	}
	ended, err := hasEnded(r.pidfd)
	if err != nil {
		return false, fmt.Errorf("poll pidfd of process %d: %w", r.pid, err)
	}
	return !ended, nil
}

// ended tells whether the process is known to have ended.
func (r *initRef) ended() bool {
	alive, err := r.alive()
	return err == nil && !alive
}

// ending tells whether the process has ended, or is about to: the kernel takes its
// namespaces from a process before its pidfd tells the end, for which the first
// process of a pid namespace waits until all others have ended.
func (r *initRef) ending() bool {
	if r == nil || r.pidfd < 0 {
		return true
	}
	_, err := os.Readlink(procFile(r.pid, "ns/mnt"))
	return r.ended() || noProcess(err) // in this order, for another process may have got its pid
}

// kill sends a signal; that the process has ended already is no error.
func (r *initRef) kill(sig unix.Signal) error {
	defer runtime.KeepAlive(r)
	if r == nil || r.pidfd < 0 {
		return nil
	}
	err := unix.PidfdSendSignal(r.pidfd, sig, nil, 0)
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send signal %d to process %d: %w", sig, r.pid, err)
	}
	return nil
}

// file returns a copy of the pidfd, nil if the process has been reaped. The copy
// is one that waits in the runtime's poller and knows deadlines.
func (r *initRef) file() (*os.File, error) {
	defer runtime.KeepAlive(r)
	if r == nil || r.pidfd < 0 {
		return nil, nil
	}
	fd, err := unix.FcntlInt(uintptr(r.pidfd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("duplicate pidfd of process %d: %w", r.pid, err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("make pidfd of process %d non-blocking: %w", r.pid, err)
	}
	return os.NewFile(uintptr(fd), "pidfd"), nil
}

// await blocks until the process has ended, without reaping it, or the context
// has.
func (r *initRef) await(ctx context.Context) error {
	pidfd, err := r.file()
	if err != nil || pidfd == nil {
		return err
	}
	defer pidfd.Close()
	return awaitExit(ctx, pidfd)
}

func (r *initRef) close() {
	if r != nil && r.pidfd >= 0 {
		r.cleanup.Stop()
		unix.Close(r.pidfd)
		r.pidfd = -1
	}
}

// openNamespace opens a namespace of a process; nil if that has ended or is ending.
func openNamespace(ref *initRef, t configs.NamespaceType) (*os.File, error) {
	alive, err := ref.alive()
	if err != nil || !alive {
		return nil, err
	}
	namespace := configs.Namespace{Type: t}
	ns, err := os.Open(namespace.GetPath(ref.pid))
	if err != nil {
		if ref.ending() {
			return nil, nil
		}
		return nil, fmt.Errorf("open a namespace of the container: %w", err)
	}
	// Another process may have got its pid: then it is dead now.
	if alive, err := ref.alive(); err != nil || !alive {
		ns.Close()
		return nil, err
	}
	return ns, nil
}

// awaitExit waits, in the runtime's poller, for the end of a process.
func awaitExit(ctx context.Context, pidfd *os.File) error {
	conn, err := pidfd.SyscallConn()
	if err != nil {
		return fmt.Errorf("wait on pidfd: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = pidfd.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var pollErr error
	err = conn.Read(func(fd uintptr) bool {
		var ended bool
		ended, pollErr = hasEnded(int(fd))
		return ended || pollErr != nil
	})
	switch {
	case ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded):
		return context.Cause(ctx)
	case err != nil:
		return fmt.Errorf("wait on pidfd: %w", err)
	case pollErr != nil:
		return fmt.Errorf("poll pidfd: %w", pollErr)
	}
	return nil
}

// hasEnded tells whether the process of a pidfd has ended: then it is readable.
func hasEnded(pidfd int) (bool, error) {
	fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, 0)
		if !errors.Is(err, unix.EINTR) {
			return n > 0, err
		}
	}
}

// exitStatus tells how a process that has ended did so, whoever's child it is.
// Of a zombie /proc/[pid]/stat tells; of one that has been reaped the pidfd does
// since Linux 6.15 (PIDFD_GET_INFO, commit 7477d7dce48a).
func exitStatus(r *initRef, pidfd *os.File) (syscall.WaitStatus, error) {
	if status, ok := zombieStatus(r); ok {
		return status, nil
	}
	conn, err := pidfd.SyscallConn()
	if err != nil {
		return 0, fmt.Errorf("exit status by pidfd: %w", err)
	}
	info := unix.PidfdInfo{Mask: unix.PIDFD_INFO_EXIT}
	var infoErr error
	if err := conn.Control(func(fd uintptr) { infoErr = unix.IoctlPidfdInfo(int(fd), &info) }); err != nil {
		return 0, fmt.Errorf("exit status by pidfd: %w", err)
	}
	if infoErr == nil && info.Mask&unix.PIDFD_INFO_EXIT != 0 {
		return syscall.WaitStatus(info.Exit_code), nil
	}
	return 0, errorf(StatusUnknown, "process %d has been reaped by its parent, and the kernel keeps no exit status before Linux 6.15", r.pid)
}

// zombieStatus reads fields 3, 22 and 52 of /proc/[pid]/stat (proc_pid_stat(5)):
// state, start time and exit status. The kernel shows others than root and the
// process's user a 0 for the last one.
func zombieStatus(r *initRef) (syscall.WaitStatus, bool) {
	var st unix.Stat_t
	if err := unix.Stat(procFile(r.pid, ""), &st); err != nil {
		return 0, false
	}
	if uid := os.Geteuid(); uid != 0 && uid != int(st.Uid) {
		return 0, false
	}
	fields, err := statFields(r.pid)
	if err != nil || fields(3) != "Z" || fields(22) != r.start {
		return 0, false
	}
	status, err := strconv.ParseInt(fields(52), 10, 32)
	return syscall.WaitStatus(status), err == nil
}

// startTime reads field 22 of /proc/[pid]/stat (proc_pid_stat(5)).
func startTime(pid int) (string, error) {
	field, err := statFields(pid)
	if err != nil {
		return "", fmt.Errorf("read start time of process %d: %w", pid, err)
	}
	return field(22), nil
}

// statFields reads /proc/[pid]/stat and returns what gives its fields by their
// number in the manual page. The second field, the command's name, may hold
// anything; the last ')' ends it.
func statFields(pid int) (func(int) string, error) {
	const afterName, count = 3, 52
	name := procFile(pid, "stat")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < count-afterName+1 {
		return nil, fmt.Errorf("%s has %d fields after the name", name, len(fields))
	}
	return func(n int) string { return fields[n-afterName] }, nil
}
