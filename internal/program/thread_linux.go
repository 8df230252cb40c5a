package program

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ThreadFlags are the flags of a clone3(2) by which a list starts a thread, without a stack
// of its own and at most one. Only the interpreter in Go does that: there it is a thread of
// Go's, which goes on with the list as the one that has started it does. It ends with
// exit(2), and may neither clone nor execute.
//
// From then on both are out of the scheduler's sight until execve(2) ends one of them: a
// garbage collection would wait for them, and they for it where one of them waits for a
// list. So no list may be waited for by the one that has started the thread.
const ThreadFlags = unix.CLONE_VM | unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SIGHAND | unix.CLONE_THREAD

// helper is the thread that waits to be the one that a list starts. It is there before the
// lists limit the tasks of the process, and with it what the scheduler needs to wake it.
type helper struct {
	work    chan *interpreter
	started chan struct{}
}

func startHelper() helper {
	if runtime.GOMAXPROCS(0) < 2 {
		runtime.GOMAXPROCS(2)
	}
	h := helper{make(chan *interpreter), make(chan struct{})}
	go func() {
		runtime.LockOSThread()
		for in := range h.work {
			h.started <- struct{}{}
			if in != nil {
				in.run() // what it has mapped goes with the process
			}
		}
	}()
	h.give(nil)
	return h
}

// give returns when the helper runs.
func (h helper) give(in *interpreter) {
	h.work <- in
	<-h.started
}

func (h helper) close() { close(h.work) }

// spawn starts the thread that an operation asks for, and goes on.
func (in *interpreter) spawn(h helper) outcome {
	op := (*rawOp)(pointer(in.top.base + headerSize + in.top.at*opSize))
	thread, err := newInterpreter(int(in.regs[Pipe]))
	if err != nil {
		in.errno = uint32(unix.ENOMEM)
		in.report()
		return died
	}
	in.helped = true
	*thread = *in
	depth := (uintptr(unsafe.Pointer(in.top)) - uintptr(unsafe.Pointer(&in.lists))) / unsafe.Sizeof(*in.top)
	thread.top = &thread.lists[depth]
	thread.floor = thread.top
	thread.result, in.result = 0, 1
	for _, t := range []*interpreter{thread, in} {
		t.keep(op)
		t.top.at++
	}
	h.give(thread)
	return in.run()
}
