package program

import (
	"errors"
	"io/fs"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A failure says what was tried, and is the error and what else it stands for.
func TestFailure(t *testing.T) {
	b := NewBuilder(NewRegisters())
	b.Do("first", unix.SYS_GETPID)
	out := b.In("mount a on b")
	b.Blame(true)
	b.Do("open", unix.SYS_GETPID)
	b.Cause(exec.ErrNotFound)
	b.Blame(false)
	out()
	b.Later(func() { b.Do("later", unix.SYS_GETPID) })
	b.Do("last", unix.SYS_GETPID)
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	for index, want := range []struct {
		text    string
		invalid bool
	}{
		{"first: no such file or directory", false},
		{"mount a on b: open: executable file not found in $PATH: no such file or directory", true},
		{"last: no such file or directory", false},
		{"return: no such file or directory", false},
		{"later: no such file or directory", false},
		{"operation 5 of a list of 5: no such file or directory", false},
	} {
		err := p.Error(uint32(index), unix.ENOENT)
		if err.Error() != want.text || !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, unix.ENOENT) {
			t.Errorf("operation %d: %q, want %q", index, err, want.text)
		}
		var failure *Failure
		if got := errors.As(err, &failure) && failure.Invalid; got != want.invalid {
			t.Errorf("operation %d is the caller's fault: %v", index, got)
		}
		if got := errors.Is(err, exec.ErrNotFound); got != (index == 1) {
			t.Errorf("operation %d is exec.ErrNotFound: %v", index, got)
		}
	}
}

// What is kept of a list for a later process of the host tells the same errors.
func TestOfSteps(t *testing.T) {
	b := NewBuilder(NewRegisters())
	defer b.In("start")()
	b.Do("one", unix.SYS_GETPID)
	b.Blame(true)
	b.Do("two", unix.SYS_GETPID)
	p, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	again := OfSteps(p.Steps())
	for i := range uint32(3) {
		want, got := p.Error(i, syscall.EPERM), again.Error(i, syscall.EPERM)
		var a, b *Failure
		if got.Error() != want.Error() || errors.As(want, &a) != errors.As(got, &b) || a != nil && a.Invalid != b.Invalid {
			t.Errorf("operation %d: %v, want %v", i, got, want)
		}
	}
}

// What cannot be sent is not built.
func TestBuildErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		emit func(b *Builder)
		want string
	}{
		"a label that is nowhere": {func(b *Builder) { b.Jump(b.Label()) }, "nowhere"},
		"too many errors":         {func(b *Builder) { b.Do("", 0); b.Ignore(1, 2, 3, 4, 5) }, "5 errors"},
		"nothing to ignore":       {func(b *Builder) { b.Ignore(1) }, "1 errors"},
		"a pointer to a nil":      {func(b *Builder) { b.Point(b.Words(0), Num(0)) }, "pointer"},
		"registers": {func(b *Builder) {
			for range registers {
				b.Reg()
			}
		}, "no register"},
		"operations": {func(b *Builder) {
			for range maxOps + 1 {
				b.Do("", unix.SYS_GETPID)
			}
		}, "65537 operations"},
		"data": {func(b *Builder) { b.Space(maxSize) }, "over the limit"},
	} {
		b := NewBuilder(NewRegisters())
		tt.emit(b)
		if _, err := b.Build(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want %q", name, err, tt.want)
		}
	}
}

// A message that the kernel might send in parts is not built.
func TestMessageThatIsTooLong(t *testing.T) {
	for size, ok := range map[int]bool{MaxPayload: true, MaxPayload + 1: false} {
		b := NewBuilder(NewRegisters())
		b.Ask("ask", func([]byte, []int) (*Program, error) { return nil, nil }, b.Space(size), Num(size))
		if _, err := b.Build(); (err == nil) != ok {
			t.Errorf("a request about %d bytes: %v", size, err)
		}
	}
}
