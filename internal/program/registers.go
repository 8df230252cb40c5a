package program

// Reg is a register of the interpreter: a word that holds the result of an
// operation for later ones. Registers are kept from list to list.
type Reg uint16

const (
	// Pipe is the register that holds the descriptor of the init pipe. It is
	// set before the first list.
	Pipe Reg = 0

	// Shared is the register that holds the address of the memory that [Run] was given.
	Shared Reg = registers - 1

	// NoReg is no register.
	NoReg Reg = 0xffff
)

// Registers says which registers of one interpreter are in use. All lists that
// one process executes are built with the same, but for those that are executed in
// the middle of another one, see [NewNested].
//
// Operations that [Builder.Later] emits have a range of their own: they are built
// when the registers that are in use where they are executed may have been given
// back.
type Registers struct {
	used   [registers]bool
	levels []registerRange
}

// registerRange is from the first register to the one before the last.
type registerRange struct{ first, last int }

var (
	mainLevels   = []registerRange{{1, 128}, {128, 160}, {160, 176}, {176, 192}}
	nestedLevels = []registerRange{{192, 232}, {232, 244}, {244, 251}, {251, 255}}
)

// NewRegisters returns registers of which only Pipe and Shared are in use.
func NewRegisters() *Registers { return &Registers{levels: mainLevels} }

// NewNested returns registers for a list that a handler answers with in the middle
// of another list, and that uses none of that one's. Of two such lists, one in the
// middle of the other, the outer one must not need its own any more, but for those
// that are kept.
func NewNested(keep ...Reg) *Registers {
	r := &Registers{levels: nestedLevels}
	for _, reg := range keep {
		r.used[reg] = true
	}
	return r
}

// take returns the first of n free registers in a row.
func (r *Registers) take(n, level int) (Reg, bool) {
	if level >= len(r.levels) {
		return NoReg, false
	}
	free := 0
	for i := r.levels[level].first; i < r.levels[level].last; i++ {
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
	if reg != NoReg && reg != Pipe && reg != Shared {
		r.used[reg] = false
	}
}
