package configs

// Scheduler says how the kernel shares CPU time with a process, see sched(7) and
// sched_setattr(2). It is what the OCI runtime specification calls
// process.scheduler.
type Scheduler struct {
	// Policy is the scheduling policy: SCHED_OTHER, SCHED_BATCH, SCHED_IDLE,
	// SCHED_FIFO, SCHED_RR or SCHED_DEADLINE. It must be given.
	Policy string `json:"policy"`

	// Nice is the nice value of SCHED_OTHER and SCHED_BATCH, from -20, which gets
	// most of the CPU, to 19. 0 is the kernel's default.
	Nice int32 `json:"nice,omitempty"`

	// Priority is the static priority of SCHED_FIFO and SCHED_RR, 1 to 99, the
	// highest. All other policies have 0.
	Priority int32 `json:"priority,omitempty"`

	// Flags are names such as SCHED_FLAG_RESET_ON_FORK: those of sched_setattr(2)
	// and of the kernel's include/uapi/linux/sched.h.
	Flags []string `json:"flags,omitempty"`

	// Runtime, Deadline and Period are those of SCHED_DEADLINE, in nanoseconds:
	// the process may run for Runtime, before Deadline, in each Period. A Period
	// of 0 is the Deadline. All other policies have 0.
	Runtime  uint64 `json:"runtime,omitempty"`
	Deadline uint64 `json:"deadline,omitempty"`
	Period   uint64 `json:"period,omitempty"`
}

// IOPriority says how much of block I/O a process gets relative to others, see
// ioprio_set(2). It is what the OCI runtime specification calls
// process.ioPriority.
type IOPriority struct {
	// Class is IOPRIO_CLASS_RT, which is served first, IOPRIO_CLASS_BE, which is
	// the kernel's default, or IOPRIO_CLASS_IDLE, which is served when nobody
	// else wants anything. It must be given.
	Class string `json:"class"`

	// Priority is that within the class, from 0, the highest, to 7. The class
	// IOPRIO_CLASS_IDLE has no use for it.
	Priority int `json:"priority"`
}
