package program

import (
	"errors"
	"fmt"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The interpreter in Go, for a process in which Go has booted. It does what the
// assembly in package image does.
//
// A list may clone: the child goes on with it up to an execve or exit_group, and a
// child of a Go process has one thread, no scheduler, and whatever locks other
// threads held. So everything from [interpreter.run] downwards
//
//   - is nosplit: no function's prologue may find that a preemption was asked for, or
//     grow the stack. The linker proves that the stack suffices;
//   - has no instrumentation, which the race detector's norace switches off;
//   - allocates nothing and calls nothing but such functions and RawSyscall6. All
//     state is in one mapping of its own, as the lists are.
//
// That is what syscall.forkAndExecInChild does by hand. It also blocks the signals
// around the clone and takes away Go's handlers in the child, see clone.

// rawOp is an operation as it stands in a list.
type rawOp struct {
	number uint32
	result uint16
	regs   uint8
	_      uint8
	errnos [maxErrnos]uint16
	next   uint32
	_      uint32
	args   [maxArgs]uint64
}

// header is the header of a list.
type header struct {
	size   uint32
	kind   uint16
	_      uint16
	seq    uint32
	_      uint32
	ops    uint32
	relocs uint32
	files  uint32
	reg    uint32
}

// What wire.go says of the two.
var (
	_ [opSize]byte     = [unsafe.Sizeof(rawOp{})]byte{}
	_ [opNumber]byte   = [unsafe.Offsetof(rawOp{}.number)]byte{}
	_ [opResult]byte   = [unsafe.Offsetof(rawOp{}.result)]byte{}
	_ [opRegs]byte     = [unsafe.Offsetof(rawOp{}.regs)]byte{}
	_ [opErrnos]byte   = [unsafe.Offsetof(rawOp{}.errnos)]byte{}
	_ [opGoto]byte     = [unsafe.Offsetof(rawOp{}.next)]byte{}
	_ [opArgs]byte     = [unsafe.Offsetof(rawOp{}.args)]byte{}
	_ [headerSize]byte = [unsafe.Sizeof(header{})]byte{}
	_ [hdrSize]byte    = [unsafe.Offsetof(header{}.size)]byte{}
	_ [hdrType]byte    = [unsafe.Offsetof(header{}.kind)]byte{}
	_ [hdrSeq]byte     = [unsafe.Offsetof(header{}.seq)]byte{}
	_ [hdrOps]byte     = [unsafe.Offsetof(header{}.ops)]byte{}
	_ [hdrRelocs]byte  = [unsafe.Offsetof(header{}.relocs)]byte{}
	_ [hdrFiles]byte   = [unsafe.Offsetof(header{}.files)]byte{}
	_ [hdrReg]byte     = [unsafe.Offsetof(header{}.reg)]byte{}
)

// loaded is a list in memory. A list can write to its own memory, so what bounds it
// is kept here.
type loaded struct {
	base, size uintptr
	ops        uintptr // how many
	at         uintptr // the operation that is executed
}

// interpreter is the whole state, in memory that the garbage collector does not know.
type interpreter struct {
	regs   [registers]uint64
	number uintptr          // of the operation that is executed
	args   [maxArgs]uintptr // its arguments
	lists  [maxDepth + 1]loaded
	top    *loaded // nil before the first list
	child  bool    // of a clone by a list

	result uint64
	errno  uint32

	maps   [maxMaps]mapping
	shared Memory
	clean  signals

	// The list that is read: its header, its address, its descriptors.
	header   header
	incoming uintptr
	iov      unix.Iovec
	msg      unix.Msghdr
	control  control
	frame    [MessageHeader/4 + 3]uint32
}

// outcome is how an operation, or a run of them, ends.
type outcome int

const (
	onward   outcome = iota // to the next operation
	stored                  // the same, with a result
	again                   // the operation, or that of another list, whatever top says
	jumped                  // to where the operation says
	failed                  // with an errno, which the operation may tolerate
	died                    // with an errno that nobody tolerates
	returned                // from the first list
	waiting                 // for a list

	// What run is to do; it does so itself because the stack is short.
	calls
	clones
	maps
	unmaps
	reads
	loads
	stores
	leaves
)

// Memory is a part of the process's memory, which is not Go's.
type Memory struct{ Base, Size uintptr }

// Run executes the lists that come through the init pipe fd. The lists can load and store
// in the memory, which may be none. It returns nil when the
// first one returns; if an operation fails, the host is told and Run returns the
// error. A list may end in execve(2), and then Run does not return.
//
// What the lists do they do to the calling thread, which is therefore locked to its
// goroutine for good, and to the process: the soft limit of open files that Go's
// runtime has raised is what it was before.
//
// Some calls, which the interpreter in assembly has no reason to refuse, would take
// the memory from under Go. clone3(2) makes processes only, which share no memory;
// fork, vfork, clone, rt_sigreturn, mprotect and mremap are ENOSYS; mmap(2) overwrites
// no mapping and munmap(2) takes whole ones, as a list has made them. Loads and stores
// are EFAULT outside of lists, of that memory and of anonymous mappings that a list has
// made. Beyond
// that a list may do anything, as its host may.
//
// The garbage collector waits for a system call that waits, but not for one that
// waits for a list.
func Run(fd int, shared Memory) error {
	runtime.LockOSThread()
	// Restores the limit. There is no other way to that in package syscall.
	if err := syscall.Exec("", nil, nil); !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("restore the limit of open files: %w", err)
	}
	in, err := newInterpreter(fd)
	if err != nil {
		return err
	}
	defer in.free()
	in.regs[Shared], in.shared = uint64(shared.Base), shared
	in.args[0] = uintptr(fd)
	o := waiting
	for o == waiting {
		// Here Go knows that the thread waits. Whatever is wrong with the
		// descriptor, the next call says it.
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(in.args[0]), Events: unix.POLLIN}}, -1)
		if o = in.next(); o == again {
			o = in.run()
		}
	}
	if o == returned {
		return nil
	}
	return fmt.Errorf("operation %d of list %d: %w", in.frame[4], in.frame[3], syscall.Errno(in.errno))
}

func newInterpreter(fd int) (*interpreter, error) {
	base, _, errno := syscall.RawSyscall6(unix.SYS_MMAP, 0, unsafe.Sizeof(interpreter{}),
		unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS, ^uintptr(0), 0)
	if errno != 0 {
		return nil, fmt.Errorf("map the interpreter's memory: %w", errno)
	}
	in := (*interpreter)(pointer(base))
	in.regs[Pipe] = uint64(fd)
	return in, nil
}

// free unmaps everything.
func (in *interpreter) free() {
	for i := range in.lists {
		if l := &in.lists[i]; l.size != 0 {
			syscall.RawSyscall6(unix.SYS_MUNMAP, l.base, l.size, 0, 0, 0, 0)
		}
	}
	for _, m := range in.maps {
		if m.size != 0 {
			syscall.RawSyscall6(unix.SYS_MUNMAP, m.base, m.size, 0, 0, 0, 0)
		}
	}
	syscall.RawSyscall6(unix.SYS_MUNMAP, uintptr(unsafe.Pointer(in)), unsafe.Sizeof(*in), 0, 0, 0, 0)
}

// pointer is memory that is not Go's.
//
//go:nosplit
//go:norace
//go:nocheckptr
func pointer(addr uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&addr)) }

// run executes operations until the first list returns, an operation fails, or a list
// is to be read.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) run() outcome {
	for {
		l := in.top
		op := (*rawOp)(pointer(l.base + headerSize + l.at*opSize))
		o := leaves
		if l.at < l.ops {
			o = in.execute(op)
		}
		switch o {
		case calls:
			o = in.call()
		case clones:
			if o = in.checkClone(); o == calls {
				in.blockSignals()
				if o = in.clone(); o == stored && in.result == 0 {
					in.child = true
					in.resetSignals()
				}
				in.restoreSignals()
			}
		case maps:
			o = in.mmap()
		case unmaps:
			o = in.munmap()
		case reads:
			o = in.next()
		case loads:
			o = in.load()
		case stores:
			o = in.store()
		case leaves:
			o = in.leave()
		}
		if o == failed {
			o = in.tolerate(op)
		}
		switch o {
		case onward:
			l.at++
		case stored:
			in.keep(op)
			l.at++
		case jumped:
			o = in.jump(op)
		}
		if o >= died {
			if o == died {
				in.report()
			}
			return o
		}
	}
}

// execute does one operation, or says what is to be done.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) execute(op *rawOp) outcome {
	for i := uintptr(0); i < maxArgs; i++ {
		v := op.args[i]
		if op.regs>>i&1 != 0 {
			v = in.regs[uint8(v)]
		}
		in.args[i] = uintptr(v)
	}
	if in.number = uintptr(op.number); in.number < specialBase {
		return in.classify()
	}
	a := &in.args
	switch in.number {
	case opTest:
		if a[0]&a[1] == a[2] {
			return onward
		}
		return in.otherwise(op)
	case opLess:
		if int(a[0]) < int(a[1]) {
			return onward
		}
		return in.otherwise(op)
	case opLoad:
		return loads
	case opStore:
		return stores
	case opAdd:
		in.result = uint64(a[0] + a[1] - a[2])
		return stored
	case opJump:
		return jumped
	case opNext:
		if in.child {
			return reads
		}
		return waiting
	case opReturn:
		return leaves
	}
	in.errno = uint32(unix.EBADMSG)
	return failed
}

// keep puts the result into the register that the operation names.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) keep(op *rawOp) {
	if op.result < registers {
		in.regs[op.result] = in.result
	}
}

// otherwise is what becomes of a test that says no.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) otherwise(op *rawOp) outcome {
	if op.next != 0 {
		return jumped
	}
	in.errno = uint32(in.args[3])
	if int32(in.errno) < 0 {
		in.errno = -in.errno // the result of an operation that has failed
	}
	return died
}

// tolerate is what becomes of an error.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) tolerate(op *rawOp) outcome {
	e := uint16(in.errno)
	if op.errnos[0] != e && op.errnos[1] != e && op.errnos[2] != e && op.errnos[3] != e && op.errnos[0] != anyErrno {
		return died
	}
	in.result = -uint64(in.errno)
	in.keep(op)
	return jumped
}

// jump goes on where the operation says.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) jump(op *rawOp) outcome {
	to := uintptr(op.next)
	if to == 0 {
		to = in.top.at + 1
	}
	if to > in.top.ops {
		in.errno = uint32(unix.EBADMSG)
		return died
	}
	in.top.at = to
	return again
}

// report tells the host of the failure. A child ends then: there is no Go to return to.
//
//go:nosplit
//go:norace
//go:nocheckptr
func (in *interpreter) report() {
	f := &in.frame
	f[0], f[1], f[2] = KindFailed, 4*3, in.errno
	f[3], f[4] = 0, 0
	if in.top != nil {
		f[3], f[4] = (*header)(pointer(in.top.base)).seq, uint32(in.top.at)
	}
	for {
		_, _, e := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(in.regs[Pipe]), uintptr(unsafe.Pointer(f)),
			unsafe.Sizeof(*f), unix.MSG_NOSIGNAL, 0, 0)
		if e != unix.EINTR {
			break
		}
	}
	if in.child {
		exit(uintptr(in.errno))
	}
}

// exit ends the process, also if a filter refuses even that.
//
//go:nosplit
//go:norace
//go:nocheckptr
func exit(status uintptr) {
	syscall.RawSyscall6(unix.SYS_EXIT_GROUP, status, 0, 0, 0, 0, 0)
	fault()
}

// fault ends the process without a system call.
//
//go:nosplit
//go:norace
//go:nocheckptr
func fault() { *(*byte)(pointer(0)) = 0 }
