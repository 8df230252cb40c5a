//go:build linux

package devices

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// maxComparisons keeps a program so short that every jump reaches its target: 32767
// instructions ahead. A comparison takes two at most, and the up to 256 different
// verdicts four each; then there are the no-ops. See the package's documentation for what this means in rules.
const maxComparisons = 15000

// instruction is the kernel's struct bpf_insn, on little-endian machines.
type instruction struct {
	code      uint8
	registers uint8 // see pair
	offset    int16
	constant  int32
}

// pair returns the registers of an instruction that has a source. Those without have
// only their destination.
func pair(to, from uint8) uint8 { return from<<4 | to }

// The program's registers. The kernel calls it with r1 pointing to a struct
// bpf_cgroup_dev_ctx and takes its verdict from r0: 0 forbids.
const (
	verdictRegister = iota
	contextRegister
	kindRegister
	majorRegister
	minorRegister
	accessRegister
)

const (
	opLoad       = unix.BPF_LDX | unix.BPF_MEM | unix.BPF_W
	opMove       = unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_X
	opSet        = unix.BPF_ALU64 | unix.BPF_MOV | unix.BPF_K
	opAnd        = unix.BPF_ALU64 | unix.BPF_AND | unix.BPF_K
	opShift      = unix.BPF_ALU64 | unix.BPF_RSH | unix.BPF_K
	opShiftBy    = unix.BPF_ALU64 | unix.BPF_RSH | unix.BPF_X
	opJump       = unix.BPF_JMP | unix.BPF_JA
	opJumpEqual  = unix.BPF_JMP32 | unix.BPF_JEQ | unix.BPF_K
	opJumpNotLow = unix.BPF_JMP32 | unix.BPF_JGE | unix.BPF_K
	opExit       = unix.BPF_JMP | unix.BPF_EXIT
)

// noOp copies a register to itself. (The kernel removes a jump to the next instruction,
// which would do nothing, too.)
var noOp = instruction{code: opMove, registers: pair(contextRegister, contextRegister)}

// prologue loads the context: access_type, whose low half is the type and whose
// high half is the access, then major and minor.
func prologue() []instruction {
	return []instruction{
		{code: opLoad, registers: pair(kindRegister, contextRegister), offset: 0},
		{code: opLoad, registers: pair(majorRegister, contextRegister), offset: 4},
		{code: opLoad, registers: pair(minorRegister, contextRegister), offset: 8},
		{code: opMove, registers: pair(accessRegister, kindRegister)},
		{code: opShift, registers: accessRegister, constant: 16},
		{code: opAnd, registers: kindRegister, constant: 0xffff},
	}
}

// answers says for each access whether it is allowed: bit 1<<access is set then.
type answers uint8

// node is a place of the program.
type node struct {
	// keys are in ascending order. The program goes on at the node of targets
	// that belongs to the key which is in the register, or at other.
	register uint8
	keys     []uint32
	targets  []int
	other    int

	// answers are the verdict if there are no keys.
	answers answers
}

// compiler makes a program of rules: a search by type, one by major number for
// each type, one by minor number for each major, and then a verdict. Nodes that
// are equal are made once.
//
// The naive program, rule after rule, has the verifier of the kernel follow all
// the rest of the rules from each rule again, each time with other knowledge of
// the registers; it gives up at some hundreds of rules.
type compiler struct {
	rules       Rules
	nodes       []node
	known       map[string]int
	comparisons int
}

// compile returns the program for rules, in the layout that is tried first.
func compile(rules Rules) ([]instruction, error) { return compileAs(0, rules) }

const (
	// layouts is how many layouts there are.
	layouts = 32

	// maxNoOps is how many no-ops a layout has at most.
	maxNoOps = 64
)

// compileAs returns the program for rules in one of its layouts, which do the same and
// differ in no-ops, see loadAny. Layout 0 has none, and each other one has some elsewhere.
func compileAs(layout int, rules Rules) ([]instruction, error) {
	c := compiler{rules: rules, known: make(map[string]int)}
	c.search(kindRegister, map[uint32]int{
		unix.BPF_DEVCG_DEV_BLOCK: c.kind('b'),
		unix.BPF_DEVCG_DEV_CHAR:  c.kind('c'),
	}, c.verdict())
	if c.comparisons > maxComparisons {
		return nil, tooMany(len(rules.Exceptions))
	}
	return c.program(layout), nil
}

func tooMany(rules int) error {
	return fmt.Errorf("%d rules for devices need more than the %d comparisons that an eBPF program can make", rules, maxComparisons)
}

// byMinor holds the rules for one major number, or for every, by minor number.
type byMinor map[int64]Access

// kind returns the node for devices of one type.
func (c *compiler) kind(kind byte) int {
	majors := make(map[int64]byMinor)
	for pattern, access := range c.rules.Exceptions {
		if pattern.Kind != kind {
			continue
		}
		if majors[pattern.Major] == nil {
			majors[pattern.Major] = make(byMinor)
		}
		majors[pattern.Major][pattern.Minor] = access
	}
	every := majors[configs.Wildcard]
	delete(majors, configs.Wildcard)
	targets := make(map[uint32]int)
	for _, major := range slices.Sorted(maps.Keys(majors)) {
		targets[uint32(major)] = c.major(majors[major], every)
		if c.comparisons > maxComparisons {
			break // each major repeats the rules for every one
		}
	}
	return c.search(majorRegister, targets, c.major(nil, every))
}

// major returns the node for devices of a major number with rules of its own and
// those for every number.
func (c *compiler) major(own, every byMinor) int {
	targets := make(map[uint32]int)
	for _, rules := range []byMinor{own, every} {
		for _, minor := range slices.Sorted(maps.Keys(rules)) {
			if minor != configs.Wildcard {
				targets[uint32(minor)] = c.verdict(own[minor], own[configs.Wildcard], every[minor], every[configs.Wildcard])
			}
		}
	}
	return c.search(minorRegister, targets, c.verdict(own[configs.Wildcard], every[configs.Wildcard]))
}

// verdict returns the node for devices to which just these exceptions apply. An
// exception of no access is none.
func (c *compiler) verdict(exceptions ...Access) int {
	var v answers
	for access := range allAccesses + 1 {
		if c.allows(access, exceptions) {
			v |= 1 << access
		}
	}
	return c.intern(node{answers: v})
}

func (c *compiler) allows(access Access, exceptions []Access) bool {
	for _, exception := range exceptions {
		if c.rules.AllowAll && access&exception != 0 {
			return false
		}
		if !c.rules.AllowAll && exception != 0 && access&^exception == 0 {
			return true
		}
	}
	return c.rules.AllowAll
}

// search returns the node which looks for a register's value in targets.
func (c *compiler) search(register uint8, targets map[uint32]int, other int) int {
	c.comparisons += len(targets)
	maps.DeleteFunc(targets, func(_ uint32, target int) bool { return target == other })
	if len(targets) == 0 {
		return other
	}
	n := node{register: register, keys: slices.Sorted(maps.Keys(targets)), other: other}
	for _, key := range n.keys {
		n.targets = append(n.targets, targets[key])
	}
	return c.intern(n)
}

// intern returns the number of a node. It is higher than the numbers of those
// that the node leads to.
func (c *compiler) intern(n node) int {
	content := n.content()
	number, known := c.known[content]
	if !known {
		number = len(c.nodes)
		c.nodes = append(c.nodes, n)
		c.known[content] = number
	}
	return number
}

// content returns what equal nodes have in common.
func (n node) content() string {
	raw := binary.AppendUvarint([]byte{n.register, byte(n.answers)}, uint64(n.other))
	for i, key := range n.keys {
		raw = binary.AppendUvarint(raw, uint64(key))
		raw = binary.AppendUvarint(raw, uint64(n.targets[i]))
	}
	return string(raw)
}

// writer lines up instructions.
type writer struct {
	code []instruction

	// jumps are those to nodes, whose places are known at the end.
	jumps []jump
}

type jump struct{ place, node int }

// program returns the instructions of all nodes. The last node is the first to
// run; all jumps lead forward, as the kernel wants it.
func (c *compiler) program(layout int) []instruction {
	w := writer{code: prologue()}
	starts := make([]int, len(c.nodes))
	noOps := 0
	for number, n := range slices.Backward(c.nodes) {
		starts[number] = len(w.code)
		if layout > 0 && number%layout == layout/2 && noOps < maxNoOps {
			w.add(noOp)
			noOps++
		}
		if len(n.keys) == 0 {
			w.verdict(n.answers)
		} else {
			w.search(n)
		}
	}
	for _, j := range w.jumps {
		w.lead(j.place, starts[j.node])
	}
	return w.code
}

// verdict ends the program with the bit of v that the access chooses.
func (w *writer) verdict(v answers) {
	w.code = append(w.code,
		instruction{code: opSet, registers: verdictRegister, constant: int32(v)},
		instruction{code: opShiftBy, registers: pair(verdictRegister, accessRegister)},
		instruction{code: opAnd, registers: verdictRegister, constant: 1},
		instruction{code: opExit})
}

// search compares with up to three keys one by one, and halves more.
func (w *writer) search(n node) {
	if len(n.keys) > 3 {
		low, high := n, n
		middle := len(n.keys) / 2
		low.keys, low.targets = n.keys[:middle], n.targets[:middle]
		high.keys, high.targets = n.keys[middle:], n.targets[middle:]
		place := w.add(instruction{code: opJumpNotLow, registers: n.register, constant: int32(high.keys[0])})
		w.search(low)
		w.lead(place, len(w.code))
		w.search(high)
		return
	}
	for i, key := range n.keys {
		w.jump(instruction{code: opJumpEqual, registers: n.register, constant: int32(key)}, n.targets[i])
	}
	w.jump(instruction{code: opJump}, n.other)
}

// jump adds an instruction that jumps to a node.
func (w *writer) jump(i instruction, node int) {
	w.jumps = append(w.jumps, jump{w.add(i), node})
}

func (w *writer) add(i instruction) (place int) {
	w.code = append(w.code, i)
	return len(w.code) - 1
}

// lead makes the jump at place lead to target. Offsets count from the next
// instruction.
func (w *writer) lead(place, target int) {
	w.code[place].offset = int16(target - place - 1)
}
