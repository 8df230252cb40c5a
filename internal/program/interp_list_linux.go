package program

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxControl is room for the descriptors that come with a list: CMSG_SPACE.
const maxControl = 16 + 4*MaxFiles

// control is the control message of the descriptors, and them.
type control struct {
	len         uint64
	level, kind int32
	files       [MaxFiles]int32
}

var _ [maxControl]byte = [unsafe.Sizeof(control{})]byte{}

// next reads a list from the descriptor that is the first argument, and enters it. If
// that fails, it is the failure of the operation that has read, or, for the first
// list, of all.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) next() outcome {
	if e := in.read(in.args[0]); e != 0 {
		in.errno = uint32(e)
		if in.top != nil {
			op := (*rawOp)(pointer(in.top.base + headerSize + in.top.at*opSize))
			o := in.tolerate(op)
			if o == jumped {
				o = in.jump(op)
			}
			if o != died {
				return o
			}
		}
		in.report()
		return died
	}
	return again
}

// leave goes back to the list that has read this one.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) leave() outcome {
	l := in.top
	if l == &in.lists[0] {
		if in.child {
			exit(0)
		}
		return returned
	}
	in.top = (*loaded)(unsafe.Add(unsafe.Pointer(l), -int(unsafe.Sizeof(*l))))
	syscall.RawSyscall6(unix.SYS_MUNMAP, l.base, l.size, 0, 0, 0, 0)
	l.size = 0
	in.top.at++
	return again
}

// read reads a list and makes it the one that is executed.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) read(fd uintptr) syscall.Errno {
	if e := in.readHeader(fd); e != 0 {
		return e
	}
	size := uintptr(in.header.size)
	base, _, e := syscall.RawSyscall6(unix.SYS_MMAP, 0, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
	if e != 0 {
		return e
	}
	*(*header)(pointer(base)) = in.header
	e = in.readRest(fd, base, size)
	if e == 0 {
		e = in.relocate(base, size)
	}
	if e == 0 {
		e = in.takeFiles()
	}
	if e == 0 {
		e = in.enter(base, size)
	}
	if e != 0 {
		syscall.RawSyscall6(unix.SYS_MUNMAP, base, size, 0, 0, 0, 0)
	}
	return e
}

// readHeader reads and checks a header, and the descriptors that come with it.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) readHeader(fd uintptr) syscall.Errno {
	const flags = unix.MSG_CMSG_CLOEXEC | unix.MSG_WAITALL
	h, m := &in.header, &in.msg
	in.iov.Base, in.iov.Len = (*byte)(unsafe.Pointer(h)), headerSize
	m.Iov, m.Iovlen = &in.iov, 1
	var n uintptr
	for {
		m.Control, m.Controllen, m.Flags = (*byte)(unsafe.Pointer(&in.control)), maxControl, 0
		var e syscall.Errno
		n, _, e = syscall.RawSyscall6(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(m)), flags, 0, 0, 0)
		if e == 0 {
			break
		}
		if e != unix.EINTR {
			return e
		}
	}
	if n == 0 {
		return unix.EPIPE
	}
	if n != headerSize || m.Flags&unix.MSG_CTRUNC != 0 || h.kind != MsgType ||
		h.size > maxSize || h.ops > maxOps || h.relocs > maxRelocs ||
		headerSize+opSize*uint64(h.ops)+4*uint64(h.relocs) > uint64(h.size) {
		return unix.EBADMSG
	}
	return 0
}

//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) readRest(fd, base, size uintptr) syscall.Errno {
	for have := uintptr(headerSize); have != size; {
		n, _, e := syscall.RawSyscall6(unix.SYS_READ, fd, base+have, size-have, 0, 0, 0)
		switch {
		case e == unix.EINTR:
		case e != 0:
			return e
		case n == 0:
			return unix.EPIPE
		default:
			have += n
		}
	}
	return 0
}

// relocate makes the offsets that are told pointers. None is in the header, which has
// been checked.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) relocate(base, size uintptr) syscall.Errno {
	table := base + headerSize + opSize*uintptr(in.header.ops)
	for end := table + 4*uintptr(in.header.relocs); table != end; table += 4 {
		at := uintptr(*(*uint32)(pointer(table)))
		if at < headerSize || at+8 > size {
			return unix.EBADMSG
		}
		*(*uint64)(pointer(base + at)) += uint64(base)
	}
	return 0
}

// takeFiles puts the descriptors into their registers.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) takeFiles() syscall.Errno {
	n, first := uint64(in.header.files), uint64(in.header.reg)
	if n == 0 {
		return 0
	}
	c := &in.control
	if n > MaxFiles || in.msg.Controllen < 16 || c.len != 16+4*n || c.level != unix.SOL_SOCKET ||
		c.kind != unix.SCM_RIGHTS || first+n > registers {
		return unix.EBADMSG
	}
	for i := uint64(0); i < n; i++ {
		in.regs[(first+i)%registers] = uint64(c.files[i%MaxFiles])
	}
	return 0
}

//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) enter(base, size uintptr) syscall.Errno {
	to := &in.lists[0]
	if in.top != nil {
		if in.top == &in.lists[maxDepth] {
			return unix.EBADMSG
		}
		to = (*loaded)(unsafe.Add(unsafe.Pointer(in.top), unsafe.Sizeof(*to)))
	}
	to.base, to.size, to.ops, to.at = base, size, uintptr(in.header.ops), 0
	in.top = to
	return 0
}
