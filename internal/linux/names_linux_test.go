package linux

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNames(t *testing.T) {
	for kind, names := range map[string]Names{
		"scheduler policies": SchedulerPolicies(), "scheduler flags": SchedulerFlags(), "I/O classes": IOPriorityClasses(),
		"personality domains": PersonalityDomains(), "personality flags": PersonalityFlags(),
		"memory policy modes": MemoryPolicyModes(), "memory policy flags": MemoryPolicyFlags(), "rlimits": Rlimits(),
		"seccomp flags": SeccompFlags(),
	} {
		texts, values := make(map[string]bool), make(map[uint64]bool)
		for _, n := range names {
			if texts[n.Text] || values[n.Value] || n.Text != strings.ToUpper(n.Text) {
				t.Errorf("%s: %v is there twice, or no name", kind, n)
			}
			texts[n.Text], values[n.Value] = true, true
			if v, ok := names.Value(n.Text); !ok || v != n.Value {
				t.Errorf("%s: %s is %d, %v", kind, n.Text, v, ok)
			}
			if !slices.Contains(names.Texts(), n.Text) {
				t.Errorf("%s: %s is not among the texts", kind, n.Text)
			}
		}
		if _, ok := names.Value("NONE_SUCH"); ok {
			t.Errorf("%s: there is one that there is not", kind)
		}
	}
	check := func(names Names, text string, want uint64) {
		t.Helper()
		if got, _ := names.Value(text); got != want {
			t.Errorf("%s is %#x, want %#x", text, got, want)
		}
	}
	check(SchedulerPolicies(), "SCHED_DEADLINE", unix.SCHED_DEADLINE)
	check(SchedulerPolicies(), "SCHED_BATCH", unix.SCHED_BATCH)
	check(SchedulerFlags(), "SCHED_FLAG_RESET_ON_FORK", unix.SCHED_FLAG_RESET_ON_FORK)
	check(SchedulerFlags(), "SCHED_FLAG_UTIL_CLAMP_MAX", unix.SCHED_FLAG_UTIL_CLAMP_MAX)
	check(MemoryPolicyModes(), "MPOL_WEIGHTED_INTERLEAVE", unix.MPOL_WEIGHTED_INTERLEAVE)
	check(MemoryPolicyModes(), "MPOL_LOCAL", unix.MPOL_LOCAL)
	check(MemoryPolicyFlags(), "MPOL_F_STATIC_NODES", unix.MPOL_F_STATIC_NODES)
	check(MemoryPolicyFlags(), "MPOL_F_NUMA_BALANCING", unix.MPOL_F_NUMA_BALANCING)
	check(SeccompFlags(), "SECCOMP_FILTER_FLAG_TSYNC", unix.SECCOMP_FILTER_FLAG_TSYNC)
	check(SeccompFlags(), "SECCOMP_FILTER_FLAG_LOG", unix.SECCOMP_FILTER_FLAG_LOG)
	check(SeccompFlags(), "SECCOMP_FILTER_FLAG_SPEC_ALLOW", unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW)
	check(SeccompFlags(), "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
	check(Rlimits(), "RLIMIT_NOFILE", unix.RLIMIT_NOFILE)
	check(Rlimits(), "RLIMIT_RTTIME", unix.RLIMIT_RTTIME)
}
