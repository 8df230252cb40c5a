// How a process is scheduled, as operations of init.

package libcontainer

import (
	"cmp"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/linux"
)

const (
	ioPriorityShift = 13
	ioPriorityWho   = 1 // IOPRIO_WHO_PROCESS
	affinityBytes   = 8192 / 8
	nodeBytes       = 1024 / 8
)

// scheduling sets what may take privileges.
func (p *initPlan) scheduling(s *script) error {
	if err := p.setScheduler(s, p.clonesLast()); err != nil {
		return err
	}
	return p.setIOPriority(s)
}

// flagsOf gives the bits of flags by their names.
func flagsOf(what string, known linux.Names, names []string) (flags uint64, err error) {
	for _, name := range names {
		flag, ok := known.Value(name)
		if !ok {
			return 0, invalid(fmt.Errorf("unknown %s %q", what, name))
		}
		flags |= flag
	}
	return flags, nil
}

// setScheduler leaves the flag that resets at a fork out if another process is to be cloned.
func (p *initPlan) setScheduler(s *script, clones bool) error {
	if sched := cmp.Or(p.process.Scheduler, p.config.Scheduler); sched != nil {
		policy, ok := linux.SchedulerPolicies().Value(sched.Policy)
		if !ok {
			return invalid(fmt.Errorf("unknown scheduling policy %q", sched.Policy))
		}
		flags, err := flagsOf("scheduling flag", linux.SchedulerFlags(), sched.Flags)
		if err != nil {
			return err
		}
		if clones { // what a further process is cloned from must not have it yet
			flags &^= linux.SchedFlagResetOnFork
		}
		order := binary.NativeEndian
		attr := make([]byte, 48) // struct sched_attr, sched_setattr(2)
		order.PutUint32(attr, uint32(len(attr)))
		order.PutUint32(attr[4:], uint32(policy))
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
		class, ok := linux.IOPriorityClasses().Value(prio.Class)
		if !ok {
			return invalid(fmt.Errorf("unknown class of I/O priority %q", prio.Class))
		}
		s.Do(fmt.Sprintf("set I/O priority %s %d", prio.Class, prio.Priority), unix.SYS_IOPRIO_SET,
			num(ioPriorityWho), num(0), num(class<<ioPriorityShift|uint64(prio.Priority)))
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

// setMemoryPolicy is for a process that is in its cpuset, among whose nodes the policy's
// must be.
func (p *initPlan) setMemoryPolicy(s *script) error {
	policy := cmp.Or(p.process.MemoryPolicy, p.config.MemoryPolicy)
	if policy == nil {
		return nil
	}
	mode, ok := linux.MemoryPolicyModes().Value(policy.Mode)
	if !ok {
		return invalid(fmt.Errorf("unknown mode of memory policy %q", policy.Mode))
	}
	flags, err := flagsOf("flag of memory policy", linux.MemoryPolicyFlags(), policy.Flags)
	if err != nil {
		return err
	}
	nodes, err := configs.ParseNodes(policy.Nodes)
	if err != nil {
		return invalid(err)
	}
	var mask [nodeBytes]byte
	for _, node := range nodes {
		mask[node/8] |= 1 << (node % 8)
	}
	s.Blame(true)
	// The kernel takes one bit less than it is told of (mm/mempolicy.c, get_nodes).
	s.Do(fmt.Sprintf("set memory policy %s of the nodes %q", policy.Mode, policy.Nodes), unix.SYS_SET_MEMPOLICY,
		num(mode|flags), s.Bytes(mask[:]), num(8*nodeBytes+1))
	s.Blame(false)
	return nil
}

func (p *initPlan) setPersonality(s *script) error {
	personality := cmp.Or(p.process.Personality, p.config.Personality)
	if personality == nil {
		return nil
	}
	domain, ok := linux.PersonalityDomains().Value(personality.Domain)
	if !ok {
		return invalid(fmt.Errorf("unknown personality %q", personality.Domain))
	}
	flags, err := flagsOf("flag of personality", linux.PersonalityFlags(), personality.Flags)
	if err != nil {
		return err
	}
	s.Blame(true)
	s.Do("set personality "+personality.Domain, unix.SYS_PERSONALITY, num(domain|flags))
	s.Blame(false)
	return nil
}
