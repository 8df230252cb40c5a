package seccomp

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/libcontainer/libcontainer/configs"
)

// Values that a program returns, <linux/seccomp.h>. As signed numbers they are in the
// order of strictness.
const (
	retKillProcess uint32 = 0x80000000
	retKillThread  uint32 = 0x00000000
	retTrap        uint32 = 0x00030000
	retErrno       uint32 = 0x00050000
	retNotify      uint32 = 0x7fc00000
	retTrace       uint32 = 0x7ff00000
	retLog         uint32 = 0x7ffc0000
	retAllow       uint32 = 0x7fff0000

	retAction uint32 = 0xffff0000
	retData   uint32 = 0x0000ffff
)

// Errors that are the same on all architectures that run containers here, errno(3).
const (
	ePerm    = 1
	eNoSys   = 38
	maxErrno = 4095
)

// value gives what a program returns for an action.
func value(a configs.Action, data *uint) (uint32, error) {
	ret, withData := uint32(0), false
	switch a {
	case configs.Kill, configs.KillThread:
		ret = retKillThread
	case configs.KillProcess:
		ret = retKillProcess
	case configs.Trap:
		ret = retTrap
	case configs.Errno:
		ret, withData = retErrno, true
	case configs.Notify:
		ret = retNotify
	case configs.Trace:
		ret, withData = retTrace, true
	case configs.Log:
		ret = retLog
	case configs.Allow:
		ret = retAllow
	default:
		return 0, fmt.Errorf("unknown action %d", a)
	}
	switch {
	case !withData && data != nil:
		return 0, errors.New("ErrnoRet is for the actions Errno and Trace alone")
	case withData && data == nil:
		return ret | ePerm, nil
	case !withData:
		return ret, nil
	case *data > uint(retData) || a == configs.Errno && *data > maxErrno:
		return 0, fmt.Errorf("ErrnoRet %d is too high", *data)
	}
	return ret | uint32(*data), nil
}

// strictness orders returned values as the kernel does among several filters.
func strictness(a, b uint32) int { return cmp.Compare(int32(a&retAction), int32(b&retAction)) }

// condition is a comparison of an argument.
type condition struct {
	arg         uint32
	op          configs.Operator
	value, want uint64 // want is for MaskEqualTo alone
}

// rule returns a value if, of each argument that has conditions, one holds.
type rule struct {
	ret   uint32
	conds []condition
}

func newConditions(field string, args []*configs.Arg) ([]condition, error) {
	var conds []condition
	for i, a := range args {
		item := fmt.Sprintf("%s.Args[%d]", field, i)
		switch {
		case a == nil:
			return nil, fmt.Errorf("%s is nil", item)
		case a.Index > 5:
			return nil, fmt.Errorf("%s.Index %d is above 5", item, a.Index)
		case a.Op < configs.EqualTo || a.Op > configs.MaskEqualTo:
			return nil, fmt.Errorf("%s.Op %d is unknown", item, a.Op)
		case a.Op == configs.MaskEqualTo && a.ValueTwo&^a.Value != 0:
			return nil, fmt.Errorf("%s.ValueTwo %#x has bits outside of the mask %#x", item, a.ValueTwo, a.Value)
		}
		conds = append(conds, condition{uint32(a.Index), a.Op, a.Value, a.ValueTwo})
	}
	return conds, nil
}

// chain is what happens to a system call: rules of which the first that matches
// counts, the last one without conditions.
type chain []rule

// newChain orders the rules of one call by their strictness and drops those that
// cannot matter.
func newChain(rules []rule, otherwise uint32) chain {
	c := slices.Clone(rules)
	slices.SortStableFunc(c, func(a, b rule) int { return strictness(a.ret, b.ret) })
	if i := slices.IndexFunc(c, func(r rule) bool { return len(r.conds) == 0 }); i >= 0 {
		c = c[:i+1]
	} else {
		c = append(c, rule{ret: otherwise})
	}
	last := c[len(c)-1]
	n := len(c) - 1
	for n > 0 && c[n-1].ret == last.ret {
		n--
	}
	return append(c[:n:n], last)
}

// key tells equal chains.
func (c chain) key() string {
	var b []byte
	for _, r := range c {
		b = binary.AppendUvarint(b, uint64(r.ret))
		b = binary.AppendUvarint(b, uint64(len(r.conds)))
		for _, q := range r.conds {
			for _, v := range []uint64{uint64(q.arg), uint64(q.op), q.value, q.want} {
				b = binary.AppendUvarint(b, v)
			}
		}
	}
	return string(b)
}

// emit gives the code of the chain.
func (c chain) emit(a *assembler) label {
	next := a.ret(c[len(c)-1].ret)
	for i := len(c) - 2; i >= 0; i-- {
		yes := a.ret(c[i].ret)
		for _, alternatives := range slices.Backward(c[i].byArgument()) {
			no := next
			for _, q := range slices.Backward(alternatives) {
				no = q.emit(a, yes, no)
			}
			yes = no
		}
		next = yes
	}
	return next
}

// byArgument groups the conditions by their arguments.
func (r rule) byArgument() (groups [][]condition) {
	for _, q := range r.conds {
		i := slices.IndexFunc(groups, func(g []condition) bool { return g[0].arg == q.arg })
		if i < 0 {
			i = len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], q)
	}
	return groups
}

// emit gives the code that goes to yes or no. An argument is compared as its two
// halves: little-endian, as all machines here are.
func (q condition) emit(a *assembler, yes, no label) label {
	switch q.op {
	case configs.NotEqualTo:
		return q.emitEqual(a, ^uint64(0), q.value, no, yes)
	case configs.GreaterThan:
		return q.emitAbove(a, opJGT, yes, no)
	case configs.GreaterThanOrEqualTo:
		return q.emitAbove(a, opJGE, yes, no)
	case configs.LessThan:
		return q.emitAbove(a, opJGE, no, yes)
	case configs.LessThanOrEqualTo:
		return q.emitAbove(a, opJGT, no, yes)
	case configs.MaskEqualTo:
		return q.emitEqual(a, q.value, q.want, yes, no)
	}
	return q.emitEqual(a, ^uint64(0), q.value, yes, no)
}

func (q condition) low() uint32  { return offArgs + 8*q.arg }
func (q condition) high() uint32 { return q.low() + 4 }

// emitEqual tests argument & mask == want.
func (q condition) emitEqual(a *assembler, mask, want uint64, yes, no label) label {
	test := func(off, mask, want uint32, yes label) label {
		if mask == 0 {
			return yes
		}
		a.branch(opJEQ, want, yes, no)
		if mask != ^uint32(0) {
			a.emit(opAnd, 0, 0, mask)
		}
		return a.emit(opLoad, 0, 0, off)
	}
	yes = test(q.low(), uint32(mask), uint32(want), yes)
	return test(q.high(), uint32(mask>>32), uint32(want>>32), yes)
}

// emitAbove tests argument > value or, with opJGE, argument >= value.
func (q condition) emitAbove(a *assembler, op uint16, yes, no label) label {
	a.branch(op, uint32(q.value), yes, no)
	low := a.emit(opLoad, 0, 0, q.low())
	high := uint32(q.value >> 32)
	a.branch(opJGT, high, yes, a.branch(opJEQ, high, low, no))
	return a.emit(opLoad, 0, 0, q.high())
}
