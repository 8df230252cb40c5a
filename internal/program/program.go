package program

import (
	"encoding/binary"
	"fmt"
	"os"
	"syscall"
)

// Program is a list that can be sent.
type Program struct {
	list     []byte
	files    []*os.File
	steps    []step
	handlers map[uint32]Handler
	seqAt    []uint32
	owns     bool
}

// Own makes the list the owner of its descriptors, which are closed when it has been
// sent.
func (p *Program) Own() { p.owns = true }

// Sent is called when the list has been sent, or could not be.
func (p *Program) Sent() {
	if p.owns {
		for _, f := range p.files {
			f.Close()
		}
	}
	keepList(p.list)
	p.list, p.files = nil, nil
}

// Forget is called when no error of the list is asked for any more.
func (p *Program) Forget() {
	keepSteps(p.steps)
	p.steps = nil
}

// Build ends the list.
func (b *Builder) Build() (*Program, error) {
	if len(b.later) > 0 {
		b.Return()
	}
	for len(b.later) > 0 {
		f := b.later[0]
		b.later = b.later[1:]
		f()
	}
	if b.err != nil {
		return nil, b.err
	}
	if len(b.ops) > maxOps {
		return nil, fmt.Errorf("build program: %d operations are over the limit of %d", len(b.ops), maxOps)
	}
	relocs := len(b.relocs)
	for i := range b.ops {
		for _, k := range b.ops[i].kinds {
			if k == isData {
				relocs++
			}
		}
	}
	dataAt := headerSize + opSize*len(b.ops) + 4*relocs
	dataAt = (dataAt + 7) &^ 7
	size := dataAt + len(b.data)
	if size > maxSize || relocs > maxRelocs {
		return nil, fmt.Errorf("build program: %d bytes are over the limit of %d", size, maxSize)
	}
	list := newList(size, dataAt)
	copy(list[dataAt:], b.data)
	order := binary.NativeEndian
	order.PutUint32(list[hdrSize:], uint32(size))
	order.PutUint16(list[hdrType:], MsgType)
	order.PutUint32(list[hdrOps:], uint32(len(b.ops)))
	order.PutUint32(list[hdrRelocs:], uint32(relocs))
	order.PutUint32(list[hdrFiles:], uint32(len(b.files)))
	if len(b.files) > 0 {
		order.PutUint32(list[hdrReg:], uint32(b.fileReg))
	}
	table := list[headerSize+opSize*len(b.ops):]
	relocate := func(at uint32, to uint64) {
		order.PutUint64(list[at:], uint64(dataAt)+to)
		order.PutUint32(table, at)
		table = table[4:]
	}
	for i := range b.ops {
		if err := b.encode(list, i, relocate); err != nil {
			return nil, err
		}
	}
	for _, r := range b.relocs {
		relocate(uint32(dataAt)+r.at, uint64(r.to))
	}
	p := &Program{list: list, files: b.files, steps: b.steps, handlers: b.handlers}
	for _, at := range b.seqAt {
		p.seqAt = append(p.seqAt, uint32(dataAt)+at)
	}
	b.keep()
	b.buffers, b.steps = nil, nil
	return p, nil
}

func (b *Builder) encode(list []byte, i int, relocate func(at uint32, to uint64)) error {
	order := binary.NativeEndian
	op := &b.ops[i]
	at := headerSize + opSize*i
	enc := list[at : at+opSize]
	order.PutUint32(enc[opNumber:], op.number)
	order.PutUint16(enc[opResult:], uint16(op.result))
	for j, e := range op.errnos {
		order.PutUint16(enc[opErrnos+2*j:], e)
	}
	if op.target > 0 {
		to := b.labels[op.target-1]
		if to <= 0 {
			return fmt.Errorf("build program: %s%s goes on at a label that is nowhere, or at the first operation",
				b.steps[i].prefix, b.steps[i].what)
		}
		order.PutUint32(enc[opGoto:], uint32(to))
	}
	var regs uint8
	for j := range op.args {
		switch op.kinds[j] {
		case isReg:
			regs |= 1 << j
			order.PutUint64(enc[opArgs+8*j:], op.args[j])
		case isData:
			relocate(uint32(at+opArgs+8*j), op.args[j])
		default:
			order.PutUint64(enc[opArgs+8*j:], op.args[j])
		}
	}
	enc[opRegs] = regs
	return nil
}

// Message returns the list as a message with a number, by which the interpreter
// reports failures in it, and the descriptors that go with it.
func (p *Program) Message(seq uint32) ([]byte, []*os.File) {
	binary.NativeEndian.PutUint32(p.list[hdrSeq:], seq)
	for _, at := range p.seqAt {
		binary.NativeEndian.PutUint32(p.list[at:], seq)
	}
	return p.list, p.files
}

// Handler returns the handler of the list's request id, nil if there is none.
func (p *Program) Handler(id uint32) Handler { return p.handlers[id] }

// Failure is the failure of an operation.
type Failure struct {
	// Step says what was tried, on what.
	Step string
	// Errno is the error.
	Errno syscall.Errno
	// Cause is what the failure is besides, or nil.
	Cause error
	// Hint is what it means, and what to do, for a person; or empty.
	Hint string
	// Invalid is set when the cause is what the caller asked for: a program,
	// user or directory, say, that the container does not have.
	Invalid bool
}

// Hints are what errors of an operation mean to a person, where their own words do not
// tell. They come after these.
type Hints map[syscall.Errno]string

// Error returns the step, the error and the hint.
func (f *Failure) Error() string {
	text := f.Step + ": "
	if f.Cause != nil {
		text += f.Cause.Error() + ": "
	}
	text += f.Errno.Error()
	if f.Hint != "" {
		text += " (" + f.Hint + ")"
	}
	return text
}

// Unwrap returns the error number and the cause, for errors.Is.
func (f *Failure) Unwrap() []error {
	if f.Cause != nil {
		return []error{f.Errno, f.Cause}
	}
	return []error{f.Errno}
}

// Error makes an error of the failure of the operation with that index.
func (p *Program) Error(index uint32, errno syscall.Errno) error {
	if int(index) >= len(p.steps) {
		return fmt.Errorf("operation %d of a list of %d: %w", index, len(p.steps), errno)
	}
	s := p.steps[index]
	f := &Failure{Step: s.prefix + s.what, Errno: errno, Hint: s.hints[errno], Invalid: s.invalid}
	if errno == syscall.ENOENT {
		f.Cause = s.cause
	}
	return f
}

// Step is what an operation is for.
type Step struct {
	Text    string `json:"text"`
	Invalid bool   `json:"invalid,omitempty"`
}

// Steps returns the steps of the operations, by their index.
func (p *Program) Steps() []Step {
	steps := make([]Step, len(p.steps))
	for i, s := range p.steps {
		steps[i] = Step{s.prefix + s.what, s.invalid}
	}
	return steps
}

// OfSteps returns a list that can tell errors, and cannot be sent.
func OfSteps(steps []Step) *Program {
	p := new(Program)
	for _, s := range steps {
		p.steps = append(p.steps, step{what: s.Text, invalid: s.Invalid})
	}
	return p
}
