// The host's side: a checkpoint and processes that criu would not save, since they are not of
// the tree of init.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// meetOthers looks for processes that are not init's: they were started beside it, and
// criu, which saves the tree of one process, would lose them without a word.
func (d *dump) meetOthers(end bool) error {
	for {
		others, err := d.v.besideInit()
		if err != nil {
			return fmt.Errorf("look for processes beside init: %w", err)
		}
		if len(others) == 0 {
			return nil
		}
		if !end {
			return fmt.Errorf("it has processes that were started beside its initial one, and that criu would not save: %s: "+
				"end them first, or set EndOthers: %w", describeProcesses(others), unix.EBUSY)
		}
		if err := d.endOthers(others); err != nil {
			return err
		}
	}
}

func (d *dump) endOthers(pids []int) error {
	for _, pid := range pids {
		ref, err := pidfd.Open(pid)
		if errors.Is(err, pidfd.ErrNoProcess) {
			continue
		}
		if err != nil {
			return err
		}
		still, err := d.v.isBesideInit(pid)
		if err == nil && still {
			if err = ref.Signal(unix.SIGKILL); err == nil && !d.paused {
				err = d.v.awaitKilled(d.ctx, ref.Await)
			}
		}
		ref.Close()
		if err != nil {
			return fmt.Errorf("end process %d: %w", pid, err)
		}
	}
	return nil
}

func (v *view) isBesideInit(pid int) (bool, error) {
	others, err := v.besideInit()
	return slices.Contains(others, pid), err
}

// describeProcesses names processes for a person.
func describeProcesses(pids []int) string {
	const most = 8
	var out []string
	for i, pid := range pids {
		if i == most {
			out = append(out, fmt.Sprintf("and %d more", len(pids)-most))
			break
		}
		out = append(out, fmt.Sprintf("%d (%s)", pid, commOf(pid)))
	}
	return strings.Join(out, ", ")
}

// besideInit lists those of the container's processes that are no descendants of init.
func (v *view) besideInit() ([]int, error) {
	pids, err := v.everyPid()
	if err != nil {
		return nil, err
	}
	parents := make(map[int]int, len(pids))
	for _, pid := range pids {
		stat, err := pidfd.ReadStat(pid)
		if err != nil {
			continue // it has ended
		}
		if stat.State == 'Z' || stat.State == 'X' {
			continue
		}
		parents[pid] = stat.Parent
	}
	var out []int
	for pid := range parents {
		of := pid
		for steps := 0; of != v.init.Pid() && of > 0 && steps <= len(parents); steps++ {
			next, known := parents[of]
			if !known {
				break
			}
			of = next
		}
		if of != v.init.Pid() {
			out = append(out, pid)
		}
	}
	slices.Sort(out)
	return out, nil
}

// everyPid lists the processes in the container's cgroups, and those in its pid namespace.
func (v *view) everyPid() ([]int, error) {
	pids, err := v.listPids()
	if err != nil {
		return nil, err
	}
	if v.config.Namespaces.Creates(configs.NEWPID) {
		more, err := v.pidsOfNamespace()
		if err != nil {
			return nil, err
		}
		pids = append(pids, more...)
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// memoryUse is how many bytes of memory of their own the processes have, about.
func (v *view) memoryUse() (total int64) {
	pids, _ := v.listPids()
	for _, pid := range pids {
		total += residentMemory(pid)
	}
	return total
}

// residentMemory reads VmRSS of proc_pid_statm(5), without what files have.
func residentMemory(pid int) int64 {
	data, err := pidfd.ReadFile(procFile(pid, "statm"))
	if err != nil {
		return 0
	}
	var size, resident, shared int64
	if n, _ := fmt.Sscan(string(data), &size, &resident, &shared); n != 3 {
		return 0
	}
	return max(0, resident-shared) * int64(os.Getpagesize())
}
