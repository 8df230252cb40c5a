package seccomp

import (
	"fmt"
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
		fanotify_init lookup_dcookie kcmp move_pages vhangup`) {
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
	for _, s := range Default().Syscalls {
		if !exists(s.Name) {
			t.Errorf("no architecture has %s", s.Name)
		}
	}
}

func exists(name string) bool {
	return slices.ContainsFunc(calls[:], func(n numbers) bool { return n.name == name })
}

func ExampleDefault() {
	config := configs.Default()
	config.Seccomp = Default()
	// A 32-bit program is to run too.
	config.Seccomp.Architectures = []string{"x86", "arm"}
	fmt.Println(config.Seccomp.DefaultAction == configs.Errno)
	// Output: true
}
