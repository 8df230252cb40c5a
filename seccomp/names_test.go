package seccomp

import (
	"slices"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// What is told to be known is: each name has a value, a profile may use it, and no value
// of package configs is without a name.
func TestNames(t *testing.T) {
	for kind, list := range map[string][]string{
		"actions": Actions(), "operators": Operators(), "architectures": Architectures(), "flags": Flags(),
	} {
		if len(list) == 0 || len(slices.Compact(slices.Sorted(slices.Values(list)))) != len(list) {
			t.Errorf("%s: some are there twice, or none: %q", kind, list)
		}
	}
	actions := make(map[configs.Action]bool)
	for _, text := range Actions() {
		a, ok := ActionOf(text)
		if !ok || actions[a] {
			t.Errorf("%s is %d, %v", text, a, ok)
		}
		actions[a] = true
		if _, err := Compile(&configs.Seccomp{DefaultAction: a}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	operators := make(map[configs.Operator]bool)
	for _, text := range Operators() {
		o, ok := OperatorOf(text)
		if !ok || operators[o] {
			t.Errorf("%s is %d, %v", text, o, ok)
		}
		operators[o] = true
		rule := &configs.Syscall{Name: "getppid", Action: configs.Errno, Args: []*configs.Arg{{Op: o, Value: 1, ValueTwo: 1}}}
		if _, err := Compile(&configs.Seccomp{DefaultAction: configs.Allow, Syscalls: []*configs.Syscall{rule}}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for a := configs.Kill; a <= configs.Notify; a++ {
		if !actions[a] {
			t.Errorf("the action %d has no name", a)
		}
	}
	for o := configs.EqualTo; o <= configs.MaskEqualTo; o++ {
		if !operators[o] {
			t.Errorf("the operator %d has no name", o)
		}
	}
	if _, err := Compile(&configs.Seccomp{DefaultAction: configs.Allow, Architectures: Architectures()}); err != nil {
		t.Error(err)
	}
	if _, err := Compile(&configs.Seccomp{DefaultAction: configs.Notify, Flags: Flags()}); err != nil {
		t.Error(err)
	}
	if _, ok := ActionOf("SCMP_ACT_NONE"); ok {
		t.Error("an action that there is not")
	}
}
