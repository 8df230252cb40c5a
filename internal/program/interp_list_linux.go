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
	in.incoming = 0
	e := in.readHeader()
	if e == 0 {
		e = in.mapList()
	}
	if e == 0 {
		e = in.readRest()
	}
	if e == 0 {
		e = in.relocate()
	}
	if e == 0 {
		e = in.takeFiles()
	}
	if e == 0 {
		e = in.enter()
	}
	if e == 0 {
		return again
	}
	in.unmapList()
	in.errno = uint32(e)
	return in.unread()
}

// unread is what becomes of it if there is no list to be read.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) unread() outcome {
	o := died
	if in.top != nil {
		op := (*rawOp)(pointer(in.top.base + headerSize + in.top.at*opSize))
		if o = in.tolerate(op); o == jumped {
			o = in.jump(op)
		}
	}
	if o == died {
		in.report()
	}
	return o
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

// mapList makes room for the list whose header has been read.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) mapList() syscall.Errno {
	base, _, e := syscall.RawSyscall6(unix.SYS_MMAP, 0, uintptr(in.header.size), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
	if e != 0 {
		return e
	}
	in.incoming = base
	*(*header)(pointer(base)) = in.header
	return 0
}

//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) unmapList() {
	if in.incoming != 0 {
		syscall.RawSyscall6(unix.SYS_MUNMAP, in.incoming, uintptr(in.header.size), 0, 0, 0, 0)
	}
}

// readHeader reads and checks a header, and the descriptors that come with it.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) readHeader() syscall.Errno {
	const flags = unix.MSG_CMSG_CLOEXEC | unix.MSG_WAITALL
	h, m := &in.header, &in.msg
	in.iov.Base, in.iov.Len = (*byte)(unsafe.Pointer(h)), headerSize
	m.Iov, m.Iovlen = &in.iov, 1
	var n uintptr
	for {
		m.Control, m.Controllen, m.Flags = (*byte)(unsafe.Pointer(&in.control)), maxControl, 0
		var e syscall.Errno
		n, _, e = syscall.RawSyscall6(unix.SYS_RECVMSG, in.args[0], uintptr(unsafe.Pointer(m)), flags, 0, 0, 0)
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
func (in *interpreter) readRest() syscall.Errno {
	size := uintptr(in.header.size)
	for have := uintptr(headerSize); have != size; {
		n, _, e := syscall.RawSyscall6(unix.SYS_READ, in.args[0], in.incoming+have, size-have, 0, 0, 0)
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
func (in *interpreter) relocate() syscall.Errno {
	base, size := in.incoming, uintptr(in.header.size)
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
func (in *interpreter) enter() syscall.Errno {
	to := &in.lists[0]
	if in.top != nil {
		if in.top == &in.lists[maxDepth] {
			return unix.EBADMSG
		}
		to = (*loaded)(unsafe.Add(unsafe.Pointer(in.top), unsafe.Sizeof(*to)))
	}
	to.base, to.size, to.ops, to.at = in.incoming, uintptr(in.header.size), uintptr(in.header.ops), 0
	in.top = to
	return 0
}
