package seccomp

import "github.com/libcontainer/libcontainer/configs"

// multiplexed is a function of socketcall(2) or ipc(2) on 32-bit x86.
type multiplexed struct {
	call     uint32 // the function's number, <linux/net.h>, <linux/ipc.h>
	ipc      bool
	directly uint32 // the number of the system call of its own, 0 if there is none
}

const (
	x86Socketcall = 102
	x86IPC        = 117
)

// muxTable has the functions by the names of the system calls.
func muxTable() map[string]multiplexed {
	return map[string]multiplexed{
		"socket":      {call: 1, directly: 359},
		"bind":        {call: 2, directly: 361},
		"connect":     {call: 3, directly: 362},
		"listen":      {call: 4, directly: 363},
		"accept":      {call: 5},
		"getsockname": {call: 6, directly: 367},
		"getpeername": {call: 7, directly: 368},
		"socketpair":  {call: 8, directly: 360},
		"send":        {call: 9},
		"recv":        {call: 10},
		"sendto":      {call: 11, directly: 369},
		"recvfrom":    {call: 12, directly: 371},
		"shutdown":    {call: 13, directly: 373},
		"setsockopt":  {call: 14, directly: 366},
		"getsockopt":  {call: 15, directly: 365},
		"sendmsg":     {call: 16, directly: 370},
		"recvmsg":     {call: 17, directly: 372},
		"accept4":     {call: 18, directly: 364},
		"recvmmsg":    {call: 19, directly: 337},
		"sendmmsg":    {call: 20, directly: 345},

		"semop":      {call: 1, ipc: true},
		"semget":     {call: 2, ipc: true, directly: 393},
		"semctl":     {call: 3, ipc: true, directly: 394},
		"semtimedop": {call: 4, ipc: true},
		"msgsnd":     {call: 11, ipc: true, directly: 400},
		"msgrcv":     {call: 12, ipc: true, directly: 401},
		"msgget":     {call: 13, ipc: true, directly: 399},
		"msgctl":     {call: 14, ipc: true, directly: 402},
		"shmat":      {call: 21, ipc: true, directly: 397},
		"shmdt":      {call: 22, ipc: true, directly: 398},
		"shmget":     {call: 23, ipc: true, directly: 395},
		"shmctl":     {call: 24, ipc: true, directly: 396},
	}
}

func (m multiplexed) number() uint32 {
	if m.ipc {
		return x86IPC
	}
	return x86Socketcall
}

// condition tells the function by the multiplexer's first argument. The upper half of
// ipc's is a version.
func (m multiplexed) condition() condition {
	mask := uint64(0xffffffff)
	if m.ipc {
		mask = 0xffff
	}
	return condition{arg: 0, op: configs.MaskEqualTo, value: mask, want: uint64(m.call)}
}

// rules gives the rules for a function from those of its name. Its arguments are
// in memory, which no filter sees: rules with conditions count as if they held where
// that is stricter than what is done without them, else as if they did not.
func (m multiplexed) rules(named []rule, otherwise uint32) (out []rule) {
	base := otherwise
	for _, r := range named {
		if len(r.conds) > 0 {
			continue
		}
		out = append(out, rule{ret: r.ret, conds: []condition{m.condition()}})
		if len(out) == 1 || strictness(r.ret, base) < 0 {
			base = r.ret
		}
	}
	for _, r := range named {
		if len(r.conds) > 0 && strictness(r.ret, base) < 0 {
			out = append(out, rule{ret: r.ret, conds: []condition{m.condition()}})
		}
	}
	return out
}
