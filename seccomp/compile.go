package seccomp

import (
	"errors"
	"fmt"
	"runtime"
	"slices"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

// Program is a compiled profile. It is not changed after it has been made.
type Program struct {
	// Filter is an array of struct sock_filter.
	Filter []byte

	// Flags are for seccomp(2), SECCOMP_FILTER_FLAG_NEW_LISTENER too.
	Flags uint64

	// Notify tells that there is a rule with the action Notify.
	Notify bool

	// Execs tells whether execve(2) can come through, depending on its arguments,
	// a tracer and an agent. Without it no program can be started.
	Execs bool

	// KillsThread tells that one of the calls with which init ends, execve(2) and
	// exit_group(2), may end the calling thread alone.
	KillsThread bool
}

// Flags of seccomp(2).
const (
	flagTsync        = 1 << 0
	flagNewListener  = 1 << 3
	flagWaitKillable = 1 << 5
)

// Compile translates a profile for this machine. Names that no system call of an
// architecture has are skipped there.
func Compile(profile *configs.Seccomp) (*Program, error) {
	return compile(profile, runtime.GOARCH)
}

func compile(profile *configs.Seccomp, goarch string) (*Program, error) {
	list, err := abis(goarch, profile.Architectures)
	if err != nil {
		return nil, err
	}
	p := &Program{}
	if err := p.setFlags(profile); err != nil {
		return nil, err
	}
	otherwise, err := value(profile.DefaultAction, profile.DefaultErrnoRet)
	if err != nil {
		return nil, fmt.Errorf("Seccomp.DefaultAction: %w", err)
	}
	named, err := namedRules(profile.Syscalls)
	if err != nil {
		return nil, err
	}
	var spaces []*space
	for _, a := range list {
		spaces = append(spaces, newSpace(a, callRules(a, named, otherwise), otherwise))
	}
	p.foresee(spaces[0])
	a := new(assembler)
	emitProgram(a, spaces)
	if len(a.code) > maxProgram {
		return nil, fmt.Errorf("the profile needs %d instructions, the kernel takes %d", len(a.code), maxProgram)
	}
	p.Filter = a.bytes()
	return p, nil
}

func (p *Program) setFlags(profile *configs.Seccomp) error {
	p.Notify = profile.DefaultAction == configs.Notify
	for _, s := range profile.Syscalls {
		p.Notify = p.Notify || s != nil && s.Action == configs.Notify
	}
	if p.Notify {
		p.Flags |= flagNewListener
	}
	for i, name := range profile.Flags {
		flag, ok := linux.SeccompFlags().Value(name)
		if !ok {
			return fmt.Errorf("Seccomp.Flags[%d]: unknown flag %q", i, name)
		}
		// The other threads are Go's; they end at execve, and must not be hit by the
		// filter before.
		p.Flags |= flag &^ flagTsync
	}
	if p.Flags&flagWaitKillable != 0 && !p.Notify {
		return errors.New("Seccomp.Flags: SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV needs a rule with the action Notify")
	}
	return nil
}

// foresee looks up what the filter does with init's last calls.
func (p *Program) foresee(native *space) {
	for _, name := range []string{"execve", "exit_group"} {
		nr, _ := native.abi.number(name) // every architecture has them
		for _, r := range native.lookUp(nr) {
			p.KillsThread = p.KillsThread || r.ret == retKillThread
			p.Execs = p.Execs || name == "execve" && strictness(r.ret, retNotify) >= 0
		}
	}
}

// namedRule holds the rules of one name, in the order of the profile.
type namedRule struct {
	name  string
	rules []rule
}

func namedRules(syscalls []*configs.Syscall) ([]namedRule, error) {
	var out []namedRule
	index := make(map[string]int)
	for i, s := range syscalls {
		field := fmt.Sprintf("Seccomp.Syscalls[%d]", i)
		if s == nil {
			return nil, fmt.Errorf("%s is nil", field)
		}
		ret, err := value(s.Action, s.ErrnoRet)
		if err != nil {
			return nil, fmt.Errorf("%s, %s: %w", field, s.Name, err)
		}
		conds, err := newConditions(field, s.Args)
		if err != nil {
			return nil, err
		}
		j, ok := index[s.Name]
		if !ok {
			j = len(out)
			index[s.Name] = j
			out = append(out, namedRule{name: s.Name})
		}
		out[j].rules = append(out[j].rules, rule{ret, conds})
	}
	return out, nil
}

// callRules gives the rules by the numbers of an architecture.
func callRules(a abi, named []namedRule, otherwise uint32) map[uint32][]rule {
	var mux map[string]multiplexed
	if a.muxed {
		mux = muxTable()
	}
	byNumber := make(map[uint32][]rule)
	for _, n := range named {
		if m, ok := mux[n.name]; ok {
			byNumber[m.number()] = append(byNumber[m.number()], m.rules(n.rules, otherwise)...)
		}
		if nr, ok := a.number(n.name); ok {
			byNumber[nr] = append(byNumber[nr], n.rules...)
		}
	}
	return byNumber
}

// segment is a range of numbers, up to the next one, that are treated alike.
type segment struct {
	first uint32
	chain chain
	key   string
}

// space is all numbers of an architecture.
type space struct {
	abi      abi
	segments []segment
}

func newSpace(a abi, calls map[uint32][]rule, otherwise uint32) *space {
	s := &space{abi: a}
	var numbers []uint32
	for nr := range calls {
		numbers = append(numbers, nr)
	}
	slices.Sort(numbers)
	rest := newChain(nil, otherwise)
	unknown := rest
	if otherwise&retAction == retErrno && len(numbers) > 0 {
		unknown = newChain(nil, retErrno|eNoSys)
	}
	known := a.first // one above the highest number that tells the age
	for _, nr := range numbers {
		if !a.odd(nr) {
			known = nr + 1
		}
	}
	// The gaps change their meaning at these numbers.
	gaps := []segment{{first: a.first, chain: rest}, {first: known, chain: unknown}}
	if a.oddFirst != a.oddLast {
		gaps = append(gaps, segment{first: a.oddFirst, chain: rest})
		if a.oddLast < a.last {
			gaps = append(gaps, segment{first: max(a.oddLast+1, known), chain: unknown})
		}
	}
	s.merge(gaps, calls, numbers, otherwise)
	return s
}

func (a abi) odd(nr uint32) bool {
	return a.oddFirst != a.oddLast && nr >= a.oddFirst && nr <= a.oddLast
}

// merge lays the calls over the gaps.
func (s *space) merge(gaps []segment, calls map[uint32][]rule, numbers []uint32, otherwise uint32) {
	// What holds from a number on, if no rule names it.
	gap := func(nr uint32) (c chain) {
		for _, g := range gaps {
			if g.first <= nr {
				c = g.chain
			}
		}
		return c
	}
	starts := make([]uint32, 0, 2*len(numbers)+len(gaps))
	for _, g := range gaps {
		starts = append(starts, g.first)
	}
	for _, nr := range numbers {
		starts = append(starts, nr)
		if nr < s.abi.last {
			starts = append(starts, nr+1)
		}
	}
	slices.Sort(starts)
	for _, nr := range slices.Compact(starts) {
		if rules, ok := calls[nr]; ok {
			s.add(nr, newChain(rules, otherwise))
		} else {
			s.add(nr, gap(nr))
		}
	}
}

func (s *space) add(first uint32, c chain) {
	key := c.key()
	if n := len(s.segments); n > 0 && s.segments[n-1].key == key {
		return
	}
	s.segments = append(s.segments, segment{first, c, key})
}

// lookUp gives what happens to a call.
func (s *space) lookUp(nr uint32) (c chain) {
	for _, seg := range s.segments {
		if seg.first <= nr {
			c = seg.chain
		}
	}
	return c
}

// emitProgram dispatches on the architecture and then on the number.
func emitProgram(a *assembler, spaces []*space) {
	killed := a.ret(retKillProcess)
	entries := make(map[uint32]label)
	var order []uint32
	for i, s := range spaces {
		audit := s.abi.audit
		if _, done := entries[audit]; done {
			continue
		}
		segments := s.segments
		if audit == auditX8664 {
			segments = withX32(segments, spaces[i+1:])
		}
		entries[audit] = emitNumbers(a, segments)
		order = append(order, audit)
	}
	next := killed
	for _, audit := range slices.Backward(order) {
		next = a.branch(opJEQ, audit, entries[audit], next)
	}
	a.emit(opLoad, 0, 0, offArch)
}

// withX32 completes the numbers of x86-64 by those of x32, which kill the process if
// the profile does not list it. The last one, -1, is no call at all.
func withX32(segments []segment, others []*space) []segment {
	last := segments[len(segments)-1]
	last.first = ^uint32(0)
	for _, s := range others {
		if s.abi.audit == auditX8664 {
			return append(append(slices.Clone(segments), s.segments...), last)
		}
	}
	kill := newChain(nil, retKillProcess)
	return append(slices.Clone(segments), segment{x32Bit, kill, kill.key()}, last)
}

// emitNumbers gives the code that finds a number's segment by binary search.
func emitNumbers(a *assembler, segments []segment) label {
	codes := make(map[string]label)
	for _, s := range segments {
		if _, ok := codes[s.key]; !ok && len(s.chain) > 1 {
			codes[s.key] = s.chain.emit(a)
		}
	}
	var search func(segments []segment) label
	search = func(segments []segment) label {
		if len(segments) == 1 {
			s := segments[0]
			if len(s.chain) == 1 {
				return a.ret(s.chain[0].ret)
			}
			return codes[s.key]
		}
		middle := len(segments) / 2
		high := search(segments[middle:])
		low := search(segments[:middle])
		return a.branch(opJGE, segments[middle].first, high, low)
	}
	root := search(segments)
	if len(segments) == 1 {
		return root
	}
	return a.emit(opLoad, 0, 0, offNr)
}
