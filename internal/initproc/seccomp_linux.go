// The container's side: the seccomp filter, and execve(2) right after it.
//
// From the moment the filter is installed, every system call of this thread is the
// profile's to refuse, and the profile is for the user's program and not for us. So
// execve is the only one that follows: all else has been done before. In particular
//
//   - no signal is handled any more, which would need rt_sigreturn(2): all handlers
//     are reset, as execve would do;
//   - nothing is allocated and no stack grown in between;
//   - the capabilities are not changed, see heldCapabilities;
//   - the descriptor of a listener is sent by another thread, without the filter.
//
// If execve fails, the exit status says why, and if exit_group(2) is refused as well,
// a fault ends the process.

package initproc

import (
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Filter is a compiled seccomp filter. The zero value is none.
type Filter struct {
	// Program is an array of struct sock_filter.
	Program []byte

	// Flags are those of SECCOMP_SET_MODE_FILTER, see seccomp(2).
	Flags uint64

	// Notify tells that the filter has a listener, whose descriptor the host gets
	// after a frame of KindListener, and to which it answers with KindGo.
	Notify bool

	// KillsThread tells that the filter may end this thread alone. It is to end
	// the process then, whose other threads are not the program's.
	KillsThread bool
}

func (f *Filter) none() bool { return len(f.Program) == 0 }

// Exit statuses of an init whose filter is installed. Those up to maxErrnoStatus are
// the errno of execve.
const (
	maxErrnoStatus     = 199
	statusListener     = 201
	statusExecReturned = 202
	statusThreadKilled = 203
)

// ExecError tells what the exit status of an init that has not become the program
// says.
func ExecError(status int) error {
	switch {
	case status == statusListener:
		return errors.New("the listener could not be sent to the host")
	case status == statusExecReturned:
		return errors.New("the seccomp filter made execve return without an error")
	case status == statusThreadKilled:
		return fmt.Errorf("the seccomp filter killed the thread: %w", errKilled)
	case status > 0 && status <= maxErrnoStatus:
		return syscall.Errno(status)
	}
	return fmt.Errorf("init ended with status %d", status)
}

var errKilled = errors.New("signal: bad system call")

// heldCapabilities are those with which execve is called. Without no_new_privs it
// takes CAP_SYS_ADMIN to install a filter (seccomp(2)). To give it up afterwards would
// need capset(2), which the filter may refuse; and it need not be given up, because
// execve computes the program's capabilities without regard to the permitted and
// effective ones of its caller (capabilities(7), "Transformation of capabilities
// during execve"): only with no_new_privs do they limit what a file grants.
func (c *Config) heldCapabilities() CapabilityMasks {
	m := c.Capabilities
	if !c.Filter.none() && !c.Container.NoNewPrivileges {
		m.Permitted |= 1 << unix.CAP_SYS_ADMIN
		m.Effective |= 1 << unix.CAP_SYS_ADMIN
	}
	return m
}

// lastCalls are the system calls from the filter to the program.
type lastCalls struct {
	flags  uintptr
	filter *unix.SockFprog
	path   *byte
	argv   **byte
	envv   **byte

	// alive is reset by the kernel when the main thread ends, see
	// set_tid_address(2). execve ends the helper before.
	alive atomic.Uint32

	// listener is the descriptor and one, sent what has become of it.
	notify         bool
	listener, sent uintptr

	nowhere *byte // nil
}

const (
	noListener = ^uintptr(0)

	sentOK     = 1
	sentFailed = 2
)

// execFiltered installs the filter and becomes the program. It returns only if the
// filter could not be installed.
func execFiltered(p pipe, f *Filter, name string, args, env []string) error {
	l, err := newLastCalls(f, name, args, env)
	if err != nil {
		return err
	}
	// Restores the soft limit of open files that Go's runtime raised, unless
	// setRlimits has set it. There is no other way to that in package syscall.
	if err := syscall.Exec("", nil, nil); !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("restore the limit of open files: %w", err)
	}
	if f.Notify || f.KillsThread {
		if err := l.startHelper(p); err != nil {
			return err
		}
	}
	if err := resetSignals(); err != nil {
		return err
	}
	errno := l.run()
	atomic.StoreUintptr(&l.listener, noListener)
	return fmt.Errorf("install the seccomp filter of %d instructions with flags %#x: %w", l.filter.Len, f.Flags, errno)
}

func newLastCalls(f *Filter, name string, args, env []string) (*lastCalls, error) {
	path, err := unix.BytePtrFromString(name)
	if err != nil {
		return nil, invalidError{fmt.Errorf("exec %q: %w", name, err)}
	}
	argv, err := syscall.SlicePtrFromStrings(args)
	if err != nil {
		return nil, invalidError{fmt.Errorf("arguments of %s: %w", name, err)}
	}
	envv, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return nil, invalidError{fmt.Errorf("environment of %s: %w", name, err)}
	}
	return &lastCalls{
		flags: uintptr(f.Flags),
		filter: &unix.SockFprog{
			Len:    uint16(len(f.Program) / unix.SizeofSockFilter),
			Filter: (*unix.SockFilter)(unsafe.Pointer(&f.Program[0])),
		},
		path:   path,
		argv:   &argv[0],
		envv:   &envv[0],
		notify: f.Notify,
	}, nil
}

// run returns only when the filter could not be installed.
//
//go:nosplit
//go:norace
func (l *lastCalls) run() syscall.Errno {
	fd, _, errno := syscall.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, l.flags, uintptr(unsafe.Pointer(l.filter)))
	if errno != 0 {
		return errno
	}
	if l.notify {
		storeWord(&l.listener, fd+1)
		for loadWord(&l.sent) == 0 {
		}
		if loadWord(&l.sent) != sentOK {
			l.exit(statusListener)
		}
	}
	_, _, errno = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(l.path)),
		uintptr(unsafe.Pointer(l.argv)), uintptr(unsafe.Pointer(l.envv)))
	switch {
	case errno == 0:
		l.exit(statusExecReturned)
	case errno > maxErrnoStatus:
		l.exit(maxErrnoStatus)
	}
	l.exit(uintptr(errno))
	return 0
}

// loadWord and storeWord are what package sync/atomic does to a word, without the
// race detector, which makes system calls of its own. Nothing else is ordered by
// these words; that they are functions keeps the compiler from remembering one.
//
//go:nosplit
//go:norace
//go:noinline
func loadWord(p *uintptr) uintptr { return *p }

//go:nosplit
//go:norace
//go:noinline
func storeWord(p *uintptr, v uintptr) { *p = v }

//go:nosplit
//go:norace
func (l *lastCalls) exit(status uintptr) {
	_, _, _ = syscall.RawSyscall(unix.SYS_EXIT_GROUP, status, 0, 0)
	*l.nowhere = 0
}

// startHelper starts the thread that does what the main thread may not do.
func (l *lastCalls) startHelper(p pipe) error {
	runtime.GOMAXPROCS(2) // both are to run at once
	l.alive.Store(1)
	if _, _, errno := unix.RawSyscall(unix.SYS_SET_TID_ADDRESS, uintptr(unsafe.Pointer(&l.alive)), 0, 0); errno != 0 {
		return fmt.Errorf("set_tid_address: %w", errno)
	}
	running := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(running)
		l.help(p)
	}()
	<-running
	return nil
}

func (l *lastCalls) help(p pipe) {
	if l.notify {
		fd := l.awaitListener()
		if fd < 0 {
			return
		}
		if err := passListener(p, fd); err != nil {
			atomic.StoreUintptr(&l.sent, sentFailed)
		} else {
			atomic.StoreUintptr(&l.sent, sentOK)
		}
	}
	for l.alive.Load() != 0 {
		const futexWait = 0
		_, _, _ = unix.Syscall6(unix.SYS_FUTEX, uintptr(unsafe.Pointer(&l.alive)), futexWait, 1, 0, 0, 0)
	}
	unix.Exit(statusThreadKilled)
}

// awaitListener spins, since the main thread cannot wake us: futex(2) may be refused.
// That takes as long as the kernel needs to install a filter.
func (l *lastCalls) awaitListener() int {
	for {
		switch fd := atomic.LoadUintptr(&l.listener); fd {
		case 0:
			_, _, _ = unix.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0)
		case noListener:
			return -1
		default:
			return int(fd - 1)
		}
		if l.alive.Load() == 0 {
			return -1
		}
	}
}

// passListener returns when the host has given the descriptor to the agent.
func passListener(p pipe, fd int) error {
	if err := WriteFrame(p, KindListener, nil); err != nil {
		return err
	}
	if err := p.sendFile(fd); err != nil {
		return err
	}
	return waitGo(p)
}

// resetSignals resets the handlers of Go's runtime to the default, as execve does. What
// is ignored stays so.
func resetSignals() error {
	// struct sigaction of the kernel: handler, flags, restorer, mask.
	type action [4]uint64
	const (
		ignored = 1 // SIG_IGN
		highest = 64
	)
	for sig := uintptr(1); sig <= highest; sig++ {
		if sig == uintptr(unix.SIGKILL) || sig == uintptr(unix.SIGSTOP) {
			continue
		}
		var byDefault, old action
		if err := sigaction(sig, unsafe.Pointer(&byDefault), unsafe.Pointer(&old)); err != nil {
			return fmt.Errorf("reset signal %d: %w", sig, err)
		}
		if old[0] != ignored {
			continue
		}
		if err := sigaction(sig, unsafe.Pointer(&old), nil); err != nil {
			return fmt.Errorf("ignore signal %d again: %w", sig, err)
		}
	}
	return nil
}

func sigaction(sig uintptr, act, old unsafe.Pointer) error {
	if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(act), uintptr(old), 8, 0, 0); errno != 0 {
		return errno
	}
	return nil
}
