package image_test

import (
	"encoding/binary"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

// Where things stand in a list, see wire.go of package program, whose test compares
// layout.h with it.
const (
	atSize, atType, atSeq, atOps, atRelocs, atFiles, atReg = 0, 4, 8, 16, 20, 24, 28

	headerSize, opSize                          = 32, 72
	atNumber, atResult, atErrnos, atGoto, atArg = 0, 4, 8, 16, 24
)

// list is a message that a test spoils.
type list []byte

func (l list) u16(at int, v uint16) { binary.NativeEndian.PutUint16(l[at:], v) }
func (l list) u32(at int, v uint32) { binary.NativeEndian.PutUint32(l[at:], v) }

// op is where operation i stands.
func op(i int) int { return headerSize + opSize*i }

// good returns a list of three operations and one relocation, number 5.
func good(t *testing.T) list {
	t.Helper()
	b := program.NewBuilder(program.NewRegisters())
	b.Do("getpid", unix.SYS_GETPID)
	b.Load(b.Words(1), 8)
	b.Do("getpid", unix.SYS_GETPID)
	l, _ := build(t, b).Message(5)
	return l
}

// nowhere is the number of the list that is executed before there is one.
const nowhere = 0

// TestMalformedList sends one list, which is the first, and then the end of the stream.
func TestMalformedList(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(l list) list
		want  syscall.Errno
		seq   uint32
		index uint32
	}{
		"nothing":              {func(l list) list { return nil }, unix.EPIPE, nowhere, 0},
		"half a header":        {func(l list) list { return l[:16] }, unix.EBADMSG, nowhere, 0},
		"only a header":        {func(l list) list { return l[:32] }, unix.EPIPE, nowhere, 0},
		"a byte less":          {func(l list) list { return l[:len(l)-1] }, unix.EPIPE, nowhere, 0},
		"another type":         {func(l list) list { l.u16(atType, 62000); return l }, unix.EBADMSG, nowhere, 0},
		"size of nothing":      {func(l list) list { l.u32(atSize, 0); return l }, unix.EBADMSG, nowhere, 0},
		"size of the header":   {func(l list) list { l.u32(atSize, 32); return l }, unix.EBADMSG, nowhere, 0},
		"size without data":    {func(l list) list { l.u32(atSize, uint32(op(3))+3); return l }, unix.EBADMSG, nowhere, 0},
		"size over the limit":  {func(l list) list { l.u32(atSize, 64<<20+1); return l }, unix.EBADMSG, nowhere, 0},
		"size of 4 GiB":        {func(l list) list { l.u32(atSize, ^uint32(0)); return l }, unix.EBADMSG, nowhere, 0},
		"size of the limit":    {func(l list) list { l.u32(atSize, 64<<20); return l }, unix.EPIPE, nowhere, 0},
		"many operations":      {func(l list) list { l.u32(atOps, 1<<16+1); l.u32(atSize, 64<<20); return l }, unix.EBADMSG, nowhere, 0},
		"more operations":      {func(l list) list { l.u32(atOps, 4); return l }, unix.EBADMSG, nowhere, 0},
		"operations overflow":  {func(l list) list { l.u32(atOps, 1<<31); return l }, unix.EBADMSG, nowhere, 0},
		"many relocations":     {func(l list) list { l.u32(atRelocs, 1<<20+1); l.u32(atSize, 64<<20); return l }, unix.EBADMSG, nowhere, 0},
		"more relocations":     {func(l list) list { l.u32(atRelocs, 100); return l }, unix.EBADMSG, nowhere, 0},
		"relocations overflow": {func(l list) list { l.u32(atRelocs, 1<<30); return l }, unix.EBADMSG, nowhere, 0},
		"relocation behind":    {func(l list) list { l.u32(op(3), uint32(len(l))); return l }, unix.EBADMSG, nowhere, 0},
		"relocation at the end": {func(l list) list {
			l.u32(op(3), uint32(len(l)-7))
			return l
		}, unix.EBADMSG, nowhere, 0},
		"relocation overflows":     {func(l list) list { l.u32(op(3), ^uint32(0)-3); return l }, unix.EBADMSG, nowhere, 0},
		"relocation in the header": {func(l list) list { l.u32(op(3), atOps); return l }, unix.EBADMSG, nowhere, 0},
		"descriptors missing":      {func(l list) list { l.u32(atFiles, 1); return l }, unix.EBADMSG, nowhere, 0},
		"many descriptors":         {func(l list) list { l.u32(atFiles, 97); return l }, unix.EBADMSG, nowhere, 0},
		"descriptors overflow":     {func(l list) list { l.u32(atFiles, 1<<30+1); return l }, unix.EBADMSG, nowhere, 0},
		// The errno is what the number of a first list says, which must not be taken
		// for what an operation tolerates.
		"type, and EBADMSG": {func(l list) list { l.u16(atType, 1); l.u32(atSeq, uint32(unix.EBADMSG)); return l }, unix.EBADMSG, nowhere, 0},
		"end, and EPIPE":    {func(l list) list { l.u32(atSeq, uint32(unix.EPIPE)); return l[:40] }, unix.EPIPE, nowhere, 0},
		"type, and any":     {func(l list) list { l.u16(atType, 1); l.u32(atSeq, 0xffff); return l }, unix.EBADMSG, nowhere, 0},

		"unknown operation":   {func(l list) list { l.u32(op(2)+atNumber, 0x10008); return l }, unix.EBADMSG, 5, 2},
		"negative operation":  {func(l list) list { l.u32(op(2)+atNumber, ^uint32(0)); return l }, unix.EBADMSG, 5, 2},
		"unknown system call": {func(l list) list { l.u32(op(2)+atNumber, 0xfffe); return l }, unix.ENOSYS, 5, 2},
		"load of 3":           {func(l list) list { l.u32(op(1)+atArg+8, 3); return l }, unix.EBADMSG, 5, 1},
		"load of 0":           {func(l list) list { l.u32(op(1)+atArg+8, 0); return l }, unix.EBADMSG, 5, 1},
		"load of 4 GiB and 8": {func(l list) list { l.u32(op(1)+atArg+12, 1); return l }, unix.EBADMSG, 5, 1},
		"store of 5": {func(l list) list {
			l.u32(op(1)+atNumber, 0x10003)
			l.u32(op(1)+atArg+16, 5)
			return l
		}, unix.EBADMSG, 5, 1},
		"jump behind": {func(l list) list {
			l.u32(op(2)+atNumber, 0x10005)
			l.u32(op(2)+atGoto, 4)
			return l
		}, unix.EBADMSG, 5, 2},
		"jump far": {func(l list) list {
			l.u32(op(2)+atNumber, 0x10005)
			l.u32(op(2)+atGoto, ^uint32(0))
			return l
		}, unix.EBADMSG, 5, 2},
		"jump behind, any error": {func(l list) list {
			l.u32(op(2)+atNumber, 0x10005)
			l.u16(op(2)+atErrnos, 0xffff)
			l.u32(op(2)+atGoto, 4)
			return l
		}, unix.EBADMSG, 5, 2},
		"goes on behind, after an error": {func(l list) list {
			l.u32(op(2)+atNumber, 0xfffe)
			l.u16(op(2)+atErrnos, uint16(unix.ENOSYS))
			l.u32(op(2)+atGoto, 4)
			return l
		}, unix.EBADMSG, 5, 2},
		"next from no descriptor": {func(l list) list {
			l.u32(op(2)+atNumber, 0x10006)
			l.u32(op(2)+atArg, 1<<20)
			return l
		}, unix.EBADF, 5, 2},
		"next from no socket": {func(l list) list { l.u32(op(2)+atNumber, 0x10006); return l }, unix.ENOTSOCK, 5, 2},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, p *proc) {
				p.write(test.spoil(good(t)))
				p.close()
				p.fails(test.want, test.seq, test.index)
			})
		})
	}
}

// TestLimitsThatAreAllowed shows what is no error: a jump to the end, results for registers
// that there are not.
func TestLimitsThatAreAllowed(t *testing.T) {
	for name, spoil := range map[string]func(l list){
		"nothing":               func(l list) {},
		"jump to the end":       func(l list) { l.u32(op(2)+atNumber, 0x10005); l.u32(op(2)+atGoto, 3) },
		"result nowhere":        func(l list) { l.u16(op(0)+atResult, 256) },
		"result in the last":    func(l list) { l.u16(op(0)+atResult, 255) },
		"relocation of 8 bytes": func(l list) { l.u32(op(3), uint32(len(l)-8)); l.u32(op(1)+atNumber, unix.SYS_GETPID) },
		"argument register 511": func(l list) { l[op(0)+6] = 1; l.u32(op(0)+atArg, 511) },
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, p *proc) {
				l := good(t)
				spoil(l)
				p.write(l)
				p.end(0)
			})
		})
	}
}

// TestMalformedDescriptors sends other descriptors than the header tells.
func TestMalformedDescriptors(t *testing.T) {
	for name, test := range map[string]struct {
		sent        int
		told, first uint32
		want        syscall.Errno
	}{
		"one less":            {sent: 2, told: 3, want: unix.EBADMSG},
		"one more":            {sent: 3, told: 2, want: unix.EBADMSG},
		"more than there are": {sent: 97, told: 97, want: unix.EBADMSG},
		"register 256":        {sent: 1, told: 1, first: 256, want: unix.EBADMSG},
		"registers to 256":    {sent: 2, told: 2, first: 255, want: unix.EBADMSG},
		"register overflow":   {sent: 2, told: 2, first: ^uint32(0), want: unix.EBADMSG},
		"registers to 255":    {sent: 2, told: 2, first: 254},
		"all":                 {sent: 96, told: 96, first: 160},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, p *proc) {
				null, err := os.Open(os.DevNull)
				if err != nil {
					t.Fatal(err)
				}
				defer null.Close()
				var files []*os.File
				for range test.sent {
					files = append(files, null)
				}
				l := good(t)
				l.u32(atFiles, test.told)
				l.u32(atReg, test.first)
				p.write(l, files...)
				if test.want == 0 {
					p.end(0)
					return
				}
				p.fails(test.want, nowhere, 0)
			})
		})
	}
}

// TestNestedTooDeep reads list in list: 65 may be loaded.
func TestNestedTooDeep(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		regs := program.NewRegisters()
		for i := range uint32(66) {
			b := program.NewBuilder(regs)
			b.Do("getpid", unix.SYS_GETPID)
			b.Next("next")
			p.send(build(t, b), i)
		}
		p.fails(unix.EBADMSG, 64, 1)
	})
}

// TestNestedDeep goes as deep as may be, and back.
func TestNestedDeep(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		regs := program.NewRegisters()
		count := program.NewBuilder(regs).Reg()
		for i := range uint32(65) {
			b := program.NewBuilder(regs)
			if i == 0 {
				b.Add(count, program.Num(0), program.Num(0))
			}
			if i < 64 {
				b.Next("next")
			}
			b.Add(count, count.Arg(), program.Num(1))
			if i == 0 {
				tell(b, count.Arg())
			}
			p.send(build(t, b), i)
		}
		if got := p.word(); got != 65 {
			t.Errorf("%d lists returned, want 65", got)
		}
		p.end(0)
	})
}

// TestToleratedMalformedList has a list tolerate that there is no good one to read.
func TestToleratedMalformedList(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		b := program.NewBuilder(program.NewRegisters())
		b.Next("read what is bad")
		b.Ignore(unix.EBADMSG)
		b.Next("read what has ended")
		b.Ignore(unix.EPIPE)
		tell(b, program.Num(3))
		p.send(build(t, b), 1)
		l := good(t)
		l.u32(op(3), atSize)
		p.write(l)
		p.close()
		if got := p.word(); got != 3 {
			t.Errorf("got %d", got)
		}
		p.end(0)
	})
}
