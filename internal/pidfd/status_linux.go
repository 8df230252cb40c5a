package pidfd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

var (
	// ErrStatusUnknown says that a process has ended and nobody can tell how.
	ErrStatusUnknown = errors.New("its exit status is not known")
	// ErrNotEnded says that a process has not ended.
	ErrNotEnded = errors.New("it has not ended")
)

// Status waits for the end of the process, and tells how it has ended.
func (p *Process) Status(ctx context.Context) (syscall.WaitStatus, error) {
	// A clone, so that a Close meanwhile does not take the answer away.
	clone := p.Clone()
	defer clone.Close()
	if err := clone.Await(ctx); err != nil {
		return 0, err
	}
	return clone.ExitStatus()
}

// ExitStatus tells how a process that has ended did so, whoever's child it is, and
// does not reap it. Of a child of this program waitid(2) tells, of any other zombie
// /proc/[pid]/stat, and of one that has been reaped the pidfd does since Linux 6.15
// (PIDFD_GET_INFO, commit 7477d7dce48a).
func (p *Process) ExitStatus() (syscall.WaitStatus, error) { return p.status(unix.WNOWAIT) }

// Reap is ExitStatus, and reaps the process if it is a child of this program. That
// another part of the program has reaped it before is no error where the status is
// known nevertheless. While somebody traces it (ptrace(2)) it cannot be reaped: then the
// error is ErrNotEnded.
func (p *Process) Reap() (syscall.WaitStatus, error) { return p.status(0) }

func (p *Process) status(options int) (syscall.WaitStatus, error) {
	desc := p.acquire()
	if desc == nil {
		return 0, fmt.Errorf("process %d had ended before this program looked for it: %w", p.Pid(), ErrStatusUnknown)
	}
	defer desc.release()
	status, err := desc.waitid(options)
	if errors.Is(err, ErrNotEnded) && options&unix.WNOWAIT == 0 {
		return 0, fmt.Errorf("reap process %d: %w", p.pid, err)
	}
	if err == nil || !errors.Is(err, unix.ECHILD) && !errors.Is(err, ErrNotEnded) {
		if err != nil {
			err = fmt.Errorf("exit status of process %d: %w", p.pid, err)
		}
		return status, err
	}
	// It is no child, or a zombie that its tracer has not let go (ptrace(2)).
	if status, ok := p.zombieStatus(); ok {
		return status, nil
	}
	if status, ok := desc.infoStatus(); ok {
		return status, nil
	}
	if ended, err := desc.ended(); err == nil && !ended {
		return 0, fmt.Errorf("exit status of process %d: %w", p.pid, ErrNotEnded)
	}
	return 0, fmt.Errorf("process %d has been reaped by its parent, and the kernel keeps no exit status before Linux 6.15: %w",
		p.pid, ErrStatusUnknown)
}

// childInfo is the part of siginfo_t that waitid(2) fills, on 64-bit machines.
type childInfo struct {
	signo, errno, code int32
	_                  int32
	pid                int32
	uid                uint32
	status             int32
	_                  [100]byte
}

// The codes of childInfo, see waitid(2).
const (
	childExited = 1 // CLD_EXITED
	childDumped = 3 // CLD_DUMPED
	coreFlag    = 0x80
)

// waitid gives the status of a child, ECHILD for a process that is none. It is asked
// for children of all threads, whatever signal tells their end (__WALL).
func (d *sharedFile) waitid(options int) (syscall.WaitStatus, error) {
	var info childInfo
	err := descriptor.Control(d.file, func(fd int) error {
		_, err := descriptor.Retry(func() (int, error) {
			return 0, unix.Waitid(unix.P_PIDFD, fd, (*unix.Siginfo)(unsafe.Pointer(&info)),
				unix.WEXITED|unix.WNOHANG|unix.WALL|options, nil)
		})
		return err
	})
	switch {
	case err != nil:
		return 0, err
	case info.pid == 0:
		return 0, ErrNotEnded
	case info.code == childExited:
		return syscall.WaitStatus(info.status << 8), nil
	case info.code == childDumped:
		return syscall.WaitStatus(info.status | coreFlag), nil
	}
	return syscall.WaitStatus(info.status), nil
}

// exitInfo is struct pidfd_info of <linux/pidfd.h> in its first size, which every
// kernel takes. It and the numbers stand here because golang.org/x/sys has them only
// in releases that ask for a newer Go than this module does.
type exitInfo struct {
	mask     uint64
	_        [13]uint32 // cgroupid, pid, tgid, ppid, and the ids of the process's user
	exitCode int32
}

const (
	pidfdGetInfo  = 3<<30 | uint(unsafe.Sizeof(exitInfo{}))<<16 | 0xff<<8 | 11 // _IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info)
	pidfdInfoExit = 1 << 3                                                     // PIDFD_INFO_EXIT
)

func (d *sharedFile) infoStatus() (syscall.WaitStatus, bool) {
	info := exitInfo{mask: pidfdInfoExit}
	err := descriptor.Control(d.file, func(fd int) error {
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(pidfdGetInfo), uintptr(unsafe.Pointer(&info))); errno != 0 {
			return errno
		}
		return nil
	})
	return syscall.WaitStatus(info.exitCode), err == nil && info.mask&pidfdInfoExit != 0
}

// zombieStatus reads /proc/[pid]/stat. The kernel shows others than root and the
// process's user a 0 for the status.
func (p *Process) zombieStatus() (syscall.WaitStatus, bool) {
	var st unix.Stat_t
	if err := unix.Stat(procFile(p.pid, ""), &st); err != nil {
		return 0, false
	}
	if uid := os.Geteuid(); uid != 0 && uid != int(st.Uid) {
		return 0, false
	}
	stat, err := ReadStat(p.pid)
	if err != nil || stat.State != 'Z' || stat.StartTime != p.start {
		return 0, false
	}
	return stat.ExitCode, true
}
