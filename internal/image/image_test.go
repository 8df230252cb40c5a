package image_test

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

func TestSystemCall(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		b := program.NewBuilder(program.NewRegisters())
		pid := b.Get("getpid", unix.SYS_GETPID)
		out := b.Space(8)
		b.Store(out, pid.Arg(), 8)
		b.Tell("tell", nil, out, program.Num(8))
		p.send(build(t, b), 1)
		kind, payload := p.read()
		if kind != program.KindAsk || len(payload) != 16 || int(binary.NativeEndian.Uint64(payload[8:])) != p.p.Pid {
			t.Errorf("message %d %v, want the pid %d", kind, payload, p.p.Pid)
		}
		p.end(0)
	})
}

func TestFailureNamesListAndOperation(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		b := program.NewBuilder(program.NewRegisters())
		b.Do("getpid", unix.SYS_GETPID)
		out := b.In("make it")
		b.Do("mkdir /proc/nothing", unix.SYS_MKDIRAT, program.Num(unix.AT_FDCWD), b.String("/proc/nothing"), program.Num(0))
		out()
		prog := build(t, b)
		p.send(prog, 7)
		kind, payload := p.read()
		if kind != program.KindFailed || len(payload) != 12 {
			t.Fatalf("message %d %v, want a failure", kind, payload)
		}
		order := binary.NativeEndian
		errno, seq, index := syscall.Errno(order.Uint32(payload)), order.Uint32(payload[4:]), order.Uint32(payload[8:])
		if seq != 7 || index != 1 {
			t.Errorf("failure of operation %d of list %d, want 1 of 7", index, seq)
		}
		err := prog.Error(index, errno)
		if err.Error() != "make it: mkdir /proc/nothing: no such file or directory" || !errors.Is(err, unix.ENOENT) {
			t.Errorf("error %q", err)
		}
		p.end(int(unix.ENOENT))
	})
}

// TestLoopAndNestedLists sums 1 to 100 with tests, additions and jumps, and takes lists that return.
func TestLoopAndNestedLists(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		regs := program.NewRegisters()
		b := program.NewBuilder(regs)
		i, sum := b.Reg(), b.Reg()
		b.Add(i, program.Num(0), program.Num(0))
		b.Add(sum, program.Num(0), program.Num(0))
		done := b.Label()
		loop := b.Here()
		b.Less(i.Arg(), program.Num(100), done)
		b.Add(i, i.Arg(), program.Num(1))
		b.Add(sum, sum.Arg(), i.Arg())
		b.Jump(loop)
		b.Bind(done)
		b.Next("nested")
		out := b.Space(8)
		b.Store(out, sum.Arg(), 8)
		b.Tell("tell", nil, out, program.Num(8))
		p.send(build(t, b), 1)

		nested := program.NewBuilder(regs)
		nested.Next("deeper")
		nested.Add(sum, sum.Arg(), program.Num(1000))
		p.send(build(t, nested), 2)

		deeper := program.NewBuilder(regs)
		deeper.Add(sum, sum.Arg(), program.Num(100000))
		p.send(build(t, deeper), 3)
		kind, payload := p.read()
		if kind != program.KindAsk || binary.NativeEndian.Uint64(payload[8:]) != 106050 {
			t.Errorf("message %d %v, want 106050", kind, payload)
		}
		p.end(0)
	})
}

func TestTolerated(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		b := program.NewBuilder(program.NewRegisters())
		missing := b.Label()
		fd := b.Get("open", unix.SYS_OPENAT, program.Num(unix.AT_FDCWD), b.String("/nonexistent"), program.Num(0), program.Num(0))
		b.Or(missing, unix.EACCES, unix.ENOENT)
		b.Fail("came here", unix.EINVAL)
		b.Bind(missing)
		b.Check("result", fd.Arg(), program.Num(-1), program.Num(-int(unix.ENOENT)), unix.EIO)
		p.send(build(t, b), 1)
		p.end(0)
	})
}

func TestFilesComeInRegisters(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		var files []*os.File
		for range program.MaxFiles {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			defer w.Close()
			files = append(files, w)
		}
		b := program.NewBuilder(program.NewRegisters())
		regs := b.Files(files...)
		st := b.Space(256)
		for _, r := range regs {
			b.Do("fstat", unix.SYS_FSTAT, r.Arg(), st)
			flags := b.Get("fcntl", unix.SYS_FCNTL, r.Arg(), program.Num(unix.F_GETFD))
			b.Check("close-on-exec", flags.Arg(), program.Num(-1), program.Num(unix.FD_CLOEXEC), unix.EIO)
			b.Close(r)
			b.Free(flags)
		}
		p.send(build(t, b), 1)
		p.end(0)
	})
}

func TestEndOfStream(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		b := program.NewBuilder(program.NewRegisters())
		b.Next("wait for the host")
		prog := build(t, b)
		p.send(prog, 1)
		p.close()
		kind, payload := p.read()
		if kind != program.KindFailed || syscall.Errno(binary.NativeEndian.Uint32(payload)) != unix.EPIPE {
			t.Errorf("message %d %v, want EPIPE", kind, payload)
		}
		p.end(int(unix.EPIPE))
	})
}

func TestExec(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		b := program.NewBuilder(program.NewRegisters())
		b.Do("exec", unix.SYS_EXECVE, b.String("/bin/sh"), b.Strings([]string{"sh", "-c", "exit $CODE"}), b.Strings([]string{"CODE=42"}))
		p.send(build(t, b), 1)
		p.end(42)
	})
}
