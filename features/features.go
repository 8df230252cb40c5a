// Package features tells what the library knows, for programs that ask before they write
// a configuration: an engine's command features, or a user interface. Nothing of it is
// written down here. The lists are those by which configurations are validated and carried
// out, so that a name is in a list when, and only when, it works.
//
// Known tells what this version of the library knows, whatever kernel is at hand; only
// SupportedFlags of Seccomp asks the kernel.
package features

import (
	"reflect"
	"strings"
	"unicode"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
	"github.com/libcontainer/libcontainer/seccomp"
)

// Features are names that fields of a configuration, or of a process, may have.
type Features struct {
	// Hooks are the kinds of configs.Hooks, as the OCI runtime specification spells
	// them, such as "createRuntime".
	Hooks []string `json:"hooks"`

	// MountOptions are the options that configs.Mount.SetOptions does not leave to the
	// file system, such as "ro".
	MountOptions []string `json:"mountOptions"`

	// Namespaces are the types of configs.Namespace, such as configs.NEWNET.
	Namespaces []configs.NamespaceType `json:"namespaces"`

	// Capabilities are such as "CAP_NET_RAW".
	Capabilities []string `json:"capabilities"`

	// Seccomp is what a configs.Seccomp may have.
	Seccomp Seccomp `json:"seccomp"`

	// MemoryPolicy is what a configs.MemoryPolicy may have.
	MemoryPolicy MemoryPolicy `json:"memoryPolicy"`

	// Scheduler is what a configs.Scheduler may have.
	Scheduler Scheduler `json:"scheduler"`

	// IOPriorityClasses are those of a configs.IOPriority.
	IOPriorityClasses []string `json:"ioPriorityClasses"`

	// Personality is what a configs.Personality may have.
	Personality Personality `json:"personality"`

	// Rlimits are the names that configs.RlimitType knows.
	Rlimits []string `json:"rlimits"`
}

// Seccomp has names of the OCI runtime specification.
type Seccomp struct {
	// Actions are such as "SCMP_ACT_NOTIFY", see seccomp.ActionOf.
	Actions []string `json:"actions"`

	// Operators are such as "SCMP_CMP_NE", see seccomp.OperatorOf.
	Operators []string `json:"operators"`

	// Architectures are such as "SCMP_ARCH_X86_64". Those that this machine cannot run
	// are among them: a profile may list them, and they are skipped.
	Architectures []string `json:"architectures"`

	// KnownFlags are such as "SECCOMP_FILTER_FLAG_LOG", SupportedFlags those of them
	// that the kernel at hand knows.
	KnownFlags     []string `json:"knownFlags"`
	SupportedFlags []string `json:"supportedFlags"`
}

// MemoryPolicy has names of set_mempolicy(2).
type MemoryPolicy struct {
	Modes []string `json:"modes"`
	Flags []string `json:"flags"`
}

// Scheduler has names of sched_setattr(2).
type Scheduler struct {
	Policies []string `json:"policies"`
	Flags    []string `json:"flags"`
}

// Personality has names of personality(2).
type Personality struct {
	Domains []string `json:"domains"`
	Flags   []string `json:"flags"`
}

// Known returns what the library knows. The lists are the caller's.
func Known() Features {
	return Features{
		Hooks:        hooks(),
		MountOptions: configs.MountOptions(),
		Namespaces:   configs.NamespaceTypes(),
		Capabilities: linux.Capabilities().Texts(),
		Seccomp: Seccomp{
			Actions:        seccomp.Actions(),
			Operators:      seccomp.Operators(),
			Architectures:  seccomp.Architectures(),
			KnownFlags:     seccomp.Flags(),
			SupportedFlags: seccomp.SupportedFlags(),
		},
		MemoryPolicy:      MemoryPolicy{linux.MemoryPolicyModes().Texts(), linux.MemoryPolicyFlags().Texts()},
		Scheduler:         Scheduler{linux.SchedulerPolicies().Texts(), linux.SchedulerFlags().Texts()},
		IOPriorityClasses: linux.IOPriorityClasses().Texts(),
		Personality:       Personality{linux.PersonalityDomains().Texts(), linux.PersonalityFlags().Texts()},
		Rlimits:           linux.Rlimits().Texts(),
	}
}

// hooks gives the kinds of hooks, which are the fields of configs.Hooks.
func hooks() (kinds []string) {
	for _, field := range reflect.VisibleFields(reflect.TypeFor[configs.Hooks]()) {
		kinds = append(kinds, string(unicode.ToLower(rune(field.Name[0])))+strings.TrimPrefix(field.Name, field.Name[:1]))
	}
	return kinds
}
