// The host's side: what a process and a network namespace have and criu neither saves nor
// restores. A checkpoint keeps it, and a restore sets it again.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/internal/thread"
)

// threadSettings are those of one thread.
type threadSettings struct {
	IOPriority int   `json:"io_priority,omitempty"` // as of ioprio_get(2)
	CPUs       []int `json:"cpus,omitempty"`        // nil for all that the container has
}

func (s threadSettings) none() bool { return s.IOPriority == 0 && s.CPUs == nil }

// describeThreads keeps the settings of all threads, by their numbers in the container.
// If check is set, it refuses those that have what cannot be set again.
func (v *view) describeThreads(check bool) (map[int]threadSettings, error) {
	pids, err := v.everyPid()
	if err != nil {
		return nil, err
	}
	all, err := v.cpus()
	if err != nil {
		return nil, err
	}
	out := make(map[int]threadSettings)
	err = eachThread(pids, func(pid, tid, inside int) error {
		if check {
			if err := checkSettings(pid, tid); err != nil {
				return err
			}
		}
		s, err := settingsOf(tid, all)
		if err == nil && !s.none() {
			out[inside] = s
		}
		return err
	})
	return out, err
}

// countTimers prepares the timers of all processes.
func (v *view) countTimers() error {
	pids, err := v.everyPid()
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if err := countTimers(pid); err != nil {
			return fmt.Errorf("process %d (%s): %w", pid, commOf(pid), err)
		}
	}
	return nil
}

// eachThread calls call for each thread of processes, with its number in the container.
func eachThread(pids []int, call func(pid, tid, inside int) error) error {
	for _, pid := range pids {
		entries, err := os.ReadDir(procFile(pid, "task"))
		if err != nil {
			continue // it has ended
		}
		for _, e := range entries {
			status, err := readStatus(procFile(pid, "task/"+e.Name()+"/status"))
			if err != nil {
				continue
			}
			tid, terr := strconv.Atoi(e.Name())
			fields := strings.Fields(status["NSpid"])
			if terr != nil || len(fields) == 0 {
				return fmt.Errorf("process %d has a thread %q with the numbers %q: %w", pid, e.Name(), fields, unix.EBADMSG)
			}
			inside, err := strconv.Atoi(fields[len(fields)-1])
			if err == nil {
				err = call(pid, tid, inside)
			}
			if err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("thread %d of process %d (%s): %w", tid, pid, commOf(pid), err)
			}
		}
	}
	return nil
}

func settingsOf(tid int, all []int) (s threadSettings, err error) {
	prio, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, ioPriorityWho, uintptr(tid), 0)
	if errno != 0 {
		return s, os.NewSyscallError("ioprio_get", errno)
	}
	s.IOPriority = int(prio)
	mask := make([]byte, affinityBytes)
	_, _, errno = unix.Syscall(unix.SYS_SCHED_GETAFFINITY, uintptr(tid), uintptr(len(mask)), uintptr(unsafe.Pointer(&mask[0])))
	if errno != 0 {
		return s, os.NewSyscallError("sched_getaffinity", errno)
	}
	var cpus []int
	for i := range len(mask) * 8 {
		if mask[i/8]&(1<<(i%8)) != 0 {
			cpus = append(cpus, i)
		}
	}
	if !slices.Equal(cpus, all) {
		s.CPUs = cpus
	}
	return s, nil
}

// cpus are all that the container may run on.
func (v *view) cpus() ([]int, error) {
	paths := v.cgroups.GetPaths()
	for _, name := range []string{
		paths["cpuset"] + "/cpuset.effective_cpus", paths[""] + "/cpuset.cpus.effective", "/sys/devices/system/cpu/online",
	} {
		data, err := os.ReadFile(name)
		if list := strings.TrimSpace(string(data)); err == nil && list != "" {
			cpus, err := configs.ParseCPUs(list)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", name, err)
			}
			return cpus, nil
		}
	}
	return nil, errors.New("there is no telling which CPUs the container may run on")
}

// restoreThreads gives all threads the settings that they had. One without any is bound
// to no CPU, whatever the CPUs of this program are.
func (r *restore) restoreThreads() error {
	pids, err := r.restoredPids(r.ref.Pid())
	if err != nil {
		return err
	}
	return eachThread(pids, func(_, tid, inside int) error {
		s := r.record.Threads[inside]
		if has, _, _ := unix.Syscall(unix.SYS_IOPRIO_GET, ioPriorityWho, uintptr(tid), 0); int(has) != s.IOPriority {
			if _, _, errno := unix.Syscall(unix.SYS_IOPRIO_SET, ioPriorityWho, uintptr(tid), uintptr(s.IOPriority)); errno != 0 {
				return fmt.Errorf("set its I/O priority %#x: %w", s.IOPriority, os.NewSyscallError("ioprio_set", errno))
			}
		}
		mask := make([]byte, affinityBytes)
		for i := range mask {
			if s.CPUs == nil {
				mask[i] = 0xff
			}
		}
		for _, cpu := range s.CPUs {
			if cpu >= 0 && cpu < len(mask)*8 {
				mask[cpu/8] |= 1 << (cpu % 8)
			}
		}
		_, _, errno := unix.Syscall(unix.SYS_SCHED_SETAFFINITY, uintptr(tid), uintptr(len(mask)), uintptr(unsafe.Pointer(&mask[0])))
		if errno != 0 {
			return fmt.Errorf("bind it to the CPUs %v: %w", s.CPUs, os.NewSyscallError("sched_setaffinity", errno))
		}
		return nil
	})
}

// describeSysctls keeps the values of the kernel parameters that the configuration sets.
func (v *view) describeSysctls() (map[string]string, error) {
	out := make(map[string]string)
	err := inSysctlNamespaces(v.init, v.config, func() error {
		for key := range v.config.Sysctl {
			data, err := os.ReadFile("/proc/sys/" + sysctlPath(key))
			if err != nil {
				return err
			}
			out[key] = strings.TrimSpace(string(data))
		}
		return nil
	})
	return out, err
}

// restoreSysctls sets those that criu has not. Only what the configuration sets is looked at: it
// has been validated, and all else would be the host's.
func (r *restore) restoreSysctls() error {
	return inSysctlNamespaces(r.ref, r.config, func() error {
		for _, key := range sortedSysctls(r.config.Sysctl) {
			value, ok := r.record.Sysctls[key]
			if !ok {
				continue
			}
			name := "/proc/sys/" + sysctlPath(key)
			data, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			if strings.TrimSpace(string(data)) == value {
				continue
			}
			if err := os.WriteFile(name, []byte(value), 0); err != nil {
				return fmt.Errorf("set sysctl %s to %q: %w", key, value, err)
			}
		}
		return nil
	})
}

// inSysctlNamespaces runs f on a thread of its own for which /proc/sys has the kernel parameters of
// init's namespaces.
func inSysctlNamespaces(init *pidfd.Process, config *configs.Config, f func() error) error {
	if len(config.Sysctl) == 0 {
		return nil
	}
	return thread.Do(func() error {
		for _, name := range []string{"net", "ipc", "uts", "pid"} {
			ns, err := init.Namespace(name)
			if err != nil {
				return err
			}
			err = unix.Setns(int(ns.Fd()), 0)
			ns.Close()
			if err != nil {
				return fmt.Errorf("enter the container's %s namespace: %w", name, err)
			}
		}
		return f()
	})
}
