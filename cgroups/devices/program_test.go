//go:build linux

package devices

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/cilium/ebpf/asm"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// deviceNumber is a device that tests ask for.
type deviceNumber struct {
	kind         byte
	major, minor uint32
}

// Numbers of devices in tests, the highest of the kernel's among them.
var (
	testMajors = []uint32{1, 5, 136, 4095}
	testMinors = []uint32{0, 3, 5, 1<<20 - 1}
)

// testDevices returns all devices of these numbers.
func testDevices() []deviceNumber {
	var list []deviceNumber
	for _, kind := range []byte("bc") {
		for _, major := range testMajors {
			for _, minor := range testMinors {
				list = append(list, deviceNumber{kind, major, minor})
			}
		}
	}
	return list
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

// randomDevices returns rules about testDevices, wildcards, and few others.
func randomDevices(r *rand.Rand) []*configs.Device {
	number := func(of []uint32) int64 {
		switch r.IntN(6) {
		case 0, 1:
			return configs.Wildcard
		case 2:
			return int64(r.Uint32N(1<<32 - 1))
		}
		return int64(of[r.IntN(len(of))])
	}
	list := make([]*configs.Device, r.IntN(13))
	for i := range list {
		access := Access(1 + r.IntN(int(allAccesses)))
		list[i] = device(rune("abc"[r.IntN(3)]), number(testMajors), number(testMinors), access.String())
	}
	return list
}

// run is what the kernel does with a program. It fails on what the verifier would
// refuse, as far as it meets it.
func run(code []instruction, kind uint16, major, minor uint32, access uint16) (uint64, error) {
	var r [11]uint64
	context := map[int16]uint32{0: uint32(access)<<16 | uint32(kind), 4: major, 8: minor}
	for place := 0; place < len(code); place++ {
		i := code[place]
		to, from := i.registers&0xf, i.registers>>4
		if i.offset < 0 {
			return 0, fmt.Errorf("%d: a jump back", place)
		}
		switch i.code {
		case 0x61:
			r[to] = uint64(context[i.offset])
		case 0xb7:
			r[to] = uint64(int64(i.constant))
		case 0xbf:
			r[to] = r[from]
		case 0x57:
			r[to] &= uint64(int64(i.constant))
		case 0x77:
			r[to] >>= i.constant
		case 0x7f:
			r[to] >>= r[from] & 63
		case 0x05:
			place += int(i.offset)
		case 0x16:
			if uint32(r[to]) == uint32(i.constant) {
				place += int(i.offset)
			}
		case 0x36:
			if uint32(r[to]) >= uint32(i.constant) {
				place += int(i.offset)
			}
		case 0x95:
			return r[0], nil
		default:
			return 0, fmt.Errorf("%d: an unexpected instruction %#x", place, i.code)
		}
	}
	return 0, fmt.Errorf("ran out of the program")
}

func describe(rules Rules) string {
	if rules.AllowAll {
		return fmt.Sprintf("all but %q", rules.Exceptions.Lines())
	}
	return fmt.Sprintf("only %q", rules.Exceptions.Lines())
}

// checkProgram compares the program for rules with the rules.
func checkProgram(t *testing.T, rules Rules, devices []deviceNumber) {
	t.Helper()
	for _, layout := range []int{0, 1, 2, layouts - 1} {
		code, err := compileAs(layout, rules)
		if err != nil {
			t.Fatal(err)
		}
		checkCode(t, code, rules, devices)
	}
}

func checkCode(t *testing.T, code []instruction, rules Rules, devices []deviceNumber) {
	t.Helper()
	kinds := map[byte]uint16{'b': unix.BPF_DEVCG_DEV_BLOCK, 'c': unix.BPF_DEVCG_DEV_CHAR}
	for _, d := range devices {
		for access := range allAccesses + 1 {
			got, err := run(code, kinds[d.kind], d.major, d.minor, uint16(access))
			want := rules.Allows(d.kind, d.major, d.minor, access)
			if err != nil || got > 1 || (got == 1) != want {
				t.Fatalf("%s: %c %d:%d %q: got %d, %v, want %v", describe(rules), d.kind, d.major, d.minor, access, got, err, want)
			}
		}
	}
	// A type that the kernel does not have yet matches no exception.
	if got, err := run(code, 4, 1, 3, uint16(Read)); err != nil || (got == 1) != rules.AllowAll {
		t.Fatalf("%s: an unknown type: got %d, %v", describe(rules), got, err)
	}
}

func TestProgramRandom(t *testing.T) {
	r := newRandom(t)
	more := []deviceNumber{{'c', 0, 0}, {'b', 2, 7}, {'c', 1<<32 - 1, 1<<32 - 1}, {'b', 1 << 31, 1 << 31}}
	for range 2000 {
		list := randomDevices(r)
		rules, err := New(r.IntN(2) == 0, list, list)
		if err != nil {
			t.Fatal(err)
		}
		devices := append(testDevices(), more...)
		for pattern := range rules.Exceptions {
			devices = append(devices, deviceNumber{pattern.Kind, uint32(pattern.Major), uint32(pattern.Minor)})
		}
		checkProgram(t, rules, devices)
	}
}

// Long searches are halved.
func TestProgramMany(t *testing.T) {
	rules := Rules{Exceptions: make(List)}
	var devices []deviceNumber
	for i := range uint32(200) {
		major, minor := i%20*3, i<<22
		rules.Exceptions[Pattern{'c', int64(major), int64(minor)}] = Access(1 + i%7)
		devices = append(devices, deviceNumber{'c', major, minor}, deviceNumber{'c', major, minor + 1}, deviceNumber{'c', major + 1, minor})
	}
	for range 2 {
		checkProgram(t, rules, devices)
		rules.AllowAll = true
	}
}

const prologueText = `
LdXMemW dst: r2 src: r1 off: 0 imm: 0
LdXMemW dst: r3 src: r1 off: 4 imm: 0
LdXMemW dst: r4 src: r1 off: 8 imm: 0
MovReg dst: r5 src: r2
RShImm dst: r5 imm: 16
AndImm dst: r2 imm: 65535`

// The instructions are what an independent decoder takes them for.
func TestProgramText(t *testing.T) {
	for _, test := range []struct {
		allowAll bool
		list     []*configs.Device
		want     string
	}{
		{true, nil, `
MovImm dst: r0 imm: 255
RShReg dst: r0 src: r5
AndImm dst: r0 imm: 1
Exit`},
		{false, []*configs.Device{device('c', 1, 3, "rw"), device('c', 1, 5, "r"), device('b', every, every, "m")}, `
JEq32Imm dst: r2 off: 19 imm: 1
JEq32Imm dst: r2 off: 1 imm: 2
Ja off: 5
JEq32Imm dst: r3 off: 1 imm: 1
Ja off: 3
JEq32Imm dst: r4 off: 10 imm: 3
JEq32Imm dst: r4 off: 5 imm: 5
Ja off: 0
MovImm dst: r0 imm: 0
RShReg dst: r0 src: r5
AndImm dst: r0 imm: 1
Exit
MovImm dst: r0 imm: 5
RShReg dst: r0 src: r5
AndImm dst: r0 imm: 1
Exit
MovImm dst: r0 imm: 85
RShReg dst: r0 src: r5
AndImm dst: r0 imm: 1
Exit
MovImm dst: r0 imm: 3
RShReg dst: r0 src: r5
AndImm dst: r0 imm: 1
Exit`},
	} {
		rules, err := New(test.allowAll, test.list, test.list)
		if err != nil {
			t.Fatal(err)
		}
		code, err := compile(rules)
		if err != nil {
			t.Fatal(err)
		}
		if got := disassemble(t, code); got != prologueText+test.want {
			t.Errorf("%q: got%s", rules.Exceptions.Lines(), got)
		}
	}
}

func disassemble(t *testing.T, code []instruction) string {
	t.Helper()
	var raw bytes.Buffer
	if err := binary.Write(&raw, binary.LittleEndian, code); err != nil {
		t.Fatal(err)
	}
	decoded, err := asm.AppendInstructions(nil, &raw, binary.LittleEndian, "linux")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, i := range decoded {
		fmt.Fprintf(&text, "\n%v", i)
	}
	return text.String()
}

// What is at the limit compiles, and its jumps reach their ends. What is over it is
// refused, also where a program would be too long by far.
func TestProgramLimit(t *testing.T) {
	const most = maxComparisons - 2 // two are by type
	for _, test := range []struct {
		name    string
		majors  int
		minors  int // of each major
		every   int // minors of every major
		wantErr bool
	}{
		{"one major", 1, most - 1, 0, false},
		{"many majors", most / 2, 1, 0, false},
		{"one more", most / 2, 1, 1, true},
		{"minors of every major", 1000, 0, 1000, true},
		{"too many by far", 300, 300, 0, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules := manyRules(test.majors, test.minors, test.every)
			code, err := compile(rules)
			if test.wantErr {
				if err == nil || !strings.Contains(err.Error(), fmt.Sprint(maxComparisons)) {
					t.Errorf("got %v, want an error with the limit", err)
				}
				return
			}
			// There may be 256 different verdicts, of four instructions each.
			if err != nil || len(code)+4*256+maxNoOps > math.MaxInt16 {
				t.Errorf("%d instructions, %v", len(code), err)
			}
		})
	}
}

// manyRules returns rules for so many majors with so many minors each, and for so
// many minors of every major.
func manyRules(majors, minors, every int) Rules {
	rules := Rules{Exceptions: make(List)}
	for major := range int64(majors) {
		rules.Exceptions[Pattern{'c', major, configs.Wildcard}] = Mknod
		for minor := range int64(minors) {
			rules.Exceptions[Pattern{'c', major, minor}] = Access(1 + (major+minor)%7)
		}
	}
	for minor := range int64(every) {
		rules.Exceptions[Pattern{'c', configs.Wildcard, minor}] = Read
	}
	return rules
}

// The program decides as the rules do, whatever they are.
func FuzzProgram(f *testing.F) {
	f.Add("c 1:3 rw\nc 1:* w\nb *:* m\nc *:3 m\n", false)
	f.Add("c 1:3 rw\nc 2:4 w\nc 3:5 m\nc 4:6 m\nc 5:0 r\n", true)
	f.Fuzz(func(t *testing.T, text string, allowAll bool) {
		rules, err := ParseList(text)
		if err != nil || len(rules.Exceptions) > 50 {
			return
		}
		rules.AllowAll = allowAll
		devices := testDevices()
		for one := range rules.Exceptions {
			for other := range rules.Exceptions {
				devices = append(devices, deviceNumber{one.Kind, uint32(one.Major), uint32(other.Minor)})
			}
		}
		checkProgram(t, rules, devices)
	})
}
