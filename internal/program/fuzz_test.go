package program

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/image"
)

// maxStream is what a socket takes in before anybody reads.
const maxStream = 32 << 10

// streamOf returns the interpreter's end of a socket, in which bytes and then the end
// of the stream are, and the host's.
func streamOf(t *testing.T, b []byte) (theirs, ours *os.File) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	theirs = os.NewFile(uintptr(pair[0]), "theirs")
	if n, err := unix.SendmsgN(pair[1], b, nil, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT); err != nil || n != len(b) {
		t.Fatalf("%d of %d bytes sent: %v", n, len(b), err)
	}
	if err := unix.Shutdown(pair[1], unix.SHUT_WR); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(pair[1], true); err != nil {
		t.Fatal(err)
	}
	return theirs, os.NewFile(uintptr(pair[1]), "ours")
}

// said returns what an interpreter that has ended has told the host.
func said(t *testing.T, ours *os.File) []byte {
	t.Helper()
	b, err := io.ReadAll(ours)
	if err != nil && !errors.Is(err, unix.ECONNRESET) { // not all was read
		t.Fatal(err)
	}
	return b
}

// tamed is a stream of lists that does no harm, and always ends.
type tamed struct {
	stream []byte
	loads  bool // of memory
	points bool // to addresses, which no two processes have alike
}

// tame makes lists of what a fuzzer found. All system calls are getuid, all stores are
// loads, jumps go forwards, the init pipe stays what it is, and is what lists are read
// from; and no relocation changes any of that. What is malformed stays so.
func tame(b []byte) tamed {
	var t tamed
	b = bytes.Clone(b[:min(len(b), maxStream)])
	for {
		size, ok := sizeOf(b)
		if !ok {
			// What follows a bad header might be executed as something else.
			t.stream = append(t.stream, b[:min(len(b), headerSize)]...)
			return t
		}
		if size > len(b) {
			t.stream = append(t.stream, b...)
			return t
		}
		t.list(b[:size])
		t.stream = append(t.stream, b[:size]...)
		b = b[size:]
	}
}

// sizeOf is the size of a list, if its header is good.
func sizeOf(b []byte) (int, bool) {
	if len(b) < headerSize {
		return 0, false
	}
	u32 := func(at int) uint64 { return uint64(binary.NativeEndian.Uint32(b[at:])) }
	size, ops, relocs := u32(hdrSize), u32(hdrOps), u32(hdrRelocs)
	return int(size), binary.NativeEndian.Uint16(b[hdrType:]) == MsgType && size <= maxSize && ops <= maxOps &&
		relocs <= maxRelocs && headerSize+opSize*ops+4*relocs <= size
}

func (t *tamed) list(l []byte) {
	order := binary.NativeEndian
	ops, relocs := int(order.Uint32(l[hdrOps:])), int(order.Uint32(l[hdrRelocs:]))
	for i := range ops {
		op := l[headerSize+opSize*i:][:opSize]
		switch n := order.Uint32(op[opNumber:]); {
		case n < specialBase:
			order.PutUint32(op[opNumber:], unix.SYS_GETUID)
		case n == opStore, n == opLoad:
			order.PutUint32(op[opNumber:], opLoad)
			t.loads = true
		case n == opNext:
			op[opRegs] |= 1
			order.PutUint64(op[opArgs:], uint64(Pipe))
		}
		for j := range maxArgs {
			// Its number is another one in each process.
			if a := op[opArgs+8*j:]; uint8(order.Uint64(a)) == uint8(Pipe) && order.Uint32(op[opNumber:]) != opNext {
				a[0] |= op[opRegs] >> j & 1
			}
		}
		if order.Uint16(op[opResult:]) == uint16(Pipe) {
			order.PutUint16(op[opResult:], 1)
		}
		if to := order.Uint32(op[opGoto:]); to != 0 && to <= uint32(i) {
			order.PutUint32(op[opGoto:], uint32(i)+1)
		}
	}
	table := headerSize + opSize*ops
	for i := range relocs {
		entry := l[table+4*i:]
		at := int(order.Uint32(entry))
		end := table + 4*relocs
		const second = opArgs + 8 // the first argument may be Next's
		switch in := (at - headerSize) % opSize; {
		case at < headerSize || at >= end:
		case at < table && in >= second && in <= opSize-8:
		case ops > 0:
			order.PutUint32(entry, headerSize+second)
		default:
			order.PutUint32(entry, uint32(len(l)))
		}
		t.points = true
	}
}

// interpret is Run without waiting, and without what it does to the process.
func interpret(t *testing.T, fd int) outcome {
	t.Helper()
	in, err := newInterpreter(fd)
	if err != nil {
		t.Fatal(err)
	}
	defer in.free()
	o := waiting
	in.args[0] = uintptr(fd)
	for o == waiting {
		if o = in.next(); o == again {
			o = in.run()
		}
	}
	if o != returned && o != died {
		t.Errorf("outcome %d", o)
	}
	return o
}

// FuzzGoInterpreter reads what it gets, unchanged, without executing it; and executes
// it tamed.
func FuzzGoInterpreter(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		theirs, ours := streamOf(t, b[:min(len(b), maxStream)])
		in, err := newInterpreter(int(theirs.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		in.args[0] = theirs.Fd()
		o := in.next()
		if o == again && (in.top.size > maxStream || headerSize+opSize*in.top.ops > in.top.size) {
			t.Errorf("%d operations in a list of %d bytes", in.top.ops, in.top.size)
		}
		if size, ok := sizeOf(b); o == again && (!ok || size > len(b)) || o != again && o != died {
			t.Errorf("outcome %d of a list of %d bytes", o, size)
		}
		in.free()
		theirs.Close()
		ours.Close()

		theirs, ours = streamOf(t, tame(b).stream)
		o = interpret(t, int(theirs.Fd()))
		theirs.Close()
		defer ours.Close()
		if told := len(said(t, ours)); told != 0 && o == returned || told != MessageHeader+12 && o == died {
			t.Errorf("outcome %d, and told %d bytes", o, told)
		}
	})
}

// FuzzAssembly executes tamed lists in a process of the image: that must end, and as
// the interpreter in Go does.
func FuzzAssembly(f *testing.F) {
	f.Fuzz(func(t *testing.T, b []byte) {
		tame := tame(b)
		theirs, ours := streamOf(t, tame.stream)
		defer ours.Close()
		state := execute(t, theirs)
		theirs.Close()
		told := said(t, ours)

		status := state.Sys().(syscall.WaitStatus)
		if status.Signaled() {
			if status.Signal() != unix.SIGSEGV || !tame.loads {
				t.Fatalf("the process ended with %v, loads %v", state, tame.loads)
			}
			return
		}
		if len(told) != 0 && (len(told) != MessageHeader+12 || uint8(told[MessageHeader]) != uint8(state.ExitCode())) ||
			len(told) == 0 && state.ExitCode() != 0 {
			t.Fatalf("the process ended with %v, and told %v", state, told)
		}
		if tame.loads || tame.points {
			return
		}
		theirs, ours = streamOf(t, tame.stream)
		defer ours.Close()
		interpret(t, int(theirs.Fd()))
		theirs.Close()
		if inGo := said(t, ours); !bytes.Equal(told, inGo) {
			t.Errorf("the assembly told %v, Go %v", told, inGo)
		}
	})
}

// execute runs the image until it ends.
func execute(t *testing.T, pipe *os.File) *os.ProcessState {
	t.Helper()
	const pipeFd = 3
	exe, err := image.New(pipeFd)
	if err != nil {
		t.Fatal(err)
	}
	defer exe.Close()
	high, err := unix.FcntlInt(exe.Fd(), unix.F_DUPFD_CLOEXEC, 50)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(high)
	p, err := os.StartProcess("/proc/self/fd/"+strconv.Itoa(high), []string{"image"},
		&os.ProcAttr{Env: []string{}, Files: []*os.File{nil, nil, nil, pipe}})
	if err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(20*time.Second, func() { _ = p.Kill() })
	state, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	if !late.Stop() {
		t.Fatal("the process did not end")
	}
	return state
}
