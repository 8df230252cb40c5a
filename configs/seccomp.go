package configs

// Seccomp is a filter of system calls, see seccomp(2). System calls that no rule
// of Syscalls matches get DefaultAction.
type Seccomp struct {
	// DefaultAction is for system calls that no rule matches.
	DefaultAction Action `json:"default_action"`

	// Architectures are those that the filter is for beside the machine's own,
	// by their names in libseccomp, such as "x86" or "aarch64".
	Architectures []string `json:"architectures"`

	// Syscalls are the rules.
	Syscalls []*Syscall `json:"syscalls"`
}

// Action is what the kernel does with a system call.
type Action int

const (
	// Kill ends the calling thread as by an uncatchable SIGSYS.
	Kill Action = iota + 1

	// Errno makes the call fail with EPERM.
	Errno

	// Trap sends the calling thread a SIGSYS.
	Trap

	// Allow lets the call through.
	Allow

	// Trace tells a ptrace(2) tracer; without one the call fails with ENOSYS.
	Trace
)

// Operator compares a system call's argument with a value.
type Operator int

const (
	// EqualTo is argument == Value.
	EqualTo Operator = iota + 1

	// NotEqualTo is argument != Value.
	NotEqualTo

	// GreaterThan is argument > Value.
	GreaterThan

	// GreaterThanOrEqualTo is argument >= Value.
	GreaterThanOrEqualTo

	// LessThan is argument < Value.
	LessThan

	// LessThanOrEqualTo is argument <= Value.
	LessThanOrEqualTo

	// MaskEqualTo is argument & Value == ValueTwo.
	MaskEqualTo
)

// Arg is a condition for an argument of a system call.
type Arg struct {
	// Index is the number of the argument, 0 to 5.
	Index uint `json:"index"`

	// Value is what the argument is compared with; for MaskEqualTo the mask.
	Value uint64 `json:"value"`

	// ValueTwo is what the masked argument of MaskEqualTo is compared with.
	ValueTwo uint64 `json:"value_two"`

	// Op is the comparison.
	Op Operator `json:"op"`
}

// Syscall is a rule of a Seccomp: what is done with a system call whose
// arguments meet all conditions.
type Syscall struct {
	// Name is the name of the system call. One that the architecture or
	// libseccomp doesn't know is skipped.
	Name string `json:"name"`

	// Action is what is done with it.
	Action Action `json:"action"`

	// Args are the conditions. Empty matches every call.
	Args []*Arg `json:"args"`
}
