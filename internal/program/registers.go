package program

// Reg is a register of the interpreter: a word that holds the result of an
// operation for later ones. Registers are kept from list to list.
type Reg uint16

const (
	// Pipe is the register that holds the descriptor of the init pipe. It is
	// set before the first list.
	Pipe Reg = 0

	// NoReg is no register.
	NoReg Reg = 0xffff
)

// Registers says which registers of one interpreter are in use. All lists that
// one process executes are built with the same.
type Registers struct {
	used [registers]bool
	err  error
}

// NewRegisters returns registers of which only Pipe is in use.
func NewRegisters() *Registers {
	r := new(Registers)
	r.used[Pipe] = true
	return r
}

// take returns the first of n free registers in a row.
func (r *Registers) take(n int) (Reg, bool) {
	free := 0
	for i := range r.used {
		if r.used[i] {
			free = 0
			continue
		}
		if free++; free < n {
			continue
		}
		first := i - n + 1
		for j := first; j <= i; j++ {
			r.used[j] = true
		}
		return Reg(first), true
	}
	return NoReg, false
}

func (r *Registers) release(reg Reg) {
	if reg != NoReg && reg != Pipe {
		r.used[reg] = false
	}
}
