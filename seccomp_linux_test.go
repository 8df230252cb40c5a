package libcontainer

import (
	"reflect"
	"sync"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/seccomp"
)

func TestProgramsAreCompiledOnce(t *testing.T) {
	p := new(programs)
	first, err := p.compile(seccomp.Default())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			again, err := p.compile(seccomp.Default())
			if err != nil || again != first {
				t.Errorf("compiled again: %p, want %p, error %v", again, first, err)
			}
		})
	}
	wg.Wait()
	with := seccomp.Default()
	with.ListenerPath, with.ListenerMetadata = "/agent", "m" // not part of the program
	if again, err := p.compile(with); err != nil || again != first {
		t.Errorf("the agent's address counts: error %v", err)
	}
	if none, err := p.compile(nil); err != nil || none != nil {
		t.Errorf("no profile: %v, error %v", none, err)
	}
}

func TestProgramsAreBounded(t *testing.T) {
	p := new(programs)
	profile := func(i int) *configs.Seccomp {
		ret := uint(i)
		return &configs.Seccomp{DefaultAction: configs.Errno, DefaultErrnoRet: &ret}
	}
	last := 3 * maxPrograms
	for i := range last + 1 {
		if _, err := p.compile(profile(i)); err != nil {
			t.Fatal(err)
		}
	}
	if len(p.known) != maxPrograms || len(p.order) != maxPrograms {
		t.Errorf("%d programs in an order of %d are kept, want %d", len(p.known), len(p.order), maxPrograms)
	}
	if _, ok := p.known[profileKey(profile(last))]; !ok {
		t.Error("the newest one is not there")
	}
	if _, ok := p.known[profileKey(profile(0))]; ok {
		t.Error("the oldest one is still there")
	}
}

func TestBadProfilesStayBad(t *testing.T) {
	p := new(programs)
	for range 2 {
		_, err := p.compile(&configs.Seccomp{DefaultAction: configs.Allow, Architectures: []string{"vax"}})
		if err == nil {
			t.Error("an unknown architecture was accepted")
		}
		_, err = p.compile(&configs.Seccomp{DefaultAction: configs.Allow, Syscalls: []*configs.Syscall{nil}})
		if err == nil {
			t.Error("a rule that is nil was accepted")
		}
	}
}

// TestProfileKey changes each field by itself: only the agent's are no part of it.
func TestProfileKey(t *testing.T) {
	base := func() *configs.Seccomp {
		one, two := uint(1), uint(2)
		return &configs.Seccomp{
			DefaultAction:   configs.Errno,
			DefaultErrnoRet: &one,
			Architectures:   []string{"x86"},
			Flags:           []string{"F"},
			Syscalls: []*configs.Syscall{{
				Name: "read", Action: configs.Errno, ErrnoRet: &two, Args: []*configs.Arg{{Index: 1, Value: 2, ValueTwo: 3, Op: 4}},
			}},
		}
	}
	seen := map[string]string{profileKey(base()): "unchanged"}
	check := func(name string, profile *configs.Seccomp) {
		t.Helper()
		key := profileKey(profile)
		if other, ok := seen[key]; ok {
			t.Errorf("%s has the key of %s", name, other)
		}
		seen[key] = name
	}
	edit := func(name string, part func(*configs.Seccomp) reflect.Value) {
		for i := range part(base()).NumField() {
			profile := base()
			field := part(profile).Field(i)
			field.SetZero()
			name := name + "." + part(profile).Type().Field(i).Name
			if name == "Seccomp.ListenerPath" || name == "Seccomp.ListenerMetadata" {
				continue
			}
			check(name, profile)
		}
	}
	edit("Seccomp", func(s *configs.Seccomp) reflect.Value { return reflect.ValueOf(s).Elem() })
	edit("Syscall", func(s *configs.Seccomp) reflect.Value { return reflect.ValueOf(s.Syscalls[0]).Elem() })
	edit("Arg", func(s *configs.Seccomp) reflect.Value { return reflect.ValueOf(s.Syscalls[0].Args[0]).Elem() })

	joined := base()
	joined.Architectures, joined.Flags = []string{"x86", "F"}, nil
	check("a text that moved", joined)
}

func BenchmarkProfileKey(b *testing.B) {
	p, profile := new(programs), seccomp.Default()
	for b.Loop() {
		if _, err := p.compile(profile); err != nil {
			b.Fatal(err)
		}
	}
}
