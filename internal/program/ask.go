package program

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Handler serves a request of a list on the host's side: payload is what the
// request is about, files the descriptors that have come with it, which the
// handler owns. It returns the list that is to be executed next, nil for none.
type Handler func(payload []byte, files []int) (*Program, error)

// Ask sends the host a request, and executes the list that the host answers with.
// The request is about size bytes at payload, at most [MaxPayload], and descriptors.
func (b *Builder) Ask(what string, h Handler, payload, size Arg, files ...Reg) {
	b.Tell(what, func(payload []byte, files []int) (*Program, error) {
		p, err := h(payload, files)
		if p == nil && err == nil {
			return NewBuilder(b.regs).Build() // on with the list that asks
		}
		return p, err
	}, payload, size, files...)
	b.Next(what)
}

// Tell sends the host a message that it answers with no list.
func (b *Builder) Tell(what string, h Handler, payload, size Arg, files ...Reg) {
	if b.handlers == nil {
		b.handlers = make(map[uint32]Handler)
	}
	id := uint32(len(b.handlers))
	b.handlers[id] = h
	b.TellAs(what, id, payload, size, files...)
}

// TellAs is Tell with an id that the host knows by itself, whatever list the
// message comes from, such as a later program that takes over the conversation.
// Such ids have the bit [Known].
func (b *Builder) TellAs(what string, id uint32, payload, size Arg, files ...Reg) {
	const header = MessageHeader + 8 // kind, length, number of the list, id
	head := make([]byte, header)
	binary.NativeEndian.PutUint32(head, KindAsk)
	binary.NativeEndian.PutUint32(head[12:], id)
	message := b.Bytes(head)
	b.seqAt = append(b.seqAt, uint32(message.value)+8)

	iov := b.Space(2 * 16)
	b.Point(iov, message)
	put := func(at Arg, v uint64) { binary.NativeEndian.PutUint64(b.data[at.value:], v) }
	put(iov.At(8), header)
	switch payload.kind {
	case isData:
		b.Point(iov.At(16), payload)
	case isReg:
		b.Store(iov.At(16), payload, 8)
	}
	msg := b.Space(56) // struct msghdr
	b.Point(msg.At(16), iov)
	put(msg.At(24), 2)
	if size.kind == isNumber {
		if size.value > MaxPayload {
			b.fail(fmt.Errorf("build program: %s: a request about %d bytes, and %d can be sent at once", what, size.value, MaxPayload))
		}
		put(iov.At(24), size.value)
		binary.NativeEndian.PutUint32(b.data[message.value+4:], uint32(size.value)+8)
	} else {
		b.Store(iov.At(24), size, 8)
		total := b.Reg()
		b.Add(total, size, Num(8))
		b.Store(message.At(4), total.Arg(), 4)
		b.Free(total)
	}
	if len(files) > 0 {
		control := b.Space(unix.CmsgSpace(4 * len(files)))
		put(control, uint64(unix.CmsgLen(4*len(files))))
		binary.NativeEndian.PutUint32(b.data[control.value+8:], unix.SOL_SOCKET)
		binary.NativeEndian.PutUint32(b.data[control.value+12:], unix.SCM_RIGHTS)
		for i, f := range files {
			b.Store(control.At(16+4*i), f.Arg(), 4)
		}
		b.Point(msg.At(32), control)
		put(msg.At(40), uint64(unix.CmsgSpace(4*len(files))))
	}
	b.Do(what+": tell the host", unix.SYS_SENDMSG, Pipe.Arg(), msg, Num(unix.MSG_NOSIGNAL))
}

// Known marks the ids of messages that belong to no list.
const Known uint32 = 1 << 31
