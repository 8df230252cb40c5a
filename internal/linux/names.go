package linux

// A Name is what configurations call one of the kernel's numbers.
type Name struct {
	Text  string
	Value uint64
}

// Names are those of one kind. Nothing changes them: what is understood, what is
// validated and what is told to be understood come from the same list.
type Names []Name

// Value returns the number of a name.
func (n Names) Value(text string) (value uint64, ok bool) {
	for _, name := range n {
		if name.Text == text {
			return name.Value, true
		}
	}
	return 0, false
}

// Texts returns the names alone, in their order.
func (n Names) Texts() []string {
	texts := make([]string, len(n))
	for i, name := range n {
		texts[i] = name.Text
	}
	return texts
}

// SchedulerPolicies are those of sched_setattr(2), by include/uapi/linux/sched.h.
func SchedulerPolicies() Names {
	return Names{
		{"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2}, {"SCHED_BATCH", 3}, {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6},
	}
}

// SchedFlagResetOnFork is SCHED_FLAG_RESET_ON_FORK.
const SchedFlagResetOnFork = 0x01

// SchedulerFlags are those of sched_setattr(2), by include/uapi/linux/sched.h.
func SchedulerFlags() Names {
	return Names{
		{"SCHED_FLAG_RESET_ON_FORK", SchedFlagResetOnFork},
		{"SCHED_FLAG_RECLAIM", 0x02},
		{"SCHED_FLAG_DL_OVERRUN", 0x04},
		{"SCHED_FLAG_KEEP_POLICY", 0x08},
		{"SCHED_FLAG_KEEP_PARAMS", 0x10},
		{"SCHED_FLAG_UTIL_CLAMP_MIN", 0x20},
		{"SCHED_FLAG_UTIL_CLAMP_MAX", 0x40},
	}
}

// IOPriorityClasses are those of ioprio_set(2).
func IOPriorityClasses() Names {
	return Names{{"IOPRIO_CLASS_RT", 1}, {"IOPRIO_CLASS_BE", 2}, {"IOPRIO_CLASS_IDLE", 3}}
}

// PersonalityDomains are those of personality(2) that a Linux program has any use for.
func PersonalityDomains() Names { return Names{{"LINUX", 0}, {"LINUX32", 8}} }

// PersonalityFlags are those of personality(2), by include/uapi/linux/personality.h.
func PersonalityFlags() Names {
	return Names{
		{"UNAME26", 0x0020000},
		{"ADDR_NO_RANDOMIZE", 0x0040000},
		{"FDPIC_FUNCPTRS", 0x0080000},
		{"MMAP_PAGE_ZERO", 0x0100000},
		{"ADDR_COMPAT_LAYOUT", 0x0200000},
		{"READ_IMPLIES_EXEC", 0x0400000},
		{"ADDR_LIMIT_32BIT", 0x0800000},
		{"SHORT_INODE", 0x1000000},
		{"WHOLE_SECONDS", 0x2000000},
		{"STICKY_TIMEOUTS", 0x4000000},
		{"ADDR_LIMIT_3GB", 0x8000000},
	}
}

// MemoryPolicyModes are those of set_mempolicy(2), by include/uapi/linux/mempolicy.h.
func MemoryPolicyModes() Names {
	return Names{
		{"MPOL_DEFAULT", 0},
		{"MPOL_PREFERRED", 1},
		{"MPOL_BIND", 2},
		{"MPOL_INTERLEAVE", 3},
		{"MPOL_LOCAL", 4},
		{"MPOL_PREFERRED_MANY", 5},
		{"MPOL_WEIGHTED_INTERLEAVE", 6},
	}
}

// MemoryPolicyFlags are those of set_mempolicy(2).
func MemoryPolicyFlags() Names {
	return Names{
		{"MPOL_F_NUMA_BALANCING", 1 << 13}, {"MPOL_F_RELATIVE_NODES", 1 << 14}, {"MPOL_F_STATIC_NODES", 1 << 15},
	}
}

// SeccompFlags are those of seccomp(2) that a profile may have, by
// include/uapi/linux/seccomp.h.
func SeccompFlags() Names {
	return Names{
		{"SECCOMP_FILTER_FLAG_TSYNC", 1 << 0},
		{"SECCOMP_FILTER_FLAG_LOG", 1 << 1},
		{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", 1 << 2},
		{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", 1 << 5},
	}
}

// Rlimits are the resources of getrlimit(2), by include/uapi/asm-generic/resource.h.
func Rlimits() Names {
	return Names{
		{"RLIMIT_CPU", 0}, {"RLIMIT_FSIZE", 1}, {"RLIMIT_DATA", 2}, {"RLIMIT_STACK", 3}, {"RLIMIT_CORE", 4},
		{"RLIMIT_RSS", 5}, {"RLIMIT_NPROC", 6}, {"RLIMIT_NOFILE", 7}, {"RLIMIT_MEMLOCK", 8}, {"RLIMIT_AS", 9},
		{"RLIMIT_LOCKS", 10}, {"RLIMIT_SIGPENDING", 11}, {"RLIMIT_MSGQUEUE", 12}, {"RLIMIT_NICE", 13},
		{"RLIMIT_RTPRIO", 14}, {"RLIMIT_RTTIME", 15},
	}
}
