package image_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

// needClone3 skips where qemu-user has no clone3(2).
func needClone3(t *testing.T) {
	t.Helper()
	if os.Getenv(emulated) == "" {
		return
	}
	if _, _, errno := unix.Syscall(unix.SYS_CLONE3, 0, 0, 0); errno == unix.ENOSYS {
		t.Skip("qemu-user has no clone3(2)")
	}
}

// cloneArgs puts struct clone_args into the data.
func cloneArgs(b *program.Builder, flags uint64) program.Arg {
	return b.Words(flags, 0, 0, 0, uint64(unix.SIGCHLD), 0, 0, 0)
}

// clone makes a child that does what child emits, and then ends with 0. The register
// is the parent's for the child's pid.
func clone(b *program.Builder, child func()) program.Reg {
	pid := b.Get("clone", unix.SYS_CLONE3, cloneArgs(b, 0), program.Num(64))
	parent := b.Label()
	b.Test(pid.Arg(), program.Num(-1), program.Num(0), parent)
	child()
	b.Do("exit", unix.SYS_EXIT_GROUP, program.Num(0))
	b.Bind(parent)
	return pid
}

// wait emits the wait for a child, and the check of how it has ended.
func wait(b *program.Builder, pid program.Reg, status int) {
	word := b.Space(8)
	b.Do("wait", unix.SYS_WAIT4, pid.Arg(), word, program.Num(0), program.Num(0))
	got := b.Load(word, 4)
	b.Check("status", got.Arg(), program.Num(0xffffffff), program.Num(status), unix.ECHILD)
	b.Free(got)
}

func execScript(b *program.Builder, script string) {
	b.Do("exec", unix.SYS_EXECVE, b.String("/bin/sh"), b.Strings([]string{"sh", "-c", script}), b.Strings(nil))
}

func TestClonedChildExecutes(t *testing.T) {
	needClone3(t)
	each(t, func(t *testing.T, p *proc) {
		b := program.NewBuilder(program.NewRegisters())
		pid := clone(b, func() {
			// Caught signals would be handlers of Go's, blocked ones what it forgot.
			buf := b.Space(4096)
			f := b.Get("open", unix.SYS_OPENAT, program.Num(unix.AT_FDCWD), b.String("/proc/self/status"),
				program.Num(unix.O_CLOEXEC), program.Num(0))
			n := b.Get("read", unix.SYS_READ, f.Arg(), buf, program.Num(4096))
			b.Tell("tell", nil, buf, n.Arg())
			execScript(b, "exit 42")
		})
		wait(b, pid, 42<<8)
		tell(b, program.Num(1))
		p.send(build(t, b), 1)
		_, status := p.read()
		for _, line := range []string{"SigBlk:\t0000000000000000\n", "SigCgt:\t0000000000000000\n"} {
			if !bytes.Contains(status, []byte(line)) {
				t.Errorf("the child's status has no %q:\n%s", line, status)
			}
		}
		if got := p.word(); got != 1 {
			t.Errorf("got %d", got)
		}
		p.end(0)
	})
}

// TestClonedChildGoesOn has a child load, store, and execute a list of its own.
func TestClonedChildGoesOn(t *testing.T) {
	needClone3(t)
	each(t, func(t *testing.T, p *proc) {
		regs := program.NewRegisters()
		b := program.NewBuilder(regs)
		word := b.Words(5)
		pid := clone(b, func() {
			five := b.Load(word, 8)
			b.Add(five, five.Arg(), program.Num(1))
			b.Store(word, five.Arg(), 8)
			b.Next("the child's")
			tell(b, five.Arg())
		})
		wait(b, pid, 0)
		still := b.Load(word, 8)
		tell(b, still.Arg())
		p.send(build(t, b), 1)
		nested := program.NewBuilder(regs)
		tell(nested, program.Num(77))
		p.send(build(t, nested), 2)
		for _, want := range []uint64{77, 6, 5} {
			if got := p.word(); got != want {
				t.Errorf("got %d, want %d", got, want)
			}
		}
		p.end(0)
	})
}

// TestClonedChildEnds has a child that comes to the end of the list, and one that
// fails.
func TestClonedChildEnds(t *testing.T) {
	needClone3(t)
	each(t, func(t *testing.T, p *proc) {
		b := program.NewBuilder(program.NewRegisters())
		end := b.Label()
		pid := b.Get("clone", unix.SYS_CLONE3, cloneArgs(b, 0), program.Num(64))
		parent := b.Label()
		b.Test(pid.Arg(), program.Num(-1), program.Num(0), parent)
		b.Jump(end)
		b.Bind(parent)
		wait(b, pid, 0)
		failing := clone(b, func() { b.Fail("fail", unix.EDOM) })
		wait(b, failing, int(unix.EDOM)<<8)
		tell(b, program.Num(1))
		b.Bind(end)
		b.Return()
		p.send(build(t, b), 4)
		if errno, seq, _ := p.failure(); errno != unix.EDOM || seq != 4 {
			t.Errorf("failure of list %d: %v", seq, errno)
		}
		if got := p.word(); got != 1 {
			t.Errorf("got %d", got)
		}
		p.end(0)
	})
}

// TestManyClonesBesideABusyRuntime forks while other threads allocate and collect, and
// while the scheduler wants to preempt the interpreter.
func TestManyClonesBesideABusyRuntime(t *testing.T) {
	needClone3(t)
	p := startGo(t, asBusy)
	b := program.NewBuilder(program.NewRegisters())
	i := b.Reg()
	b.Add(i, program.Num(0), program.Num(0))
	done := b.Label()
	loop := b.Here()
	b.Do("", unix.SYS_GETPID)
	b.Less(i.Arg(), program.Num(500), done)
	b.Add(i, i.Arg(), program.Num(1))
	pid := clone(b, func() {
		n := b.Load(b.Words(3), 8)
		b.Check("three", n.Arg(), program.Num(-1), program.Num(3), unix.EIO)
	})
	wait(b, pid, 0)
	b.Jump(loop)
	b.Bind(done)
	b.Next("let the collector run")
	execScript(b, "exit 9")
	p.send(build(t, b), 1)
	p.send(build(t, program.NewBuilder(program.NewRegisters())), 2)
	p.end(9)
}

// TestRefusedByGo are the calls that would take the memory from under Go.
func TestRefusedByGo(t *testing.T) {
	page := os.Getpagesize()
	n := program.Num[int]
	const private = unix.MAP_PRIVATE | unix.MAP_ANONYMOUS
	mmap := func(b *program.Builder, flags int) program.Reg {
		return b.Get("mmap", unix.SYS_MMAP, n(0), n(page), n(unix.PROT_READ|unix.PROT_WRITE), n(flags), n(-1), n(0))
	}
	for name, test := range map[string]struct {
		emit func(b *program.Builder)
		want syscall.Errno
	}{
		"load at 0":          {func(b *program.Builder) { b.Load(n(0), 8) }, unix.EFAULT},
		"store at 0":         {func(b *program.Builder) { b.Store(n(0), n(1), 8) }, unix.EFAULT},
		"load at the top":    {func(b *program.Builder) { b.Load(n(-4), 8) }, unix.EFAULT},
		"store behind":       {func(b *program.Builder) { b.Store(b.Words(1).At(1), n(1), 8) }, unix.EFAULT},
		"load before":        {func(b *program.Builder) { b.Load(b.Words(1).At(-8192), 1) }, unix.EFAULT},
		"load 3 bytes":       {func(b *program.Builder) { b.Load(b.Words(1), 3) }, unix.EBADMSG},
		"store 16 bytes":     {func(b *program.Builder) { b.Store(b.Words(1, 1), n(1), 16) }, unix.EBADMSG},
		"clone":              {func(b *program.Builder) { b.Do("", unix.SYS_CLONE, n(int(unix.SIGCHLD))) }, unix.ENOSYS},
		"rt_sigreturn":       {func(b *program.Builder) { b.Do("", unix.SYS_RT_SIGRETURN) }, unix.ENOSYS},
		"mremap":             {func(b *program.Builder) { b.Do("", unix.SYS_MREMAP, b.Words(0), n(0), n(0), n(0)) }, unix.ENOSYS},
		"mprotect":           {func(b *program.Builder) { b.Do("", unix.SYS_MPROTECT, b.Words(0), n(0), n(0)) }, unix.ENOSYS},
		"clone3 of a thread": {func(b *program.Builder) { b.Do("", unix.SYS_CLONE3, cloneArgs(b, unix.CLONE_VM), n(64)) }, unix.EINVAL},
		"clone3, a stack": {func(b *program.Builder) {
			b.Do("", unix.SYS_CLONE3, b.Words(0, 0, 0, 0, 0, 4096, 4096, 0), n(64))
		}, unix.EINVAL},
		"clone3, short":    {func(b *program.Builder) { b.Do("", unix.SYS_CLONE3, b.Words(0, 0), n(16)) }, unix.EINVAL},
		"clone3, cut off":  {func(b *program.Builder) { b.Do("", unix.SYS_CLONE3, b.Words(0, 0), n(64)) }, unix.EFAULT},
		"munmap of a list": {func(b *program.Builder) { b.Do("", unix.SYS_MUNMAP, b.Words(0), n(page)) }, unix.EINVAL},
		"mmap over":        {func(b *program.Builder) { mmap(b, private|unix.MAP_FIXED) }, unix.EINVAL},
		"load behind a mapping": {func(b *program.Builder) {
			m := mmap(b, private)
			b.Add(m, m.Arg(), n(page-4))
			b.Load(m.Arg(), 8)
		}, unix.EFAULT},
		"load of what was unmapped": {func(b *program.Builder) {
			m := mmap(b, private)
			b.Do("", unix.SYS_MUNMAP, m.Arg(), n(page))
			b.Load(m.Arg(), 8)
		}, unix.EFAULT},
		"store to what is read-only": {func(b *program.Builder) {
			m := b.Get("mmap", unix.SYS_MMAP, n(0), n(page), n(unix.PROT_READ), n(private), n(-1), n(0))
			b.Free(b.Load(m.Arg(), 8))
			b.Store(m.Arg(), n(1), 8)
		}, unix.EFAULT},
		"load of an empty file": {func(b *program.Builder) {
			f := b.Get("memfd", unix.SYS_MEMFD_CREATE, b.String("x"), n(0))
			m := b.Get("mmap", unix.SYS_MMAP, n(0), n(page), n(unix.PROT_READ), n(unix.MAP_PRIVATE), f.Arg(), n(0))
			b.Load(m.Arg(), 8)
		}, unix.EFAULT},
		"mappings without end": {func(b *program.Builder) {
			loop := b.Label()
			b.Do("", unix.SYS_GETPID)
			b.Bind(loop)
			b.Free(mmap(b, private))
			b.Jump(loop)
		}, unix.ENOMEM},
	} {
		t.Run(name, func(t *testing.T) {
			p := startGo(t, asInterpreter)
			b := program.NewBuilder(program.NewRegisters())
			test.emit(b)
			p.send(build(t, b), 3)
			errno, seq, _ := p.failure()
			if errno != test.want || seq != 3 {
				t.Errorf("%v in list %d, want %v in list 3", errno, seq, test.want)
			}
			p.end(int(errno))
		})
	}
}

func TestMappings(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		n := program.Num[int]
		b := program.NewBuilder(program.NewRegisters())
		page := os.Getpagesize()
		for range 50 {
			m := b.Get("mmap", unix.SYS_MMAP, n(0), n(page), n(unix.PROT_READ|unix.PROT_WRITE),
				n(unix.MAP_PRIVATE|unix.MAP_ANONYMOUS), n(-1), n(0))
			b.Store(m.Arg(), n(0x1234), 2)
			got := b.Load(m.Arg(), 8)
			b.Check("loaded", got.Arg(), n(-1), n(0x1234), unix.EIO)
			b.Do("munmap", unix.SYS_MUNMAP, m.Arg(), n(page))
			b.Free(m, got)
		}
		p.send(build(t, b), 1)
		p.end(0)
	})
}

func TestLoadAndStoreSizes(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		b := program.NewBuilder(program.NewRegisters())
		for size, want := range map[int]uint64{1: 0x99, 2: 0x9988, 4: 0x99887766, 8: 0x9988776655443322} {
			var raw [16]byte
			binary.NativeEndian.PutUint64(raw[4:], 0x9988776655443322)
			from, to := b.Bytes(raw[:]).At(4+8-size), b.Words(^uint64(0))
			got := b.Load(from, size)
			b.Check("loaded", got.Arg(), program.Num(-1), program.Num(want), unix.EIO)
			b.Store(to, got.Arg(), size)
			again := b.Load(to, 8)
			keep := ^uint64(0)
			if size < 8 {
				keep = 1<<(8*size) - 1
			}
			b.Check("stored", again.Arg(), program.Num(-1), program.Num(want|^keep), unix.EIO)
			b.Free(got, again)
		}
		p.send(build(t, b), 1)
		p.end(0)
	})
}

func TestAddAndSubtract(t *testing.T) {
	each(t, func(t *testing.T, p *proc) {
		n := program.Num[int]
		b := program.NewBuilder(program.NewRegisters())
		r := b.Reg()
		b.Add(r, n(40), n(2))
		tell(b, r.Arg())
		b.Add(r, r.Arg(), n(-50))
		tell(b, r.Arg())
		b.Sub(r, r.Arg(), n(-9))
		tell(b, r.Arg())
		b.Sub(r, n(1<<40), r.Arg())
		tell(b, r.Arg())
		p.send(build(t, b), 1)
		for _, want := range []int{42, -8, 1, 1<<40 - 1} {
			if got := int(p.word()); got != want {
				t.Errorf("got %d, want %d", got, want)
			}
		}
		p.end(0)
	})
}

// TestLimitOfOpenFiles has the process that becomes Go have a low limit, which Go
// raises.
func TestLimitOfOpenFiles(t *testing.T) {
	if os.Getenv(emulator) != "" {
		t.Skip("the kernel cannot execute the test binary")
	}
	p := startImage(t)
	limit := func(b *program.Builder) program.Arg { return b.Words(100, 1000) }
	b := program.NewBuilder(program.NewRegisters())
	b.Do("limit", unix.SYS_PRLIMIT64, program.Num(0), program.Num(unix.RLIMIT_NOFILE), limit(b), program.Num(0))
	b.Do("exec", unix.SYS_EXECVE, b.String(self(t)), b.Strings([]string{"interpreter"}), b.Strings([]string{raceEnv, role + "=" + asInterpreter}))
	p.send(build(t, b), 1)

	b = program.NewBuilder(program.NewRegisters())
	is := b.Space(int(unsafe.Sizeof(unix.Rlimit{})))
	b.Do("get", unix.SYS_PRLIMIT64, program.Num(0), program.Num(unix.RLIMIT_NOFILE), program.Num(0), is)
	soft := b.Load(is, 8)
	tell(b, soft.Arg())
	execScript(b, `exit "$(ulimit -Sn)"`)
	p.send(build(t, b), 2)
	if got := p.word(); got != 100 {
		t.Errorf("the limit is %d, want 100", got)
	}
	p.end(100)
}
