package program

import (
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxMaps is how many mappings of the lists' there can be.
const maxMaps = 32

// mapping is memory that a list has mapped.
type mapping struct {
	base, size uintptr
	access     uintptr // PROT_READ, PROT_WRITE; none if a load could fault
}

// signals is what clone needs.
type signals struct {
	all, before uint64
	byDefault   [4]uint64 // struct sigaction of the kernel: handler, flags, restorer, mask
	old         [4]uint64
}

// classify says what is to be done for a system call.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) classify() outcome {
	const fork, vfork = 57, 58
	switch in.number {
	case unix.SYS_CLONE3:
		return clones
	case unix.SYS_MMAP:
		return maps
	case unix.SYS_MUNMAP:
		return unmaps
	case unix.SYS_EXIT: // of the only thread, the lists think
		in.number = unix.SYS_EXIT_GROUP
	case unix.SYS_CLONE, unix.SYS_RT_SIGRETURN, unix.SYS_MPROTECT, unix.SYS_MREMAP:
		return in.fail(unix.ENOSYS)
	case fork, vfork:
		if runtime.GOARCH == "amd64" {
			return in.fail(unix.ENOSYS)
		}
	}
	return calls
}

// call is a system call.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) call() outcome {
	a := &in.args
	r, _, e := syscall.RawSyscall6(in.number, a[0], a[1], a[2], a[3], a[4], a[5])
	if in.number == unix.SYS_EXIT_GROUP { // a filter refuses it
		fault()
	}
	in.result = uint64(r)
	switch {
	case e == 0:
		return stored
	case e != unix.EINTR:
		return in.fail(e)
	case in.number == unix.SYS_CLOSE:
		in.result = 0
		return stored
	}
	return again
}

//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) fail(e syscall.Errno) outcome {
	in.errno = uint32(e)
	return failed
}

// checkClone refuses what is no process of its own.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) checkClone() outcome {
	const (
		// Of struct clone_args, clone3(2): its first version, and words of it.
		size                   = 64
		flags, stack, stackLen = 0, 5, 6
		refused                = unix.CLONE_VM | unix.CLONE_SETTLS
	)
	if in.args[1] < size {
		return in.fail(unix.EINVAL)
	}
	if !in.may(in.args[0], size, unix.PROT_READ) {
		return in.fail(unix.EFAULT)
	}
	args := (*[size / 8]uint64)(pointer(in.args[0]))
	if args[flags]&refused != 0 || args[stack] != 0 || args[stackLen] != 0 {
		return in.fail(unix.EINVAL)
	}
	return calls
}

// clone makes a process that goes on with the list, as this one does. No handler of
// Go's may run in it: the signals are blocked until it has none.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) clone() outcome {
	r, _, e := syscall.RawSyscall6(unix.SYS_CLONE3, in.args[0], in.args[1], 0, 0, 0, 0)
	switch e {
	case 0:
		in.result = uint64(r)
		return stored
	case unix.EINTR:
		return again
	}
	return in.fail(e)
}

const setMask = 2 // SIG_SETMASK

//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) blockSignals() {
	in.clean.all = ^uint64(0)
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&in.clean.all)),
		uintptr(unsafe.Pointer(&in.clean.before)), 8, 0, 0)
}

//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) restoreSignals() {
	syscall.RawSyscall6(unix.SYS_RT_SIGPROCMASK, setMask, uintptr(unsafe.Pointer(&in.clean.before)), 0, 8, 0, 0)
}

// resetSignals gives the signals that Go handles their default actions. What is
// ignored stays so.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) resetSignals() {
	const ignored, last = 1, 64 // SIG_IGN, _NSIG
	for sig := uintptr(1); sig <= last; sig++ {
		in.clean.old[0] = 0
		syscall.RawSyscall6(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&in.clean.old)), 8, 0, 0)
		if in.clean.old[0] > ignored {
			syscall.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&in.clean.byDefault)), 0, 8, 0, 0)
		}
	}
}

// mmap remembers what it maps.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) mmap() outcome {
	a := &in.args
	var free *mapping
	for i := range in.maps {
		if m := &in.maps[i]; m.size == 0 {
			free = m
			break
		}
	}
	if free == nil {
		return in.fail(unix.ENOMEM)
	}
	if a[3]&unix.MAP_FIXED != 0 {
		return in.fail(unix.EINVAL)
	}
	r, _, e := syscall.RawSyscall6(unix.SYS_MMAP, a[0], a[1], a[2], a[3], a[4], a[5])
	if e != 0 {
		return in.fail(e)
	}
	free.base, free.size, free.access = r, a[1], 0
	// A file may have less than is mapped.
	if a[3]&unix.MAP_ANONYMOUS != 0 {
		free.access = a[2]
	}
	in.result = uint64(r)
	return stored
}

//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) munmap() outcome {
	for i := range in.maps {
		m := &in.maps[i]
		if m.size == 0 || m.base != in.args[0] || m.size != in.args[1] {
			continue
		}
		if _, _, e := syscall.RawSyscall6(unix.SYS_MUNMAP, m.base, m.size, 0, 0, 0, 0); e != 0 {
			return in.fail(e)
		}
		m.size = 0
		in.result = 0
		return stored
	}
	return in.fail(unix.EINVAL)
}

// may tells whether n bytes of memory are the lists'.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) may(addr, n, access uintptr) bool {
	for i := range in.lists {
		l := &in.lists[i]
		if inside(addr, n, l.base, l.size) {
			return true
		}
		if l == in.top {
			break
		}
	}
	for i := range in.maps {
		m := &in.maps[i]
		if m.access&access != 0 && inside(addr, n, m.base, m.size) {
			return true
		}
	}
	return inside(addr, n, in.shared.Base, in.shared.Size)
}

//go:nosplit
//go:norace
//go:nocheckptr
func inside(addr, n, base, size uintptr) bool {
	return addr >= base && n <= size && addr-base <= size-n
}

//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) load() outcome {
	addr, n := in.args[0], in.args[1]
	if n != 1 && n != 2 && n != 4 && n != 8 {
		return in.fail(unix.EBADMSG)
	}
	if !in.may(addr, n, unix.PROT_READ) {
		return in.fail(unix.EFAULT)
	}
	p := pointer(addr)
	switch n {
	case 1:
		in.result = uint64(*(*uint8)(p))
	case 2:
		in.result = uint64(*(*uint16)(p))
	case 4:
		in.result = uint64(*(*uint32)(p))
	default:
		in.result = *(*uint64)(p)
	}
	return stored
}

//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) store() outcome {
	addr, v, n := in.args[0], in.args[1], in.args[2]
	if n != 1 && n != 2 && n != 4 && n != 8 {
		return in.fail(unix.EBADMSG)
	}
	if !in.may(addr, n, unix.PROT_WRITE) {
		return in.fail(unix.EFAULT)
	}
	p := pointer(addr)
	switch n {
	case 1:
		*(*uint8)(p) = uint8(v)
	case 2:
		*(*uint16)(p) = uint16(v)
	case 4:
		*(*uint32)(p) = uint32(v)
	default:
		*(*uint64)(p) = uint64(v)
	}
	return onward
}
