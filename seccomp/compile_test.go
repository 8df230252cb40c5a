package seccomp

import (
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func rules(syscalls ...*configs.Syscall) []*configs.Syscall { return syscalls }

func on(name string, action configs.Action, args ...*configs.Arg) *configs.Syscall {
	return &configs.Syscall{Name: name, Action: action, Args: args}
}

func arg(index uint, op configs.Operator, values ...uint64) *configs.Arg {
	a := &configs.Arg{Index: index, Op: op, Value: values[0]}
	if len(values) > 1 {
		a.ValueTwo = values[1]
	}
	return a
}

func errno(n uint) *uint { return &n }

func mustCompile(t *testing.T, goarch string, profile *configs.Seccomp) *Program {
	t.Helper()
	p, err := compile(profile, goarch)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func number(t *testing.T, arch, name string) uint32 {
	t.Helper()
	nr, ok := architecture(arch).number(name)
	if !ok {
		t.Fatalf("%s has no %s", arch, name)
	}
	return nr
}

func architecture(name string) abi {
	for _, goarch := range []string{"amd64", "arm64"} {
		for _, a := range machine(goarch) {
			if a.name == name {
				return a
			}
		}
	}
	panic("architecture " + name)
}

// holds is what a condition means.
func holds(a *configs.Arg, args [6]uint64) bool {
	v := args[a.Index]
	switch a.Op {
	case configs.EqualTo:
		return v == a.Value
	case configs.NotEqualTo:
		return v != a.Value
	case configs.GreaterThan:
		return v > a.Value
	case configs.GreaterThanOrEqualTo:
		return v >= a.Value
	case configs.LessThan:
		return v < a.Value
	case configs.LessThanOrEqualTo:
		return v <= a.Value
	case configs.MaskEqualTo:
		return v&a.Value == a.ValueTwo
	}
	panic("operator")
}

// matches tells whether one condition holds of each argument that has any.
func matches(s *configs.Syscall, args [6]uint64) bool {
	for index := range uint(6) {
		some, held := false, false
		for _, a := range s.Args {
			if a.Index == index {
				some, held = true, held || holds(a, args)
			}
		}
		if some && !held {
			return false
		}
	}
	return true
}

// byStrictness lists what the kernel returns, the strictest first.
var byStrictness = []configs.Action{
	configs.KillProcess, configs.Kill, configs.Trap, configs.Errno, configs.Notify, configs.Trace, configs.Log, configs.Allow,
}

var returned = map[configs.Action]uint32{
	configs.KillProcess: 0x80000000, configs.Kill: 0, configs.Trap: 0x30000, configs.Errno: 0x50000,
	configs.Notify: 0x7fc00000, configs.Trace: 0x7ff00000, configs.Log: 0x7ffc0000, configs.Allow: 0x7fff0000,
}

func result(a configs.Action, ret *uint) uint32 {
	if a == configs.KillThread {
		a = configs.Kill
	}
	v := returned[a]
	if a == configs.Errno || a == configs.Trace {
		if ret == nil {
			return v | 1
		}
		return v | uint32(*ret)
	}
	return v
}

// meaning says what the documentation says about a call of an architecture without
// odd numbers and multiplexers.
func meaning(profile *configs.Seccomp, arch string, c call) uint32 {
	highest, named := uint32(0), false
	var matching []*configs.Syscall
	for _, s := range profile.Syscalls {
		nr, ok := architecture(arch).number(s.Name)
		if !ok {
			continue
		}
		highest, named = max(highest, nr), true
		if nr == c.nr && matches(s, c.args) {
			matching = append(matching, s)
		}
	}
	for _, action := range byStrictness {
		for _, s := range matching {
			if s.Action == action || s.Action == configs.KillThread && action == configs.Kill {
				return result(s.Action, s.ErrnoRet)
			}
		}
	}
	if named && c.nr > highest && profile.DefaultAction == configs.Errno {
		return 0x50000 | 38
	}
	return result(profile.DefaultAction, profile.DefaultErrnoRet)
}

var someNames = []string{
	"read", "write", "openat", "clone", "mmap", "prctl", "personality", "kill", "futex", "ioctl", "statx", "close_range",
	"execve", "exit_group", "no_such_call", "io_uring_setup", "getpid", "capset", "fcntl", "dup3", "mount", "unshare",
}

func randomAction(r *rand.Rand) (configs.Action, *uint) {
	action := configs.Action(1 + r.IntN(int(configs.Notify)))
	if (action == configs.Errno || action == configs.Trace) && r.IntN(2) == 0 {
		return action, errno(uint(r.IntN(4096)))
	}
	return action, nil
}

// randomValue prefers what is near to a limit of 32 bits or to a value in use.
func randomValue(r *rand.Rand, used []uint64) uint64 {
	near := []uint64{0, 1, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 32, 1<<32 + 5, 1 << 63, ^uint64(0)}
	v := append(near, used...)[r.IntN(len(near)+len(used))]
	switch r.IntN(5) {
	case 0:
		return v + 1
	case 1:
		return v - 1
	case 2:
		return v ^ 1<<r.IntN(64)
	case 3:
		return r.Uint64() >> r.IntN(64)
	}
	return v
}

func randomProfile(r *rand.Rand) (profile *configs.Seccomp, used []uint64) {
	profile = new(configs.Seccomp)
	profile.DefaultAction, profile.DefaultErrnoRet = randomAction(r)
	names := slices.Clone(someNames)
	r.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	names = names[:1+r.IntN(len(names))]
	for range r.IntN(40) {
		s := &configs.Syscall{Name: names[r.IntN(len(names))]}
		s.Action, s.ErrnoRet = randomAction(r)
		index := uint(r.IntN(6))
		for range r.IntN(5) {
			a := &configs.Arg{Index: index, Op: configs.Operator(1 + r.IntN(7)), Value: randomValue(r, used)}
			if a.Op == configs.MaskEqualTo {
				a.ValueTwo = a.Value & randomValue(r, used)
				used = append(used, a.ValueTwo)
			}
			used = append(used, a.Value)
			s.Args = append(s.Args, a)
			if r.IntN(3) == 0 { // the others are about the same argument
				index = uint(r.IntN(6))
			}
		}
		profile.Syscalls = append(profile.Syscalls, s)
	}
	return profile, used
}

// newRandom returns a random generator that gives the same each time, so that a test fails
// on everybody's machine or on nobody's. LCTEST_SEED chooses another seed, as make fuzz does.
func newRandom(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(1)
	if text := os.Getenv("LCTEST_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("the seed is %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// TestMeaning runs random profiles, with several conditions on one argument and rules
// that overlap, on random calls and compares with what the documentation says.
func TestMeaning(t *testing.T) {
	audit := map[string]uint32{"x86_64": auditX8664, "aarch64": auditAarch64}
	r := newRandom(t)
	for i := range 500 {
		profile, used := randomProfile(r)
		goarch, arch := "amd64", "x86_64"
		if i%2 == 1 {
			goarch, arch = "arm64", "aarch64"
		}
		p := mustCompile(t, goarch, profile)
		for range 200 {
			c := call{arch: audit[arch], nr: uint32(r.IntN(600))}
			if nr, ok := architecture(arch).number(someNames[r.IntN(len(someNames))]); ok && r.IntN(8) > 0 {
				c.nr = nr
			}
			for j := range c.args {
				c.args[j] = randomValue(r, used)
			}
			if got, want := run(t, p.Filter, c), meaning(profile, arch, c); got != want {
				for _, s := range profile.Syscalls {
					t.Logf("%+v", *s)
					for _, a := range s.Args {
						t.Logf("   %+v", *a)
					}
				}
				t.Fatalf("%s %+v: %#x, want %#x", arch, c, got, want)
			}
		}
	}
}

// TestOneArgument tries every pair of conditions on one argument, of which one must
// hold, at all values around theirs, with a condition on another argument, which must
// hold too.
func TestOneArgument(t *testing.T) {
	values := []uint64{0, 3, 0xffffffff, 1 << 32, 5<<32 + 3, ^uint64(0)}
	var conds []*configs.Arg
	for _, v := range values {
		for op := configs.EqualTo; op < configs.MaskEqualTo; op++ {
			conds = append(conds, arg(2, op, v))
		}
		for _, w := range values {
			conds = append(conds, arg(2, configs.MaskEqualTo, v, v&w))
		}
	}
	nr := number(t, "x86_64", "ioctl")
	for _, a := range conds {
		for _, b := range conds {
			p := mustCompile(t, "amd64", &configs.Seccomp{
				DefaultAction: configs.Errno,
				Syscalls:      rules(on("ioctl", configs.Allow, a, arg(4, configs.EqualTo, 7), b)),
			})
			for _, v := range values {
				for _, v := range []uint64{v - 1, v, v + 1, v ^ 2, v ^ 1<<40} {
					for _, other := range []uint64{7, 8} {
						c := call{nr: nr, arch: auditX8664, args: [6]uint64{2: v, 4: other}}
						want := uint32(0x50001)
						if other == 7 && (holds(a, c.args) || holds(b, c.args)) {
							want = 0x7fff0000
						}
						if got := run(t, p.Filter, c); got != want {
							t.Fatalf("%+v or %+v of %#x, the other argument is %d: %#x, want %#x", *a, *b, v, other, got, want)
						}
					}
				}
			}
		}
	}
}

func TestStrictestActionCounts(t *testing.T) {
	nr := number(t, "x86_64", "socket")
	vsock := arg(0, configs.MaskEqualTo, 0xffffffff, 40)
	for name, list := range map[string][]*configs.Syscall{
		"the condition comes last":  rules(on("socket", configs.Allow), on("socket", configs.Errno, vsock)),
		"the condition comes first": rules(on("socket", configs.Errno, vsock), on("socket", configs.Allow)),
	} {
		p := mustCompile(t, "amd64", &configs.Seccomp{DefaultAction: configs.KillProcess, Syscalls: list})
		for family, want := range map[uint64]uint32{2: 0x7fff0000, 40: 0x50001, 1<<32 | 40: 0x50001} {
			c := call{nr: nr, arch: auditX8664, args: [6]uint64{family}}
			if got := run(t, p.Filter, c); got != want {
				t.Errorf("%s: family %#x: %#x, want %#x", name, family, got, want)
			}
		}
	}
}

func TestUnknownCalls(t *testing.T) {
	const (
		eperm, enosys = 0x50001, 0x50026
		allow, kill   = 0x7fff0000, 0x80000000
	)
	profile := func(action configs.Action, names ...string) *configs.Seccomp {
		p := &configs.Seccomp{DefaultAction: action, Architectures: []string{"x86", "x32", "arm"}}
		for _, name := range names {
			p.Syscalls = append(p.Syscalls, on(name, configs.Allow))
		}
		return p
	}
	refused := &configs.Seccomp{DefaultAction: configs.Errno, DefaultErrnoRet: errno(13), Syscalls: rules(on("write", configs.Errno))}
	for _, tt := range []struct {
		name    string
		goarch  string
		profile *configs.Seccomp
		arch    uint32
		want    map[uint32]uint32 // by number
	}{
		{"below and above", "amd64", profile(configs.Errno, "read", "statx"), auditX8664,
			map[uint32]uint32{0: allow, 1: eperm, 331: eperm, 332: allow, 333: enosys, 1000: enosys, 0x3fffffff: enosys, ^uint32(0): enosys}},
		{"any rule names it", "amd64", refused, auditX8664,
			map[uint32]uint32{0: 0x5000d, 1: eperm, 2: enosys}},
		{"i386 has its own limit", "amd64", profile(configs.Errno, "read", "statx"), auditI386,
			map[uint32]uint32{3: allow, 332: eperm, 383: allow, 384: enosys, ^uint32(0): enosys}},
		{"x32 by common number", "amd64", profile(configs.Errno, "write", "openat"), auditX8664,
			map[uint32]uint32{x32Bit | 1: allow, x32Bit | 2: eperm, x32Bit | 257: allow, x32Bit | 258: enosys,
				x32Bit | 511: enosys, x32Bit | 512: eperm, x32Bit | 547: eperm, x32Bit | 548: enosys, ^uint32(0) - 1: enosys}},
		{"x32's own numbers are no measure", "amd64", profile(configs.Errno, "write", "readv"), auditX8664,
			map[uint32]uint32{x32Bit | 1: allow, x32Bit | 2: enosys, x32Bit | 515: allow, x32Bit | 516: eperm, x32Bit | 548: enosys}},
		{"arm's private numbers are no measure", "arm64", profile(configs.Errno, "write", "set_tls"), auditARM,
			map[uint32]uint32{4: allow, 5: enosys, 0xeffff: enosys, 0xf0000: eperm, 0xf0005: allow, 0xf0006: eperm}},
		{"aarch64", "arm64", profile(configs.Errno, "write"), auditAarch64,
			map[uint32]uint32{63: eperm, 64: allow, 65: enosys, ^uint32(0): enosys}},
		{"only below Errno", "amd64", profile(configs.KillProcess, "read"), auditX8664,
			map[uint32]uint32{0: allow, 1: kill, 1000: kill, ^uint32(0): kill}},
		{"nothing named", "amd64", profile(configs.Errno, "no_such_call"), auditX8664,
			map[uint32]uint32{0: eperm, 1000: eperm}},
		{"no rules", "amd64", profile(configs.Allow), auditI386,
			map[uint32]uint32{0: allow, 1000: allow}},
	} {
		p := mustCompile(t, tt.goarch, tt.profile)
		for nr, want := range tt.want {
			if got := run(t, p.Filter, call{nr: nr, arch: tt.arch}); got != want {
				t.Errorf("%s: number %#x: %#x, want %#x", tt.name, nr, got, want)
			}
		}
	}
}

func TestArchitectures(t *testing.T) {
	const allow, kill = 0x7fff0000, 0x80000000
	for _, tt := range []struct {
		goarch string
		names  []string
		want   map[uint32]uint32 // what getpid of each gets, by AUDIT_ARCH and x32's bit
	}{
		{"amd64", nil, map[uint32]uint32{auditX8664: allow, auditI386: kill, x32Bit: kill, auditARM: kill}},
		{"amd64", []string{"x86"}, map[uint32]uint32{auditX8664: allow, auditI386: allow, x32Bit: kill}},
		{"amd64", []string{"SCMP_ARCH_X32"}, map[uint32]uint32{auditX8664: allow, auditI386: kill, x32Bit: allow}},
		{"amd64", []string{"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "x32"}, map[uint32]uint32{auditX8664: allow, auditI386: allow, x32Bit: allow}},
		{"amd64", []string{"aarch64", "SCMP_ARCH_S390X", "arm"}, map[uint32]uint32{auditX8664: allow, auditAarch64: kill, auditARM: kill}},
		{"arm64", []string{"SCMP_ARCH_ARM"}, map[uint32]uint32{auditAarch64: allow, auditARM: allow, auditX8664: kill}},
		{"arm64", []string{"arm64"}, map[uint32]uint32{auditAarch64: allow, auditARM: kill}},
	} {
		for _, action := range []configs.Action{configs.Allow, configs.Errno} {
			p := mustCompile(t, tt.goarch, &configs.Seccomp{
				DefaultAction: action,
				Architectures: tt.names,
				Syscalls:      rules(on("getpid", configs.Allow)),
			})
			for arch, want := range tt.want {
				c := call{arch: arch}
				switch arch {
				case auditX8664:
					c.nr = 39
				case auditAarch64:
					c.nr = 172
				case x32Bit:
					c.arch, c.nr = auditX8664, x32Bit|39
				default:
					c.nr = 20
				}
				if got := run(t, p.Filter, c); got != want {
					t.Errorf("%s %v, %+v: %#x, want %#x", tt.goarch, tt.names, c, got, want)
				}
			}
		}
	}
}

// TestNoCall is about the number -1, by which a tracer skips a call: it is none of
// x32's, which kill the process.
func TestNoCall(t *testing.T) {
	p := mustCompile(t, "amd64", &configs.Seccomp{DefaultAction: configs.Log})
	for nr, want := range map[uint32]uint32{
		x32Bit - 1: 0x7ffc0000, x32Bit: 0x80000000, ^uint32(0) - 1: 0x80000000, ^uint32(0): 0x7ffc0000,
	} {
		if got := run(t, p.Filter, call{nr: nr, arch: auditX8664}); got != want {
			t.Errorf("number %#x: %#x, want %#x", nr, got, want)
		}
	}
}

// TestMultiplexed is about socketcall and ipc of i386.
func TestMultiplexed(t *testing.T) {
	const eperm, allow, trap = 0x50001, 0x7fff0000, 0x30000
	inet := arg(0, configs.EqualTo, 2)
	for _, tt := range []struct {
		name                   string
		byDefault              configs.Action
		rules                  []*configs.Syscall
		socketcall, unix, ipv4 uint32 // socketcall(SYS_SOCKET), socket(AF_UNIX), socket(AF_INET)
	}{
		{"allowed", configs.Errno, rules(on("socket", configs.Allow)), allow, allow, allow},
		{"not named", configs.Errno, rules(on("statx", configs.Allow)), eperm, eperm, eperm},
		{"refused", configs.Allow, rules(on("socket", configs.Errno)), eperm, eperm, eperm},
		{"allowed with a condition", configs.Errno, rules(on("socket", configs.Allow, inet), on("statx", configs.Allow)), eperm, eperm, allow},
		{"refused with a condition", configs.Allow, rules(on("socket", configs.Errno, inet)), eperm, allow, eperm},
		{"both", configs.KillProcess, rules(on("socket", configs.Allow), on("socket", configs.Trap, inet)), trap, allow, trap},
		{"the multiplexer too", configs.Errno, rules(on("socketcall", configs.Allow), on("socket", configs.Allow, inet)), allow, eperm, allow},
		{"strictest of both", configs.Errno, rules(on("socketcall", configs.Allow), on("socket", configs.Trap)), trap, trap, trap},
	} {
		tt.rules = append(tt.rules, on("close_range", configs.Allow)) // above all of these numbers
		p := mustCompile(t, "amd64", &configs.Seccomp{DefaultAction: tt.byDefault, Architectures: []string{"x86"}, Syscalls: tt.rules})
		for what, c := range map[string]struct {
			call
			want uint32
		}{
			"socketcall":   {call{nr: 102, arch: auditI386, args: [6]uint64{1, 0xbffff000}}, tt.socketcall},
			"socket unix":  {call{nr: 359, arch: auditI386, args: [6]uint64{1, 1}}, tt.unix},
			"socket inet":  {call{nr: 359, arch: auditI386, args: [6]uint64{2, 1}}, tt.ipv4},
			"other number": {call{nr: 102, arch: auditX8664, args: [6]uint64{1, 0}}, result(tt.byDefault, nil)},
		} {
			if got := run(t, p.Filter, c.call); got != c.want {
				t.Errorf("%s: %s: %#x, want %#x", tt.name, what, got, c.want)
			}
		}
	}
	p := mustCompile(t, "amd64", &configs.Seccomp{
		DefaultAction: configs.Errno,
		Architectures: []string{"x86"},
		Syscalls:      rules(on("shmget", configs.Allow), on("semop", configs.Allow), on("close_range", configs.Allow)),
	})
	for _, tt := range []struct {
		call uint64
		want uint32
	}{{23, allow}, {1<<16 | 23, allow}, {1, allow}, {24, eperm}, {0, eperm}} {
		if got := run(t, p.Filter, call{nr: 117, arch: auditI386, args: [6]uint64{tt.call}}); got != tt.want {
			t.Errorf("ipc(%#x): %#x, want %#x", tt.call, got, tt.want)
		}
	}
}

func TestForesight(t *testing.T) {
	set := arg(0, configs.NotEqualTo, 0)
	for _, tt := range []struct {
		name               string
		byDefault          configs.Action
		rules              []*configs.Syscall
		execs, killsThread bool
	}{
		{"allowed", configs.Allow, nil, true, false},
		{"by a rule", configs.Errno, rules(on("execve", configs.Log)), true, false},
		{"no", configs.Errno, rules(on("read", configs.Allow)), false, false},
		{"kill", configs.Kill, nil, false, true},
		{"kill process", configs.KillProcess, nil, false, false},
		{"exit_group", configs.KillThread, rules(on("execve", configs.Allow)), true, true},
		{"on condition", configs.Allow, rules(on("execve", configs.Kill, set)), true, true},
		{"agent", configs.Errno, rules(on("execve", configs.Notify)), true, false},
		{"tracer", configs.Trace, nil, true, false},
		{"trap", configs.Trap, rules(on("exit_group", configs.Allow)), false, false},
	} {
		p := mustCompile(t, "amd64", &configs.Seccomp{DefaultAction: tt.byDefault, Syscalls: tt.rules})
		if p.Execs != tt.execs || p.KillsThread != tt.killsThread {
			t.Errorf("%s: execs %t, kills thread %t", tt.name, p.Execs, p.KillsThread)
		}
	}
}

func TestFlags(t *testing.T) {
	notify := rules(on("mount", configs.Notify))
	for _, tt := range []struct {
		flags string
		rules []*configs.Syscall
		want  uint64
	}{
		{"", nil, 0},
		{"TSYNC", nil, 0},
		{"LOG", nil, 2},
		{"LOG SPEC_ALLOW", nil, 6},
		{"", notify, 8},
		{"WAIT_KILLABLE_RECV TSYNC", notify, 40},
	} {
		profile := &configs.Seccomp{DefaultAction: configs.Allow, Syscalls: tt.rules}
		for name := range strings.FieldsSeq(tt.flags) {
			profile.Flags = append(profile.Flags, "SECCOMP_FILTER_FLAG_"+name)
		}
		if p := mustCompile(t, "amd64", profile); p.Flags != tt.want || p.Notify != (tt.rules != nil) {
			t.Errorf("%q: flags %#x, notify %t", tt.flags, p.Flags, p.Notify)
		}
	}
}

func TestCompileRefuses(t *testing.T) {
	many := &configs.Seccomp{DefaultAction: configs.Allow}
	for i := range uint64(2000) {
		many.Syscalls = append(many.Syscalls, on("read", configs.Errno, arg(0, configs.EqualTo, i)))
	}
	with := func(s ...*configs.Syscall) *configs.Seccomp {
		return &configs.Seccomp{DefaultAction: configs.Allow, Syscalls: s}
	}
	for _, tt := range []struct {
		want    string
		profile *configs.Seccomp
	}{
		{"Seccomp.DefaultAction: unknown action 0", &configs.Seccomp{}},
		{"Seccomp.DefaultAction: ErrnoRet is for", &configs.Seccomp{DefaultAction: configs.Allow, DefaultErrnoRet: errno(1)}},
		{"Seccomp.Architectures[1]: unknown architecture \"vax\"", &configs.Seccomp{DefaultAction: configs.Allow, Architectures: []string{"x86", "vax"}}},
		{"Seccomp.Flags[0]: unknown flag", &configs.Seccomp{DefaultAction: configs.Allow, Flags: []string{"SECCOMP_FILTER_FLAG_NEW_LISTENER"}}},
		{"WAIT_KILLABLE_RECV needs", &configs.Seccomp{DefaultAction: configs.Allow, Flags: []string{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"}}},
		{"Seccomp.Syscalls[1] is nil", with(on("read", configs.Allow), nil)},
		{"Seccomp.Syscalls[0], read: unknown action 10", with(on("read", 10))},
		{"Seccomp.Syscalls[0], read: ErrnoRet 4096 is too high", with(&configs.Syscall{Name: "read", Action: configs.Errno, ErrnoRet: errno(4096)})},
		{"Seccomp.Syscalls[0].Args[0] is nil", with(on("read", configs.Allow, nil))},
		{"Args[0].Index 6 is above 5", with(on("read", configs.Allow, arg(6, configs.EqualTo, 0)))},
		{"Args[0].Op 8 is unknown", with(on("read", configs.Allow, arg(0, 8, 0)))},
		{"Args[0].ValueTwo 0x3 has bits outside of the mask 0x2", with(on("read", configs.Allow, arg(0, configs.MaskEqualTo, 2, 3)))},
		{"instructions, the kernel takes 4096", many},
	} {
		if _, err := compile(tt.profile, "amd64"); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
	if _, err := compile(with(), "riscv64"); err == nil {
		t.Error("an unknown machine was accepted")
	}
}

// FuzzInterpret looks for profiles whose programs are not sound.
func FuzzInterpret(f *testing.F) {
	f.Add(uint64(1), uint32(0), uint32(auditX8664), uint64(0))
	f.Fuzz(func(t *testing.T, seed uint64, nr, arch uint32, v uint64) {
		profile, _ := randomProfile(rand.New(rand.NewPCG(seed, 1)))
		profile.Architectures = []string{"x86", "x32", "arm"}
		for _, goarch := range []string{"amd64", "arm64"} {
			p, err := compile(profile, goarch)
			if err != nil {
				t.Fatal(err)
			}
			run(t, p.Filter, call{nr: nr, arch: arch, args: [6]uint64{v, v + 1, v << 1, v >> 1, ^v, v}})
		}
	})
}

func BenchmarkCompileDefault(b *testing.B) {
	profile := Default()
	for b.Loop() {
		if _, err := compile(profile, runtime.GOARCH); err != nil {
			b.Fatal(err)
		}
	}
}
