package validate

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

// The kernel's ranges: nice values and priorities in sched(7); the least runtime of
// SCHED_DEADLINE is 1<<DL_SCALE nanoseconds, and times fit into 63 bits, see
// __checkparam_dl in kernel/sched/deadline.c; priorities of I/O in ioprio_set(2).
const (
	minNice, maxNice     = -20, 19
	minRtPrio, maxRtPrio = 1, 99
	minDeadlineRuntime   = 1 << 10
	maxDeadline          = math.MaxInt64
	maxIOPriority        = 7
)

// Scheduler checks the scheduling policy of a configuration, or of a single
// process. A value that the policy has no use for is refused: the kernel would drop
// it without a word.
func Scheduler(s *configs.Scheduler) error {
	if s == nil {
		return nil
	}
	for i, flag := range s.Flags {
		if _, ok := linux.SchedulerFlags().Value(flag); !ok {
			return invalid(fmt.Sprintf("Scheduler.Flags[%d]", i), flag, errors.New("is not the name of a flag, such as SCHED_FLAG_RESET_ON_FORK"))
		}
	}
	if _, ok := linux.SchedulerPolicies().Value(s.Policy); !ok {
		return invalid("Scheduler.Policy", s.Policy, noneOf(linux.SchedulerPolicies()))
	}
	var useNice, usePriority, useDeadline bool
	switch s.Policy {
	case "SCHED_OTHER", "SCHED_BATCH":
		useNice = true
	case "SCHED_FIFO", "SCHED_RR":
		usePriority = true
	case "SCHED_DEADLINE":
		useDeadline = true
	}
	if err := schedulerNumber(s, "Nice", s.Nice, useNice, minNice, maxNice); err != nil {
		return err
	}
	if err := schedulerNumber(s, "Priority", s.Priority, usePriority, minRtPrio, maxRtPrio); err != nil {
		return err
	}
	return deadline(s, useDeadline)
}

func schedulerNumber(s *configs.Scheduler, name string, value int32, used bool, low, high int64) error {
	if used {
		return inRange("Scheduler."+name, int64(value), low, high)
	}
	if value != 0 {
		return invalid("Scheduler."+name, value, errors.New("has no meaning for the policy "+s.Policy))
	}
	return nil
}

func deadline(s *configs.Scheduler, used bool) error {
	period := s.Period
	if period == 0 {
		period = s.Deadline
	}
	switch {
	case !used && (s.Runtime != 0 || s.Deadline != 0 || s.Period != 0):
		return invalid("Scheduler.Policy", s.Policy, errors.New("has no use for Runtime, Deadline and Period"))
	case !used:
		return nil
	case s.Runtime < minDeadlineRuntime:
		return fmt.Errorf("Scheduler.Runtime %d is less than %d", s.Runtime, minDeadlineRuntime)
	case s.Runtime > s.Deadline:
		return fmt.Errorf("Scheduler.Runtime %d is above Deadline %d", s.Runtime, s.Deadline)
	case s.Deadline > period:
		return fmt.Errorf("Scheduler.Deadline %d is above Period %d", s.Deadline, period)
	case period > maxDeadline:
		return fmt.Errorf("Scheduler.Period %d is above %d", period, int64(maxDeadline))
	}
	return nil
}

// noneOf says which names there are.
func noneOf(names linux.Names) error {
	texts := names.Texts()
	last := len(texts) - 1
	return errors.New("is none of " + strings.Join(texts[:last], ", ") + " and " + texts[last])
}

// IOPriority checks the priority in block I/O of a configuration, or of a single
// process.
func IOPriority(p *configs.IOPriority) error {
	if p == nil {
		return nil
	}
	if _, ok := linux.IOPriorityClasses().Value(p.Class); !ok {
		return invalid("IOPriority.Class", p.Class, noneOf(linux.IOPriorityClasses()))
	}
	return inRange("IOPriority.Priority", int64(p.Priority), 0, maxIOPriority)
}

// CPUAffinity checks the lists of CPUs of a process.
func CPUAffinity(a *configs.CPUAffinity) error {
	if a == nil {
		return nil
	}
	if _, err := configs.ParseCPUs(a.Initial); err != nil {
		return fmt.Errorf("CPUAffinity.Initial: %w", err)
	}
	if _, err := configs.ParseCPUs(a.Final); err != nil {
		return fmt.Errorf("CPUAffinity.Final: %w", err)
	}
	return nil
}
