package seccomp

import (
	"slices"
	"strings"
)

//go:generate go run ./internal/mkcalls

// Columns of the table, one for each architecture that can run here.
const (
	colX8664 = iota
	colX86
	colX32
	colAarch64
	colARM
	columns
)

// none stands for a call that an architecture does not have.
const none = -1

// numbers are those of the system calls of one name. Those of x32 are without x32Bit.
type numbers struct {
	name string
	by   [columns]int32
}

// number gives the number of a call, if the architecture has it.
func (a abi) number(name string) (uint32, bool) {
	i, ok := slices.BinarySearchFunc(calls[:], name, func(n numbers, name string) int { return strings.Compare(n.name, name) })
	if !ok || calls[i].by[a.column] == none {
		return 0, false
	}
	return a.first | uint32(calls[i].by[a.column]), true
}
