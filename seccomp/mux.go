package seccomp

import "github.com/libcontainer/libcontainer/configs"

// multiplexed is a function of socketcall(2) or ipc(2) on 32-bit x86.
type multiplexed struct {
	call uint32 // the function's number, <linux/net.h>, <linux/ipc.h>
	ipc  bool
}

const (
	x86Socketcall = 102
	x86IPC        = 117
)

// muxTable has the functions by the names of the system calls.
func muxTable() map[string]multiplexed {
	return map[string]multiplexed{
		"socket":      {call: 1},
		"bind":        {call: 2},
		"connect":     {call: 3},
		"listen":      {call: 4},
		"accept":      {call: 5},
		"getsockname": {call: 6},
		"getpeername": {call: 7},
		"socketpair":  {call: 8},
		"send":        {call: 9},
		"recv":        {call: 10},
		"sendto":      {call: 11},
		"recvfrom":    {call: 12},
		"shutdown":    {call: 13},
		"setsockopt":  {call: 14},
		"getsockopt":  {call: 15},
		"sendmsg":     {call: 16},
		"recvmsg":     {call: 17},
		"accept4":     {call: 18},
		"recvmmsg":    {call: 19},
		"sendmmsg":    {call: 20},

		"semop":      {call: 1, ipc: true},
		"semget":     {call: 2, ipc: true},
		"semctl":     {call: 3, ipc: true},
		"semtimedop": {call: 4, ipc: true},
		"msgsnd":     {call: 11, ipc: true},
		"msgrcv":     {call: 12, ipc: true},
		"msgget":     {call: 13, ipc: true},
		"msgctl":     {call: 14, ipc: true},
		"shmat":      {call: 21, ipc: true},
		"shmdt":      {call: 22, ipc: true},
		"shmget":     {call: 23, ipc: true},
		"shmctl":     {call: 24, ipc: true},
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
