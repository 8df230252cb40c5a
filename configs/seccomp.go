package configs

// Seccomp is a filter of system calls, see seccomp(2). It is for the container's
// init process and for every process that is started in the container later. It is
// installed as the last thing before execve(2) of the program, so the only system
// call that it must let through for the library's sake is execve.
//
// System calls that no rule of Syscalls matches get DefaultAction. If several rules
// match, the strictest action counts, whatever their order: KillProcess, Kill, Trap,
// Errno, Notify, Trace, Log, Allow, as the kernel has it among several filters. Of
// rules with the same action the first one's ErrnoRet counts.
//
// Below a DefaultAction of Errno, system calls that the profile's author cannot have
// known fail with ENOSYS, whatever DefaultErrnoRet is, so that a C library tries the
// older call: those whose number is above the highest one, on that architecture, that
// any rule names.
//
// Package seccomp says how that is done, and has a default profile.
type Seccomp struct {
	// DefaultAction is for system calls that no rule matches. As Notify, it is
	// asked about execve(2) too, and Start waits for the answer.
	DefaultAction Action `json:"default_action"`

	// DefaultErrnoRet is the error of a DefaultAction of Errno, or the message of
	// Trace, as Syscall.ErrnoRet. Nil is EPERM.
	DefaultErrnoRet *uint `json:"default_errno_ret,omitempty"`

	// Architectures are those that the filter is for beside the machine's own,
	// by the names that libseccomp gave them, such as "x86" or "aarch64", or by those of
	// the OCI runtime specification, such as "SCMP_ARCH_X86". Those that this machine
	// cannot run are skipped. A system call of an architecture that is not listed
	// kills the process, whatever DefaultAction is: the rules would be about other
	// calls by the same numbers.
	Architectures []string `json:"architectures"`

	// Flags are those of seccomp(2) by their names: SECCOMP_FILTER_FLAG_LOG,
	// SECCOMP_FILTER_FLAG_SPEC_ALLOW, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, which
	// is for filters with a Notify rule, and SECCOMP_FILTER_FLAG_TSYNC, which changes
	// nothing: the program starts with a single thread.
	Flags []string `json:"flags,omitempty"`

	// ListenerPath is the unix socket of an agent that answers for Notify. For
	// each process that is started it gets one connection with the process's state,
	// ContainerProcessState of the OCI runtime specification as JSON, and the
	// listener's descriptor, see seccomp_unotify(2). Whoever may write to the
	// socket decides on the container's system calls.
	ListenerPath string `json:"listener_path,omitempty"`

	// ListenerMetadata is passed on to the agent.
	ListenerMetadata string `json:"listener_metadata,omitempty"`

	// Syscalls are the rules.
	Syscalls []*Syscall `json:"syscalls"`
}

// Action is what the kernel does with a system call.
type Action int

const (
	// Kill ends the calling thread as by an uncatchable SIGSYS. The other threads
	// of the process live on, which few programs expect: see KillProcess.
	Kill Action = iota + 1

	// Errno makes the call fail, with EPERM unless there is an ErrnoRet.
	Errno

	// Trap sends the calling thread a SIGSYS.
	Trap

	// Allow lets the call through.
	Allow

	// Trace tells a ptrace(2) tracer; without one the call fails with ENOSYS.
	Trace

	// KillThread is another name of Kill.
	KillThread

	// KillProcess ends the whole process as by an uncatchable SIGSYS.
	KillProcess

	// Log lets the call through and logs it, see
	// /proc/sys/kernel/seccomp/actions_logged.
	Log

	// Notify suspends the call and asks the agent at ListenerPath.
	Notify
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

// Arg is a condition for an argument of a system call. It is about the 64 bits of
// the register, without sign; a 32-bit architecture's arguments are extended with
// zeros. Of an argument that is an int the kernel looks at the lower 32 bits alone,
// and a program can set the others: a rule that is to catch a value of such an
// argument for sure is MaskEqualTo with the mask 0xffffffff.
type Arg struct {
	// Index is the number of the argument, 0 to 5.
	Index uint `json:"index"`

	// Value is what the argument is compared with; for MaskEqualTo the mask.
	Value uint64 `json:"value"`

	// ValueTwo is what the masked argument of MaskEqualTo is compared with. It must
	// not have bits outside of the mask.
	ValueTwo uint64 `json:"value_two"`

	// Op is the comparison.
	Op Operator `json:"op"`
}

// Syscall is a rule of a Seccomp: what is done with a system call whose
// arguments meet the conditions.
type Syscall struct {
	// Name is the name of the system call. One that an architecture doesn't have,
	// and one that this library doesn't know, is skipped there.
	Name string `json:"name"`

	// Action is what is done with it.
	Action Action `json:"action"`

	// ErrnoRet is the error of an Errno action, 0 to 4095, or what a tracer gets as
	// the event's message for Trace, 0 to 65535. Nil is EPERM. With 0, the call seems
	// to succeed. Other actions have none.
	ErrnoRet *uint `json:"errno_ret,omitempty"`

	// Args are the conditions. Of several ones for the same argument one must hold,
	// and that for every argument that has any, which is how all runtimes read such a
	// rule. Empty matches every call. To allow a range alone, refuse what lies outside
	// of it: an Errno rule with LessThan and GreaterThan beside an Allow without Args.
	Args []*Arg `json:"args"`
}
