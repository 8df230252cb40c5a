// How a process is scheduled, as operations of init.

package libcontainer

import (
	"cmp"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// Numbers of <linux/sched.h> and <linux/ioprio.h>.
var (
	schedPolicies = map[string]uint32{
		"SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_IDLE": 5, "SCHED_DEADLINE": 6,
	}
	schedFlags = map[string]uint64{
		"SCHED_FLAG_RESET_ON_FORK": 0x01, "SCHED_FLAG_RECLAIM": 0x02, "SCHED_FLAG_DL_OVERRUN": 0x04,
		"SCHED_FLAG_KEEP_POLICY": 0x08, "SCHED_FLAG_KEEP_PARAMS": 0x10,
		"SCHED_FLAG_UTIL_CLAMP_MIN": 0x20, "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
	}
	ioClasses = map[string]int{"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
)

const (
	ioPriorityShift = 13
	ioPriorityWho   = 1 // IOPRIO_WHO_PROCESS
	affinityBytes   = 8192 / 8
)

// resetOnFork is SCHED_FLAG_RESET_ON_FORK: what a further process is cloned from must not
// have it yet.
const resetOnFork = 0x01

// scheduling sets what may take privileges.
func (p *initPlan) scheduling(s *script) error {
	if err := p.setScheduler(s, p.clonesLast()); err != nil {
		return err
	}
	return p.setIOPriority(s)
}

// setScheduler leaves the flag out if another process is to be cloned.
func (p *initPlan) setScheduler(s *script, clones bool) error {
	if sched := cmp.Or(p.process.Scheduler, p.config.Scheduler); sched != nil {
		policy, ok := schedPolicies[sched.Policy]
		if !ok {
			return invalid(fmt.Errorf("unknown scheduling policy %q", sched.Policy))
		}
		var flags uint64
		for _, name := range sched.Flags {
			flag, ok := schedFlags[name]
			if !ok {
				return invalid(fmt.Errorf("unknown scheduling flag %q", name))
			}
			flags |= flag
		}
		if clones {
			flags &^= resetOnFork
		}
		order := binary.NativeEndian
		attr := make([]byte, 48) // struct sched_attr, sched_setattr(2)
		order.PutUint32(attr, uint32(len(attr)))
		order.PutUint32(attr[4:], policy)
		order.PutUint64(attr[8:], flags)
		order.PutUint32(attr[16:], uint32(sched.Nice))
		order.PutUint32(attr[20:], uint32(sched.Priority))
		order.PutUint64(attr[24:], sched.Runtime)
		order.PutUint64(attr[32:], sched.Deadline)
		order.PutUint64(attr[40:], sched.Period)
		s.Do("set scheduler "+sched.Policy, unix.SYS_SCHED_SETATTR, num(0), s.Bytes(attr), num(0))
	}
	return nil
}

func (p *initPlan) setIOPriority(s *script) error {
	if prio := cmp.Or(p.process.IOPriority, p.config.IOPriority); prio != nil {
		class, ok := ioClasses[prio.Class]
		if !ok {
			return invalid(fmt.Errorf("unknown class of I/O priority %q", prio.Class))
		}
		s.Do(fmt.Sprintf("set I/O priority %s %d", prio.Class, prio.Priority), unix.SYS_IOPRIO_SET,
			num(ioPriorityWho), num(0), num(class<<ioPriorityShift|prio.Priority))
	}
	return nil
}

// firstAffinity is that of the process before it enters its cgroups.
func (p *initPlan) firstAffinity(s *script) error {
	if a := p.process.CPUAffinity; a != nil && a.Initial != "" {
		return s.affinity(a.Initial)
	}
	return nil
}

// lastAffinity makes the process run on all CPUs of its cpuset, whatever the host program
// is bound to, or on those that were asked for.
func (p *initPlan) lastAffinity(s *script) error {
	if a := p.process.CPUAffinity; a != nil && a.Final != "" {
		return s.affinity(a.Final)
	}
	all := make([]byte, affinityBytes)
	for i := range all {
		all[i] = 0xff
	}
	s.Do("set CPU affinity", unix.SYS_SCHED_SETAFFINITY, num(0), num(len(all)), s.Bytes(all))
	return nil
}

func (s *script) affinity(list string) error {
	cpus, err := configs.ParseCPUs(list)
	if err != nil {
		return invalid(err)
	}
	mask := make([]byte, affinityBytes)
	for _, cpu := range cpus {
		mask[cpu/8] |= 1 << (cpu % 8)
	}
	s.Blame(true)
	s.Do(fmt.Sprintf("set CPU affinity %q", list), unix.SYS_SCHED_SETAFFINITY, num(0), num(len(mask)), s.Bytes(mask))
	s.Blame(false)
	return nil
}
