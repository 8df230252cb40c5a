package seccomp

import "encoding/binary"

// Instructions of classic BPF that seccomp knows, see bpf(4) and <linux/filter.h>.
const (
	opLoad = 0x20 // BPF_LD | BPF_W | BPF_ABS
	opAnd  = 0x54 // BPF_ALU | BPF_AND | BPF_K
	opJump = 0x05 // BPF_JMP | BPF_JA
	opJEQ  = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	opJGT  = 0x25 // BPF_JMP | BPF_JGT | BPF_K
	opJGE  = 0x35 // BPF_JMP | BPF_JGE | BPF_K
	opRet  = 0x06 // BPF_RET | BPF_K
)

// Offsets in struct seccomp_data, <linux/seccomp.h>.
const (
	offNr   = 0
	offArch = 4
	offArgs = 16
)

// maxProgram is the kernel's limit, BPF_MAXINSNS.
const maxProgram = 4096

// instruction is a struct sock_filter.
type instruction struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

const instructionSize = 8

// assembler builds a program from its end to its beginning, so that the targets of
// all jumps, which only go forward, exist already. What is emitted falls through to
// what was emitted before.
type assembler struct {
	code []instruction // in reverse
	rets map[uint32]label
}

// label is an instruction's distance from the end of the program.
type label int

func (a *assembler) emit(code uint16, jt, jf uint8, k uint32) label {
	a.code = append(a.code, instruction{code, jt, jf, k})
	return label(len(a.code) - 1)
}

// ret returns an instruction that ends the program with that value.
func (a *assembler) ret(value uint32) label {
	if l, ok := a.rets[value]; ok {
		return l
	}
	return a.newRet(value)
}

func (a *assembler) newRet(value uint32) label {
	if a.rets == nil {
		a.rets = make(map[uint32]label)
	}
	l := a.emit(opRet, 0, 0, value)
	a.rets[value] = l
	return l
}

// offset is what a jump that is emitted next, after extra more instructions, has to
// skip.
func (a *assembler) offset(target label, extra int) int { return len(a.code) + extra - int(target) - 1 }

// branch emits a conditional jump. Its offsets have 8 bits: what is too far away is
// reached through an unconditional jump, or returned from at once.
func (a *assembler) branch(code uint16, k uint32, yes, no label) label {
	if a.offset(yes, 1) > 255 { // one more: the other target may need one
		yes = a.near(yes)
	}
	if a.offset(no, 0) > 255 {
		no = a.near(no)
	}
	return a.emit(code, uint8(a.offset(yes, 0)), uint8(a.offset(no, 0)), k)
}

func (a *assembler) near(target label) label {
	if in := a.code[target]; in.code == opRet {
		return a.newRet(in.k)
	}
	return a.emit(opJump, 0, 0, uint32(a.offset(target, 0)))
}

// bytes gives the program as struct sock_filter of this machine.
func (a *assembler) bytes() []byte {
	out := make([]byte, 0, len(a.code)*instructionSize)
	for i := len(a.code) - 1; i >= 0; i-- {
		in := a.code[i]
		out = binary.NativeEndian.AppendUint16(out, in.code)
		out = append(out, in.jt, in.jf)
		out = binary.NativeEndian.AppendUint32(out, in.k)
	}
	return out
}
