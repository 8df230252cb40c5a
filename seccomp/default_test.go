package seccomp

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestDefault(t *testing.T) {
	const allow, eperm, enosys, noFamily = 0x7fff0000, 0x50001, 0x50026, 0x50061
	profile := Default()
	p := mustCompile(t, "amd64", profile)
	t.Logf("%d instructions", len(p.Filter)/instructionSize)
	if !p.Execs || p.KillsThread || p.Notify || p.Flags != 0 {
		t.Errorf("%+v", *p)
	}
	check := func(want uint32, name string, args ...uint64) {
		t.Helper()
		c := call{nr: number(t, "x86_64", name), arch: auditX8664}
		copy(c.args[:], args)
		if got := run(t, p.Filter, c); got != want {
			t.Errorf("%s%#x: %#x, want %#x", name, args, got, want)
		}
	}
	for name := range strings.FieldsSeq(`read write execve execveat exit_group futex mmap rt_sigreturn openat clone ioctl socket
		socketpair wait4 nanosleep fork vfork unshare sched_yield getrandom statx prctl`) {
		check(allow, name)
	}
	for name := range strings.FieldsSeq(`mount umount2 pivot_root setns bpf perf_event_open userfaultfd keyctl add_key request_key
		init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff clock_settime settimeofday
		io_uring_setup open_by_handle_at quotactl acct iopl ioperm syslog sethostname move_mount open_tree fsopen mount_setattr
		fanotify_init lookup_dcookie kcmp move_pages vhangup pidfd_getfd process_madvise mbind get_mempolicy set_mempolicy
		set_mempolicy_home_node lsm_get_self_attr lsm_set_self_attr lsm_list_modules chroot`) {
		check(eperm, name)
	}
	check(enosys, "clone3")
	check(allow, "clone", 0x3d0f00) // a thread
	check(allow, "clone", 17)
	for bit := range 64 {
		if 0x7e020000>>bit&1 == 1 {
			check(eperm, "clone", 1<<bit|17)
			check(eperm, "unshare", 1<<bit)
		}
	}
	check(eperm, "unshare", 0x80)
	check(allow, "unshare", 0x400)
	check(allow, "personality", 0xffffffff)
	check(eperm, "personality", 0x40000)
	check(eperm, "personality", 1<<32)
	check(allow, "ioctl", 0, 0x5401)
	check(eperm, "ioctl", 0, 0x5412)
	check(eperm, "ioctl", 0, 1<<32|0x541c)
	check(allow, "socket", 10)
	check(noFamily, "socket", 40)
	check(noFamily, "socket", 1<<32|38)

	profile.Syscalls[0].Name = "changed"
	if Default().Syscalls[0].Name == "changed" {
		t.Error("the profile is shared")
	}
	for _, s := range Default(slices.Collect(maps.Keys(capabilityCalls))...).Syscalls {
		if !exists(s.Name) {
			t.Errorf("no architecture has %s", s.Name)
		}
	}
}

// capabilityCalls are the calls of x86-64 that a capability adds.
var capabilityCalls = map[string]string{
	"CAP_BPF":             "bpf",
	"CAP_CHOWN":           "",
	"CAP_DAC_READ_SEARCH": "open_by_handle_at",
	"CAP_NET_ADMIN":       "",
	"CAP_PERFMON":         "perf_event_open",
	"CAP_SYS_ADMIN": `bpf clone3 fanotify_init fanotify_mark fsconfig fsmount fsopen fspick listns lsm_get_self_attr
		lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree open_tree_attr perf_event_open pivot_root
		quotactl quotactl_fd setdomainname sethostname setns syslog umount2`,
	"CAP_SYS_BOOT":       "reboot",
	"CAP_SYS_CHROOT":     "chroot",
	"CAP_SYS_MODULE":     "delete_module finit_module init_module",
	"CAP_SYS_NICE":       "get_mempolicy mbind migrate_pages move_pages process_madvise set_mempolicy set_mempolicy_home_node",
	"CAP_SYS_PACCT":      "acct",
	"CAP_SYS_PTRACE":     "kcmp pidfd_getfd",
	"CAP_SYS_RAWIO":      "ioperm iopl",
	"CAP_SYS_TIME":       "clock_settime settimeofday",
	"CAP_SYS_TTY_CONFIG": "vhangup",
	"CAP_SYSLOG":         "syslog",
	"no capability":      "",
}

// TestDefaultWithCapabilities looks at every call there is: with a capability those
// that belong to it are allowed, and no others.
func TestDefaultWithCapabilities(t *testing.T) {
	const allow = 0x7fff0000
	allowed := func(p *Program) (names []string) {
		for _, n := range calls {
			nr, ok := architecture("x86_64").number(n.name)
			if ok && run(t, p.Filter, call{nr: nr, arch: auditX8664}) == allow {
				names = append(names, n.name)
			}
		}
		return names
	}
	without := allowed(mustCompile(t, "amd64", Default()))
	for capability, want := range capabilityCalls {
		p := mustCompile(t, "amd64", Default("CAP_KILL", capability))
		var added []string
		for _, name := range allowed(p) {
			if !slices.Contains(without, name) {
				added = append(added, name)
			}
		}
		if got, want := strings.Join(added, " "), strings.Join(strings.Fields(want), " "); got != want {
			t.Errorf("%s adds %q, want %q", capability, got, want)
		}
		for _, name := range []string{"clone", "unshare"} {
			c := call{nr: number(t, "x86_64", name), arch: auditX8664, args: [6]uint64{0x10000000}} // CLONE_NEWUSER
			if got := run(t, p.Filter, c) == allow; got != (capability == "CAP_SYS_ADMIN") {
				t.Errorf("%s: a new user namespace by %s: %t", capability, name, got)
			}
		}
	}
}

func exists(name string) bool {
	return slices.ContainsFunc(calls[:], func(n numbers) bool { return n.name == name })
}

func ExampleDefault() {
	config := configs.Default()
	config.Seccomp = Default(config.Capabilities...)
	// A 32-bit program is to run too.
	config.Seccomp.Architectures = []string{"x86", "arm"}
	fmt.Println(config.Seccomp.DefaultAction == configs.Errno)
	// Output: true
}
