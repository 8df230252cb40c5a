package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// underSupervision executes this program again with a filter by which a supervisor is
// asked about the system calls that can fail, and gets the listener on a socket. Only the
// thread that installs the filter has it, so that another one can send.
func underSupervision(socket int, args []string) error {
	runtime.LockOSThread()
	listeners, sent := make(chan int), make(chan error)
	go func() {
		fd := <-listeners
		sent <- unix.Sendmsg(socket, []byte{0}, unix.UnixRights(fd), nil, 0)
	}()
	fd, err := listen()
	if err != nil {
		return err
	}
	listeners <- fd
	if err := <-sent; err != nil {
		return fmt.Errorf("send the listener: %w", err)
	}
	return syscall.Exec("/proc/self/exe", append([]string{os.Args[0]}, args...), os.Environ())
}

// listen installs the filter.
func listen() (int, error) {
	statement := func(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }
	filter := []unix.SockFilter{statement(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, 0)}
	for _, number := range tested.Fallible() {
		filter = append(filter,
			unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: uint32(number)},
			statement(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_USER_NOTIF))
	}
	filter = append(filter, statement(unix.BPF_RET|unix.BPF_K, unix.SECCOMP_RET_ALLOW))
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	fd, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER|unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return -1, fmt.Errorf("seccomp: %w", errno)
	}
	return int(fd), nil
}

// fail makes the n-th system call from now on fail. With 0 none does. It gives how many
// there have been since the call before.
func fail(n int, errno syscall.Errno) int {
	count, _, _ := unix.Syscall6(unix.SYS_PRCTL, tested.FaultMark, uintptr(n), uintptr(errno), 0, 0, 0)
	return int(count)
}
