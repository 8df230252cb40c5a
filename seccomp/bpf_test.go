package seccomp

import (
	"encoding/binary"
	"fmt"
	"testing"
)

// call is a struct seccomp_data.
type call struct {
	nr, arch uint32
	args     [6]uint64
}

func (c call) word(off uint32) (uint32, error) {
	switch {
	case off == offNr:
		return c.nr, nil
	case off == offArch:
		return c.arch, nil
	case off >= offArgs && off < offArgs+48 && off%4 == 0:
		arg := c.args[(off-offArgs)/8]
		return uint32(arg >> (off % 8 * 8)), nil
	}
	return 0, fmt.Errorf("load at offset %d", off)
}

// interpret runs a program of classic BPF by bpf(4) and seccomp(2). Anything that the
// kernel's checker would refuse is an error.
func interpret(prog []byte, c call) (uint32, error) {
	if len(prog) == 0 || len(prog)%8 != 0 || len(prog)/8 > 4096 {
		return 0, fmt.Errorf("%d bytes are no program", len(prog))
	}
	var a uint32
	for pc := 0; pc >= 0 && pc < len(prog)/8; pc++ {
		in := prog[pc*8:]
		code, jt, jf, k := binary.NativeEndian.Uint16(in), int(in[2]), int(in[3]), binary.NativeEndian.Uint32(in[4:])
		branch := func(cond bool) {
			if cond {
				pc += jt
			} else {
				pc += jf
			}
		}
		switch code {
		case 0x20: // ld [k]
			var err error
			if a, err = c.word(k); err != nil {
				return 0, err
			}
		case 0x54: // and #k
			a &= k
		case 0x05: // ja k
			pc += int(k)
		case 0x15:
			branch(a == k)
		case 0x25:
			branch(a > k)
		case 0x35:
			branch(a >= k)
		case 0x06:
			return k, nil
		default:
			return 0, fmt.Errorf("instruction %d has the code %#x", pc, code)
		}
	}
	return 0, fmt.Errorf("ran out of the program")
}

func run(t *testing.T, prog []byte, c call) uint32 {
	t.Helper()
	ret, err := interpret(prog, c)
	if err != nil {
		t.Fatalf("%#v: %v", c, err)
	}
	return ret
}

// TestFarJumps makes branches whose targets are at all distances around the limit of
// a conditional jump.
func TestFarJumps(t *testing.T) {
	for distance := range 600 {
		for _, far := range []string{"yes", "no", "both", "jump"} {
			a := new(assembler)
			one, two := a.ret(1), a.ret(2)
			jumped := a.emit(opLoad, 0, 0, offArch) // falls through to two
			for range distance {
				a.emit(opAnd, 0, 0, ^uint32(0))
			}
			near := a.newRet(3)
			want := map[bool]uint32{true: 1, false: 3}
			switch far {
			case "yes":
				a.branch(opJEQ, 7, one, near)
			case "no":
				a.branch(opJEQ, 7, near, one)
				want = map[bool]uint32{true: 3, false: 1}
			case "both":
				a.branch(opJEQ, 7, one, two)
				want = map[bool]uint32{true: 1, false: 2}
			case "jump":
				a.branch(opJEQ, 7, jumped, jumped)
				want = map[bool]uint32{true: 2, false: 2}
			}
			a.emit(opLoad, 0, 0, offNr)
			prog := a.bytes()
			for _, nr := range []uint32{7, 8} {
				if got := run(t, prog, call{nr: nr}); got != want[nr == 7] {
					t.Fatalf("distance %d, %s, nr %d: returned %d, want %d", distance, far, nr, got, want[nr == 7])
				}
			}
		}
	}
}
