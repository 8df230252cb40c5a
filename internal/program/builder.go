package program

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Arg is an argument of an operation.
type Arg struct {
	value uint64
	kind  argKind
}

type argKind uint8

const (
	isNumber argKind = iota
	isReg
	isData // an offset in the list's data
)

// Num is a number as an argument.
func Num[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](v T) Arg {
	return Arg{value: uint64(v)}
}

// Arg is the register's value as an argument.
func (r Reg) Arg() Arg { return Arg{value: uint64(r), kind: isReg} }

// At is data, some bytes further on.
func (a Arg) At(offset int) Arg {
	a.value += uint64(offset)
	return a
}

// Label is a place in a list, to go on at.
type Label int32

// Builder builds one list. The zero value is not usable, see [NewBuilder].
//
// Errors are kept: the first one is what Build returns. Methods that emit an
// operation return registers that hold its result; they are to be given back with
// Free, or Close for descriptors.
type Builder struct {
	regs *Registers
	*buffers
	steps []step

	prefix  string
	invalid bool
	level   int // of registers, see Later
	later   []func()

	files   []*os.File
	fileReg Reg

	handlers map[uint32]Handler
	seqAt    []uint32 // where in the data the number of the list is to be put
	err      error
}

type operation struct {
	number uint32
	result Reg
	kinds  [maxArgs]argKind
	args   [maxArgs]uint64
	errnos [maxErrnos]uint16
	target Label // 0: none; label l is l+1
}

// reloc is a word of the data that points to data.
type reloc struct{ at, to uint32 }

// step says what an operation is for, for errors.
type step struct {
	prefix, what string
	invalid      bool
	cause        error // nil, or what the failure is besides
	hints        Hints
}

// NewBuilder returns a builder of a list without operations, for an interpreter
// with these registers.
func NewBuilder(regs *Registers) *Builder {
	return &Builder{
		regs:    regs,
		buffers: buffersPool.Get().(*buffers),
		steps:   *stepsPool.Get().(*[]step),
		fileReg: NoReg,
	}
}

// Grow makes room for so many operations and bytes of data more.
func (b *Builder) Grow(operations, data int) {
	b.ops = slices.Grow(b.ops, operations)
	b.steps = slices.Grow(b.steps, operations)
	b.data = slices.Grow(b.data, data)
}

func (b *Builder) fail(err error) {
	if b.err == nil {
		b.err = err
	}
}

// In sets what the operations that follow are part of: their errors begin with
// it. The returned function sets back what it was.
func (b *Builder) In(what string) (out func()) {
	prefix := b.prefix
	b.prefix += what + ": "
	return func() { b.prefix = prefix }
}

// Blame makes the errors of the operations that follow the caller's, who asked
// for what cannot be, as long as it is on.
func (b *Builder) Blame(on bool) { b.invalid = on }

// Context is what In and Blame have set.
func (b *Builder) Context() (prefix string, blame bool) { return b.prefix, b.invalid }

// String puts a text, with a terminating NUL, into the data.
func (b *Builder) String(s string) Arg {
	a := Arg{value: uint64(len(b.data)), kind: isData}
	b.data = append(b.data, s...)
	b.data = append(b.data, 0)
	return a
}

// Bytes puts bytes into the data, aligned for any type.
func (b *Builder) Bytes(p []byte) Arg {
	a := b.align()
	b.data = append(b.data, p...)
	return a
}

// Words puts 8-byte words into the data.
func (b *Builder) Words(words ...uint64) Arg {
	a := b.align()
	for _, w := range words {
		b.data = binary.NativeEndian.AppendUint64(b.data, w)
	}
	return a
}

// Space puts n zero bytes into the data, aligned for any type.
func (b *Builder) Space(n int) Arg {
	a := b.align()
	if cap(b.data)-len(b.data) < n {
		grown := make([]byte, len(b.data), 2*cap(b.data)+n)
		copy(grown, b.data)
		b.data = grown
	}
	b.data = b.data[:len(b.data)+n]
	clear(b.data[len(b.data)-n:])
	return a
}

// Pointers puts a table of pointers to data into the data, terminated by a null
// pointer, as execve(2) takes it.
func (b *Builder) Pointers(to []Arg) Arg {
	a := b.Space(8 * (len(to) + 1))
	for i, t := range to {
		b.Point(a.At(8*i), t)
	}
	return a
}

// Strings is Pointers to texts.
func (b *Builder) Strings(list []string) Arg {
	args := make([]Arg, len(list))
	for i, s := range list {
		args[i] = b.String(s)
	}
	return b.Pointers(args)
}

// Point makes an 8-byte word of the data point to data.
func (b *Builder) Point(word, to Arg) {
	if word.kind != isData || to.kind != isData {
		b.fail(errors.New("build program: a pointer from, or to, what is no data"))
		return
	}
	b.relocs = append(b.relocs, reloc{at: uint32(word.value), to: uint32(to.value)})
}

func (b *Builder) align() Arg {
	for len(b.data)%8 != 0 {
		b.data = append(b.data, 0)
	}
	return Arg{value: uint64(len(b.data)), kind: isData}
}

func (b *Builder) emit(what string, number uint32, result Reg, args ...Arg) {
	b.ops = append(b.ops, operation{number: number, result: result})
	op := &b.ops[len(b.ops)-1]
	for i, a := range args {
		op.args[i], op.kinds[i] = a.value, a.kind
	}
	b.steps = append(b.steps, step{b.prefix, what, b.invalid, nil, nil})
}

// Do is a system call whose result is not needed.
func (b *Builder) Do(what string, number uintptr, args ...Arg) {
	b.emit(what, uint32(number), NoReg, args...)
}

// Get is a system call, and the register of its result.
func (b *Builder) Get(what string, number uintptr, args ...Arg) Reg {
	r := b.Reg()
	b.emit(what, uint32(number), r, args...)
	return r
}

// Set is a system call that puts its result into a register that is there.
func (b *Builder) Set(r Reg, what string, number uintptr, args ...Arg) {
	b.emit(what, uint32(number), r, args...)
}

// Reg takes a register.
func (b *Builder) Reg() Reg {
	r, ok := b.regs.take(1, b.level)
	if !ok {
		b.fail(errors.New("build program: no register is free"))
		return 1
	}
	return r
}

// Free gives registers back.
func (b *Builder) Free(regs ...Reg) {
	for _, r := range regs {
		b.regs.release(r)
	}
}

// Close closes the descriptor in a register, and gives the register back.
func (b *Builder) Close(r Reg) {
	b.emit("close", unix.SYS_CLOSE, NoReg, r.Arg())
	b.regs.release(r)
}

// Result has the last operation put its result into a register that is there.
func (b *Builder) Result(r Reg) { b.ops[len(b.ops)-1].result = r }

// Or makes the last operation go on at a label if it fails with one of the errors.
// Its result is the negative error then.
func (b *Builder) Or(l Label, errnos ...syscall.Errno) {
	if len(b.ops) == 0 || len(errnos) > maxErrnos {
		b.fail(fmt.Errorf("build program: %d errors cannot be tolerated", len(errnos)))
		return
	}
	op := &b.ops[len(b.ops)-1]
	for i, e := range errnos {
		op.errnos[i] = uint16(e)
	}
	op.target = l + 1
}

// Ignore makes the last operation go on with the next one, also if it fails with
// one of the errors. Its result is the negative error then.
func (b *Builder) Ignore(errnos ...syscall.Errno) {
	b.Or(-1, errnos...)
}

// OrAny makes the last operation go on at a label, whatever it fails with.
func (b *Builder) OrAny(l Label) {
	op := &b.ops[len(b.ops)-1]
	op.errnos[0], op.target = anyErrno, l+1
}

// IgnoreAll makes the last operation go on, whatever it fails with.
func (b *Builder) IgnoreAll() { b.OrAny(-1) }

// Cause adds an error to those that the failure of the last operation is when something
// does not exist (ENOENT), for errors.Is; its text comes before that of the error number.
func (b *Builder) Cause(err error) { b.steps[len(b.steps)-1].cause = err }

// Hint says what a failure of the last operation means to a person.
func (b *Builder) Hint(hints Hints) { b.steps[len(b.steps)-1].hints = hints }

// Later has f emit operations behind the end of the list, to which operations jump
// only when something is unusual. In and Blame are as they are now.
func (b *Builder) Later(f func()) {
	prefix, invalid, level := b.prefix, b.invalid, b.level+1
	b.later = append(b.later, func() {
		b.prefix, b.invalid, b.level = prefix, invalid, level
		f()
	})
}

// Label makes a label, which Bind gives its place.
func (b *Builder) Label() Label {
	b.labels = append(b.labels, -1)
	return Label(len(b.labels) - 1)
}

// Bind puts a label before the next operation.
func (b *Builder) Bind(l Label) {
	if len(b.ops) == 0 { // the number of the first one means that there is no label
		b.emit("begin", opAdd, NoReg)
	}
	b.labels[l] = int32(len(b.ops))
}

// Here makes a label before the next operation.
func (b *Builder) Here() Label {
	l := b.Label()
	b.Bind(l)
	return l
}

// Test goes on if value & mask is wanted, else at the label.
func (b *Builder) Test(value, mask, wanted Arg, otherwise Label) {
	b.emit("test", opTest, NoReg, value, mask, wanted)
	b.ops[len(b.ops)-1].target = otherwise + 1
}

// Check fails with an error unless value & mask is wanted.
func (b *Builder) Check(what string, value, mask, wanted Arg, err syscall.Errno) {
	b.emit(what, opTest, NoReg, value, mask, wanted, Num(int(err)))
}

// Less goes on if a is less than c, as signed numbers, else at the label.
func (b *Builder) Less(a, c Arg, otherwise Label) {
	b.emit("compare", opLess, NoReg, a, c)
	b.ops[len(b.ops)-1].target = otherwise + 1
}

// CheckLess fails with an error unless a is less than c, as signed numbers.
func (b *Builder) CheckLess(what string, a, c Arg, err syscall.Errno) {
	b.emit(what, opLess, NoReg, a, c, Arg{}, Num(int(err)))
}

// Load reads size bytes of memory: 1, 2, 4 or 8.
func (b *Builder) Load(addr Arg, size int) Reg {
	r := b.Reg()
	b.emit("load", opLoad, r, addr, Num(size))
	return r
}

// LoadInto is Load into a register that is there.
func (b *Builder) LoadInto(r Reg, addr Arg, size int) { b.emit("load", opLoad, r, addr, Num(size)) }

// Store writes size bytes of memory: 1, 2, 4 or 8.
func (b *Builder) Store(addr, value Arg, size int) {
	b.emit("store", opStore, NoReg, addr, value, Num(size))
}

// Add puts x + y into a register that is there.
func (b *Builder) Add(r Reg, x, y Arg) { b.emit("add", opAdd, r, x, y) }

// Sub puts x - y into a register that is there.
func (b *Builder) Sub(r Reg, x, y Arg) { b.emit("subtract", opAdd, r, x, Num(0), y) }

// Jump goes on at a label.
func (b *Builder) Jump(l Label) {
	b.emit("jump", opJump, NoReg)
	b.ops[len(b.ops)-1].target = l + 1
}

// Next reads a list from the init pipe and executes it. What follows is executed
// when that list returns.
func (b *Builder) Next(what string) { b.emit(what, opNext, NoReg, Pipe.Arg()) }

// Return ends the list. At the end of the operations that need not be said.
func (b *Builder) Return() { b.emit("return", opReturn, NoReg) }

// FailWith fails with the error that an operation whose result is r was tolerated.
func (b *Builder) FailWith(what string, r Reg) {
	b.emit(what, opTest, NoReg, Num(0), Num(0), Num(1), r.Arg())
}

// Fail fails with an error.
func (b *Builder) Fail(what string, err syscall.Errno) {
	b.Check(what, Num(0), Num(0), Num(1), err)
}

// Files sends descriptors along with the list and returns the registers that they
// come in. It is called once a list. The caller keeps the files open until the list
// has been sent.
func (b *Builder) Files(files ...*os.File) []Reg {
	if len(files) == 0 {
		return nil
	}
	if len(b.files) > 0 || len(files) > MaxFiles {
		b.fail(fmt.Errorf("build program: %d descriptors cannot come with a list", len(files)+len(b.files)))
	}
	first, ok := b.regs.take(len(files), b.level)
	if !ok {
		b.fail(errors.New("build program: no registers are free"))
		first = 1
	}
	b.files, b.fileReg = files, first
	regs := make([]Reg, len(files))
	for i := range regs {
		regs[i] = first + Reg(i)
	}
	return regs
}

// Len tells how many operations there are.
func (b *Builder) Len() int { return len(b.ops) }
