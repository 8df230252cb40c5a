//go:build linux

package devices

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// Ordered are rules that have an order: of those that match a device, the last one that is
// about an access decides whether that is allowed. Several accesses at once are allowed if
// each is.
type Ordered struct {
	// AllowAll says that an access is allowed which no rule is about.
	AllowAll bool

	rules []orderedRule
}

type orderedRule struct {
	allow   bool
	pattern Pattern
	access  Access
}

// NewOrdered makes rules of configs.Resources.DeviceRules. An error names the field and the
// index.
func NewOrdered(allowAll bool, list []*configs.DeviceRule) (Ordered, error) {
	o := Ordered{AllowAll: allowAll}
	for i, r := range list {
		var d *configs.Device
		if r != nil {
			d = &configs.Device{Type: r.Type, Major: r.Major, Minor: r.Minor, Permissions: r.Permissions}
		}
		patterns := make(List)
		if err := patterns.add(d); err != nil {
			return Ordered{}, fmt.Errorf("DeviceRules[%d]: %w", i, err)
		}
		for pattern, access := range patterns { // of one rule, so that their order is no matter
			o.rules = append(o.rules, orderedRule{r.Allow, pattern, access})
		}
	}
	return o, nil
}

// Allows tells whether the rules allow an access. The access 0, that of access(2) with
// F_OK, is allowed for a device that may be used in any way.
func (o Ordered) Allows(kind byte, major, minor uint32, access Access) bool {
	allowed := o.allowed(kind, major, minor)
	return answersOf(allowed)&(1<<access) != 0
}

// allowed returns all accesses that are allowed to a device.
func (o Ordered) allowed(kind byte, major, minor uint32) (allowed Access) {
	if o.AllowAll {
		allowed = allAccesses
	}
	for _, r := range o.rules {
		switch {
		case !r.pattern.matches(kind, major, minor):
		case r.allow:
			allowed |= r.access
		default:
			allowed &^= r.access
		}
	}
	return allowed
}

// answersOf returns the answers of a device to which these accesses are allowed.
func answersOf(allowed Access) (v answers) {
	for access := range allAccesses + 1 {
		if access&^allowed == 0 && allowed != 0 {
			v |= 1 << access
		}
	}
	return v
}

// numbers are those that rules for one type of devices tell apart.
type numbers struct {
	// minors has, for each major number in a rule, the minor numbers that matter there.
	minors map[uint32]map[uint32]bool

	// every has the minor numbers in rules for every major number.
	every map[uint32]bool

	// free are numbers that are in no rule: they stand for all such.
	freeMajor, freeMinor uint32
}

func (o Ordered) numbers(kind byte) numbers {
	n := numbers{minors: make(map[uint32]map[uint32]bool), every: make(map[uint32]bool)}
	used := make(map[uint32]bool)
	for _, r := range o.rules {
		p := r.pattern
		if p.Kind != kind {
			continue
		}
		of := n.every
		if p.Major != configs.Wildcard {
			if of = n.minors[uint32(p.Major)]; of == nil {
				of = make(map[uint32]bool)
				n.minors[uint32(p.Major)] = of
			}
		}
		if p.Minor != configs.Wildcard {
			of[uint32(p.Minor)] = true
			used[uint32(p.Minor)] = true
		}
	}
	for used[n.freeMinor] {
		n.freeMinor++
	}
	for n.minors[n.freeMajor] != nil {
		n.freeMajor++
	}
	return n
}

// minorsOf returns the minor numbers that matter for a major number, the free one last.
func (n numbers) minorsOf(major uint32) []uint32 {
	all := maps.Clone(n.every)
	maps.Copy(all, n.minors[major])
	return append(slices.Sorted(maps.Keys(all)), n.freeMinor)
}

// majors returns the major numbers that matter, the free one last.
func (n numbers) majors() []uint32 { return append(slices.Sorted(maps.Keys(n.minors)), n.freeMajor) }

// compileOrdered is compileAs for rules with an order.
func compileOrdered(layout int, o Ordered) ([]instruction, error) {
	c := compiler{known: make(map[string]int)}
	unknown := answers(0)
	if o.AllowAll {
		unknown = answersOf(allAccesses)
	}
	c.search(kindRegister, map[uint32]int{
		unix.BPF_DEVCG_DEV_BLOCK: c.orderedKind(o, 'b'),
		unix.BPF_DEVCG_DEV_CHAR:  c.orderedKind(o, 'c'),
	}, c.intern(node{answers: unknown}))
	if c.comparisons > maxComparisons {
		return nil, tooMany(len(o.rules))
	}
	return c.program(layout), nil
}

// orderedKind returns the node for devices of one type.
func (c *compiler) orderedKind(o Ordered, kind byte) int {
	n := o.numbers(kind)
	targets, other := make(map[uint32]int), 0
	for _, major := range n.majors() {
		of := c.orderedMajor(o, kind, major, n)
		if major == n.freeMajor {
			other = of
		} else {
			targets[major] = of
		}
	}
	return c.search(majorRegister, targets, other)
}

// orderedMajor returns the node for devices of one major number. When the program is too
// long anyway it looks at no more.
func (c *compiler) orderedMajor(o Ordered, kind byte, major uint32, n numbers) int {
	targets, other := make(map[uint32]int), 0
	for _, minor := range n.minorsOf(major) {
		if c.comparisons+len(targets) > maxComparisons {
			break
		}
		of := c.intern(node{answers: answersOf(o.allowed(kind, major, minor))})
		if minor == n.freeMinor {
			other = of
		} else {
			targets[minor] = of
		}
	}
	return c.search(minorRegister, targets, other)
}

// WithoutOrder returns rules without an order that allow the same, which is what the
// lists of cgroup v1 need. There are none for, say, all of c 1:* but c 1:3.
func (o Ordered) WithoutOrder() (Rules, bool) {
	for _, allowAll := range []bool{o.AllowAll, !o.AllowAll} {
		rules := Rules{AllowAll: allowAll, Exceptions: make(List)}
		if o.approximate(&rules, 'b') && o.approximate(&rules, 'c') {
			return rules, true
		}
	}
	return Rules{}, false
}

// approximate adds to rules the exceptions for one type of devices: each pattern gets what
// is exceptional for all of its devices. It tells whether that is right for each device.
func (o Ordered) approximate(rules *Rules, kind byte) bool {
	n := o.numbers(kind)
	found := make(List)
	// narrow keeps of a pattern's exception what a device has of it.
	narrow := func(major, minor int64, exception Access) {
		p := Pattern{kind, major, minor}
		if before, ok := found[p]; ok {
			exception &= before
		}
		found[p] = exception
	}
	exceptional := func(major, minor uint32) Access {
		if rules.AllowAll {
			return allAccesses &^ o.allowed(kind, major, minor)
		}
		return o.allowed(kind, major, minor)
	}
	n.each(func(major, minor uint32) bool {
		exception := exceptional(major, minor)
		narrow(configs.Wildcard, configs.Wildcard, exception)
		narrow(int64(major), configs.Wildcard, exception)
		narrow(int64(major), int64(minor), exception)
		if n.every[minor] {
			narrow(configs.Wildcard, int64(minor), exception)
		}
		return true
	})
	for pattern := range found {
		if pattern.Major == int64(n.freeMajor) || pattern.Minor == int64(n.freeMinor) {
			delete(found, pattern) // it stands for others, too
		}
	}
	judge := compiler{rules: *rules}
	right := n.each(func(major, minor uint32) bool {
		exceptions := found.of(kind, int64(major), int64(minor))
		for access := Access(1); access <= allAccesses; access++ {
			if judge.allows(access, exceptions) != (access&^o.allowed(kind, major, minor) == 0) {
				return false
			}
		}
		return true
	})
	found.prune()
	maps.Copy(rules.Exceptions, found)
	return right
}

// each calls call for one device of each kind that the rules tell apart, until it returns
// false, and returns whether it never did.
func (n numbers) each(call func(major, minor uint32) bool) bool {
	for _, major := range n.majors() {
		for _, minor := range n.minorsOf(major) {
			if !call(major, minor) {
				return false
			}
		}
	}
	return true
}

// of returns the exceptions that match a device.
func (l List) of(kind byte, major, minor int64) []Access {
	const every = configs.Wildcard
	return []Access{l[Pattern{kind, major, minor}], l[Pattern{kind, major, every}],
		l[Pattern{kind, every, minor}], l[Pattern{kind, every, every}]}
}

// prune removes exceptions that are none, and those that one for more devices has, too.
func (l List) prune() {
	const every = configs.Wildcard
	var needless []Pattern
	for p, access := range l {
		covered := access == 0
		for _, wider := range []Pattern{{p.Kind, p.Major, every}, {p.Kind, every, p.Minor}, {p.Kind, every, every}} {
			covered = covered || wider != p && access&^l[wider] == 0
		}
		if covered {
			needless = append(needless, p)
		}
	}
	for _, p := range needless {
		delete(l, p)
	}
}
