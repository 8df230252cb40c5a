package seccomp

import (
	"strings"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

// name is what the OCI runtime specification, and libseccomp, call a value.
type name[T any] struct {
	text  string
	value T
}

func actionNames() []name[configs.Action] {
	return []name[configs.Action]{
		{"SCMP_ACT_ALLOW", configs.Allow},
		{"SCMP_ACT_ERRNO", configs.Errno},
		{"SCMP_ACT_KILL", configs.Kill},
		{"SCMP_ACT_KILL_PROCESS", configs.KillProcess},
		{"SCMP_ACT_KILL_THREAD", configs.KillThread},
		{"SCMP_ACT_LOG", configs.Log},
		{"SCMP_ACT_NOTIFY", configs.Notify},
		{"SCMP_ACT_TRACE", configs.Trace},
		{"SCMP_ACT_TRAP", configs.Trap},
	}
}

func operatorNames() []name[configs.Operator] {
	return []name[configs.Operator]{
		{"SCMP_CMP_EQ", configs.EqualTo},
		{"SCMP_CMP_GE", configs.GreaterThanOrEqualTo},
		{"SCMP_CMP_GT", configs.GreaterThan},
		{"SCMP_CMP_LE", configs.LessThanOrEqualTo},
		{"SCMP_CMP_LT", configs.LessThan},
		{"SCMP_CMP_MASKED_EQ", configs.MaskEqualTo},
		{"SCMP_CMP_NE", configs.NotEqualTo},
	}
}

func valueOf[T any](names []name[T], text string) (value T, ok bool) {
	for _, n := range names {
		if n.text == text {
			return n.value, true
		}
	}
	return value, false
}

func texts[T any](names []name[T]) []string {
	list := make([]string, len(names))
	for i, n := range names {
		list[i] = n.text
	}
	return list
}

// Actions returns the names of all actions, in the OCI runtime specification.
func Actions() []string { return texts(actionNames()) }

// ActionOf gives the action of such a name, for example SCMP_ACT_ERRNO.
func ActionOf(text string) (action configs.Action, ok bool) { return valueOf(actionNames(), text) }

// Operators returns the names of all operators, in the OCI runtime specification.
func Operators() []string { return texts(operatorNames()) }

// OperatorOf gives the operator of such a name, for example SCMP_CMP_EQ.
func OperatorOf(text string) (operator configs.Operator, ok bool) {
	return valueOf(operatorNames(), text)
}

// Architectures returns the names, in the OCI runtime specification, of those that a
// profile may list: those of other machines are accepted and skipped, since profiles are
// written for many.
func Architectures() []string {
	list := architectures()
	for i, arch := range list {
		list[i] = "SCMP_ARCH_" + strings.ToUpper(arch)
	}
	return list
}

// Flags returns the names of the flags that a profile may have.
func Flags() []string { return linux.SeccompFlags().Texts() }
