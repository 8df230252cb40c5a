package pidfd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// forkNoExec is PF_FORKNOEXEC of <linux/sched.h>, which ps(1) shows too: the process
// has not executed a program since it was forked. execve(2) resets it before it
// closes descriptors (begin_new_exec).
const forkNoExec = 0x40

// exiting is PF_EXITING: the process's only or last thread is dying. The kernel sets it
// before it closes descriptors (do_exit).
const exiting = 0x4

// tick is the unit of times in /proc: USER_HZ is 100 on all architectures that this library
// is for (asm-generic/param.h).
const tick = time.Second / 100

// Stat is what /proc/[pid]/stat says of a process, see proc_pid_stat(5).
type Stat struct {
	State     byte          // field 3: R, S, D, Z and so on
	Parent    int           // field 4: 0 if it is in no namespace that is seen from here
	Session   int           // field 6: the pid of the session's leader, which may have ended
	Flags     uint64        // field 9: PF_ flags of the kernel
	CPU       time.Duration // fields 14 to 17: of the process, and of its children that were waited for
	StartTime string        // field 22: ticks since the boot
	ExitCode  syscall.WaitStatus
}

// ReadStat reads /proc/[pid]/stat. The error is ErrNoProcess if there is none.
func ReadStat(pid int) (Stat, error) {
	name := procFile(pid, "stat")
	data, err := ReadFile(name)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return Stat{}, fmt.Errorf("%w: %w", ErrNoProcess, err)
	}
	if err != nil {
		return Stat{}, err
	}
	stat, err := parseStat(data)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return stat, err
}

// parseStat finds the fields by their numbers in the manual page. The second field,
// the command's name, may hold anything; the last ')' ends it.
func parseStat(data []byte) (stat Stat, err error) {
	const afterName, last = 3, 52
	fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:]))
	if len(fields) < last-afterName+1 {
		return stat, fmt.Errorf("%d fields after the name, want %d", len(fields), last-afterName+1)
	}
	field := func(n int) string { return fields[n-afterName] }
	stat.State, stat.StartTime = field(3)[0], field(22)
	if stat.Parent, err = strconv.Atoi(field(4)); err != nil {
		return stat, fmt.Errorf("parent: %w", err)
	}
	if stat.Session, err = strconv.Atoi(field(6)); err != nil {
		return stat, fmt.Errorf("session: %w", err)
	}
	if stat.Flags, err = strconv.ParseUint(field(9), 10, 64); err != nil {
		return stat, fmt.Errorf("flags: %w", err)
	}
	for n := 14; n <= 17; n++ {
		ticks, err := strconv.ParseInt(field(n), 10, 64)
		if err != nil {
			return stat, fmt.Errorf("CPU time: %w", err)
		}
		stat.CPU += time.Duration(ticks) * tick
	}
	code, err := strconv.ParseInt(field(last), 10, 32)
	if err != nil {
		return stat, fmt.Errorf("exit code: %w", err)
	}
	stat.ExitCode = syscall.WaitStatus(code)
	return stat, nil
}

func procFile(pid int, name string) string { return "/proc/" + strconv.Itoa(pid) + "/" + name }
