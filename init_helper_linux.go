// The thread that helps a classic init to execute its program with a filter
// (nsenter/preamble/helper.c), as operations of init: it passes the filter's listener on,
// and ends the process if the filter kills init's own thread alone.

package libcontainer

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

// The memory by which it is told what to do, struct helper of nsenter/preamble/helper.h.
const (
	helperGo      = 0
	helperEvent   = 4
	helperPage    = 8
	helperMessage = 16
	helperSlot    = 24
	helperAlive   = 32
)

const futexWake = 1 // FUTEX_WAKE

// helper tells the thread what it is for.
func (n *notifyRegs) helper(p *initPlan, s *script) {
	n.prepare(p, s)
	at, value := s.Reg(), s.Reg()
	set := func(field int, v program.Arg, size int) {
		s.Add(at, program.Shared.Arg(), num(field))
		s.Add(value, v, num(0))
		s.Store(at.Arg(), value.Arg(), size)
	}
	if n.wanted(p) {
		message, slot := listenerMessage(s)
		set(helperEvent, n.event.Arg(), 4)
		set(helperPage, n.page.Arg(), 8)
		set(helperMessage, message, 8)
		set(helperSlot, slot, 8)
	} else {
		set(helperEvent, num(-1), 4)
	}
	// When this thread ends the kernel stores 0 there, and wakes who waits: set_tid_address(2).
	alive := s.Words(1)
	s.Do("set_tid_address", unix.SYS_SET_TID_ADDRESS, alive)
	set(helperAlive, alive, 8)
	set(helperGo, num(1), 4)
	s.Do("wake the thread that helps", unix.SYS_FUTEX, at.Arg(), num(futexWake), num(1), num(0), num(0), num(0))
	s.Free(at, value)
	// From the filter on no handler may run, which needs rt_sigreturn(2), least of all the
	// one by which Go preempts a thread that runs for long.
	s.resetSignals()
}

// listenerMessage puts the message with a filter's listener into the data, as a struct
// msghdr, and gives where in it the descriptor stands.
func listenerMessage(s *script) (message, slot program.Arg) {
	text := binary.NativeEndian.AppendUint32(nil, program.KindAsk)
	for _, word := range []uint32{8, 0 /* of no list */, listenerMsg} {
		text = binary.NativeEndian.AppendUint32(text, word)
	}
	iov := s.Words(0, uint64(len(text)))
	s.Point(iov, s.Bytes(text))
	control := s.Words(uint64(unix.CmsgLen(4)), 0, 0)
	s.Store(control.At(8), num(unix.SOL_SOCKET), 4)
	s.Store(control.At(12), num(unix.SCM_RIGHTS), 4)
	message = s.Words(0, 0, 0, 1, 0, uint64(unix.CmsgSpace(4)), 0)
	s.Point(message.At(16), iov)
	s.Point(message.At(32), control)
	return message, control.At(16)
}
