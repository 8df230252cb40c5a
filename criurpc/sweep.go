package criurpc

import (
	"context"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// sweep ends the processes of criu's session: programs that it called and tasks that it was about
// to restore, which have not got a session of their own yet. criu itself has ended, and has not
// been reaped. Those that are children of this program, as the first task of a restore is with
// the option rst_sibling, are reaped.
func (p *child) sweep() {
	ctx, cancel := context.WithTimeout(context.Background(), p.grace)
	defer cancel()
	for ctx.Err() == nil {
		found := p.members()
		for _, member := range found {
			_ = member.Signal(unix.SIGKILL)
		}
		for _, member := range found {
			bury(ctx, member)
		}
		if len(found) == 0 {
			return
		}
	}
}

// members are the processes of criu's session that run, or wait to be reaped by this program.
func (p *child) members() (list []*pidfd.Process) {
	names, err := readNames("/proc")
	if err != nil {
		return nil
	}
	self := os.Getpid()
	belongs := func(pid int) (start string, ok bool) {
		stat, err := pidfd.ReadStat(pid)
		if err != nil || stat.Session != p.pid || stat.State == 'X' {
			return "", false
		}
		return stat.StartTime, stat.State != 'Z' || stat.Parent == self
	}
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil || pid == p.pid {
			continue
		}
		if _, ok := belongs(pid); !ok {
			continue
		}
		member, err := pidfd.Open(pid)
		if err != nil {
			continue
		}
		if start, ok := belongs(pid); ok && start == member.StartTime() && p.unreaped() {
			list = append(list, member)
		} else {
			member.Close()
		}
	}
	return list
}

// unreaped makes sure that the number of criu's session is not another process's by now,
// because another part of the program has reaped criu.
func (p *child) unreaped() bool {
	stat, err := pidfd.ReadStat(p.pid)
	return err == nil && stat.StartTime == p.process.StartTime()
}

// bury waits until a process that has been killed has ended, and reaps it if it is a child of
// this program.
func bury(ctx context.Context, process *pidfd.Process) {
	defer process.Close()
	if process.Await(ctx) == nil {
		_, _ = process.Reap()
	}
}

// task refers to the first task of a restore, which is a child of this program, or of criu. It is
// nil if there is none of that pid.
func (p *child) task(pid int) *pidfd.Process {
	task, err := pidfd.Open(pid)
	if err != nil {
		return nil
	}
	stat, err := pidfd.ReadStat(pid)
	if err != nil || stat.StartTime != task.StartTime() || stat.Parent != os.Getpid() && stat.Parent != p.pid {
		task.Close()
		return nil
	}
	return task
}

// endTask ends the first task of a restore that has failed.
func endTask(task *pidfd.Process, grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	_ = task.Signal(unix.SIGKILL)
	bury(ctx, task)
}

func readNames(dir string) ([]string, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}
