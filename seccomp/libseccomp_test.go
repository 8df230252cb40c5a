//go:build cgo

package seccomp

import (
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	libseccomp "github.com/seccomp/libseccomp-golang"

	"github.com/libcontainer/libcontainer/configs"
)

// generate lets libseccomp make a program that allows what any of the rules allows,
// on this machine's architecture.
func generate(t *testing.T, list []*configs.Syscall) []byte {
	t.Helper()
	filter, err := libseccomp.NewFilter(libseccomp.ActErrno.SetReturnCode(1))
	if err != nil {
		t.Fatal(err)
	}
	defer filter.Release()
	operators := map[configs.Operator]libseccomp.ScmpCompareOp{
		configs.EqualTo:              libseccomp.CompareEqual,
		configs.NotEqualTo:           libseccomp.CompareNotEqual,
		configs.GreaterThan:          libseccomp.CompareGreater,
		configs.GreaterThanOrEqualTo: libseccomp.CompareGreaterEqual,
		configs.LessThan:             libseccomp.CompareLess,
		configs.LessThanOrEqualTo:    libseccomp.CompareLessOrEqual,
		configs.MaskEqualTo:          libseccomp.CompareMaskedEqual,
	}
	for _, s := range list {
		nr, err := libseccomp.GetSyscallFromName(s.Name)
		if err != nil {
			t.Fatal(err)
		}
		var conds []libseccomp.ScmpCondition
		for _, a := range s.Args {
			conds = append(conds, libseccomp.ScmpCondition{Argument: a.Index, Op: operators[a.Op], Operand1: a.Value, Operand2: a.ValueTwo})
		}
		if err := filter.AddRuleConditionalExact(nr, libseccomp.ActAllow, conds); err != nil {
			t.Fatal(err)
		}
	}
	file, err := os.CreateTemp(t.TempDir(), "bpf")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := filter.ExportBPF(file); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestAgainstLibseccomp compares the programs with those of libseccomp's generator,
// for the profiles that it can express: one comparison an argument. It has only one
// rule a call, too: of several ones with comparisons of the same argument, libseccomp
// 2.5.4 makes programs that allow what none of them does.
func TestAgainstLibseccomp(t *testing.T) {
	native := machine(runtime.GOARCH)[0]
	names := []string{"read", "openat", "ioctl", "prctl", "socket", "close_range"}
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 2))
	for range 200 {
		profile := &configs.Seccomp{DefaultAction: configs.Errno}
		var used []uint64
		for _, name := range names {
			s := on(name, configs.Allow)
			for index := range uint(6) {
				if r.IntN(4) > 0 {
					continue
				}
				a := &configs.Arg{Index: index, Op: configs.Operator(1 + r.IntN(7)), Value: randomValue(r, used)}
				if a.Op == configs.MaskEqualTo {
					a.ValueTwo = a.Value & randomValue(r, used)
				}
				used = append(used, a.Value, a.ValueTwo)
				s.Args = append(s.Args, a)
			}
			profile.Syscalls = append(profile.Syscalls, s)
		}
		theirs := generate(t, profile.Syscalls)
		ours, err := Compile(profile)
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			c := call{arch: native.audit, nr: number(t, native.name, names[r.IntN(len(names))])}
			for i := range c.args {
				c.args[i] = randomValue(r, used)
			}
			got, want := run(t, ours.Filter, c), run(t, theirs, c)
			if got != want {
				for _, s := range profile.Syscalls {
					t.Logf("%+v", *s)
					for _, a := range s.Args {
						t.Logf("   %+v", *a)
					}
				}
				t.Fatalf("seed %d: %+v: %#x, libseccomp's %#x", seed, c, got, want)
			}
		}
	}
}
