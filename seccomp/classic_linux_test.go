package seccomp

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

func TestConvert(t *testing.T) {
	actions := map[string]configs.Action{
		"SCMP_ACT_KILL": configs.Kill, "SCMP_ACT_ERRNO": configs.Errno, "SCMP_ACT_TRAP": configs.Trap,
		"SCMP_ACT_ALLOW": configs.Allow, "SCMP_ACT_TRACE": configs.Trace, "SCMP_ACT_KILL_THREAD": configs.KillThread,
		"SCMP_ACT_KILL_PROCESS": configs.KillProcess, "SCMP_ACT_LOG": configs.Log, "SCMP_ACT_NOTIFY": configs.Notify,
	}
	for in, want := range actions {
		if got, err := ConvertStringToAction(in); err != nil || got != want {
			t.Errorf("%s: %d, error %v, want %d", in, got, err, want)
		}
	}
	operators := map[string]configs.Operator{
		"SCMP_CMP_NE": configs.NotEqualTo, "SCMP_CMP_LT": configs.LessThan, "SCMP_CMP_LE": configs.LessThanOrEqualTo,
		"SCMP_CMP_EQ": configs.EqualTo, "SCMP_CMP_GE": configs.GreaterThanOrEqualTo, "SCMP_CMP_GT": configs.GreaterThan,
		"SCMP_CMP_MASKED_EQ": configs.MaskEqualTo,
	}
	for in, want := range operators {
		if got, err := ConvertStringToOperator(in); err != nil || got != want {
			t.Errorf("%s: %d, error %v, want %d", in, got, err, want)
		}
	}
	for in, want := range map[string]string{
		"SCMP_ARCH_X86": "x86", "SCMP_ARCH_X86_64": "amd64", "SCMP_ARCH_X32": "x32", "SCMP_ARCH_ARM": "arm",
		"SCMP_ARCH_AARCH64": "arm64", "SCMP_ARCH_MIPS": "mips", "SCMP_ARCH_MIPSEL64N32": "mipsel64n32",
		"SCMP_ARCH_PPC64LE": "ppc64le", "SCMP_ARCH_S390X": "s390x", "SCMP_ARCH_RISCV64": "riscv64",
	} {
		got, err := ConvertStringToArch(in)
		if err != nil || got != want {
			t.Errorf("%s: %q, error %v, want %q", in, got, err, want)
		}
		if _, err := compile(&configs.Seccomp{DefaultAction: configs.Allow, Architectures: []string{got}}, "amd64"); err != nil {
			t.Errorf("%s is not taken in a profile: %v", got, err)
		}
	}
	for _, in := range []string{"", "SCMP_", "SCMP_ACT_", "SCMP_ACT_VAX", "SCMP_CMP_VAX", "SCMP_ARCH_", "SCMP_ARCH_VAX", "SCMP_ARCH_x86", "x86", "allow"} {
		if got, err := ConvertStringToAction(in); err == nil || !strings.Contains(err.Error(), `"`+in+`"`) {
			t.Errorf("action %q: %d, error %v", in, got, err)
		}
		if got, err := ConvertStringToOperator(in); err == nil || !strings.Contains(err.Error(), `"`+in+`"`) {
			t.Errorf("operator %q: %d, error %v", in, got, err)
		}
		if got, err := ConvertStringToArch(in); err == nil || !strings.Contains(err.Error(), `"`+in+`"`) {
			t.Errorf("architecture %q: %q, error %v", in, got, err)
		}
	}
}

func TestIsEnabled(t *testing.T) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	// The line is there since Linux 5.9 in kernels that have filters.
	if got, want := IsEnabled(), strings.Contains(string(status), "\nSeccomp_filters:"); got != want {
		t.Errorf("%t, want %t", got, want)
	}
}

// TestInitSeccomp installs a filter on a thread that ends with its goroutine.
func TestInitSeccomp(t *testing.T) {
	type result struct {
		err           error
		before, after unix.Errno
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread()
		var r result
		if r.err = unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); r.err == nil {
			_, _, r.before = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
			r.err = InitSeccomp(&configs.Seccomp{
				DefaultAction: configs.Allow,
				Syscalls:      rules(&configs.Syscall{Name: "getppid", Action: configs.Errno, ErrnoRet: errno(25)}),
			})
			_, _, r.after = unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
		}
		done <- r
	}()
	if r := <-done; r.err != nil || r.before != 0 || r.after != unix.ENOTTY {
		t.Errorf("error %v, getppid before and after: %v, %v", r.err, r.before, r.after)
	}
	if _, _, err := unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0); err != 0 {
		t.Errorf("another thread has the filter: %v", err)
	}
	if err := InitSeccomp(nil); err == nil {
		t.Error("no profile: no error")
	}
	if err := InitSeccomp(&configs.Seccomp{}); err == nil {
		t.Error("a profile without a default action: no error")
	}
	notify := &configs.Seccomp{DefaultAction: configs.Allow, Syscalls: rules(on("getppid", configs.Notify))}
	if err := InitSeccomp(notify); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a profile with an agent: error %v", err)
	}
}
