// Hooks, and the commands of mounts, that run inside, as operations of init; and waiting
// to be released. The process is init's child; the host has the other ends of its pipes,
// its pidfd, and the deadline.

package libcontainer

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

// hookKind says to which list of commands a hook belongs.
type hookKind uint8

const (
	createContainer hookKind = iota
	startContainer
	mountCommand
)

func (k hookKind) String() string {
	switch k {
	case createContainer:
		return "createContainer"
	case startContainer:
		return "startContainer"
	}
	return "mount command"
}

// hookID names a hook of a container in messages: another program than the one that has
// built the list may have to serve them.
type hookID struct {
	kind  hookKind
	index int // in the kind's list
}

// The messages about hooks, see program.Known. The rest of the id is the hook's.
const (
	hookStartedMsg = program.Known | 1<<24
	hookEndedMsg   = program.Known | 2<<24
)

func (h hookID) message(base uint32) uint32 { return base | uint32(h.kind)<<16 | uint32(h.index) }

func (p *initPlan) beforePivot(s *script) error {
	hooks := p.config.Hooks
	if hooks == nil {
		return nil
	}
	if len(hooks.Prestart)+len(hooks.CreateRuntime) > 0 {
		askHost(s, "run the hooks of the host", p.host.createHooks)
	}
	return p.hooks(s, createContainer, nil)
}

// hooks runs those hooks of a kind that are commands.
func (p *initPlan) hooks(s *script, kind hookKind, u *execUser) error {
	if p.config.Hooks == nil || p.join {
		return nil
	}
	list := p.config.Hooks.CreateContainer
	if kind == startContainer {
		list = p.config.Hooks.StartContainer
	}
	home := "/"
	if u != nil {
		home = u.Home
	}
	for i, command := range commandHooks(list) {
		out := s.In(fmt.Sprintf("%s hook %d", kind, i))
		if command.Env == nil {
			command.Env = environment(p.process.Env, home)
		}
		p.runHook(s, hookID{kind, i}, command)
		out()
	}
	return nil
}

// runCommands runs a mount's commands: programs of the host, in the container's
// mount namespace, while the root is still the host's. Unlike those of hooks they are
// what the arguments of exec.Command say, as in the classic library.
func (r *rootfs) runCommands(kind string, m *configs.Mount, commands []configs.Command) error {
	for i, c := range commands {
		name := fmt.Sprintf("%s command %d of the mount on %s", kind, i, m.Destination)
		out := r.In(name)
		if c.Env == nil {
			c.Env = os.Environ()
		}
		c.Args = append([]string{c.Path}, c.Args...)
		if !strings.Contains(c.Path, "/") {
			path, err := exec.LookPath(c.Path)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			c.Path = path
		}
		r.plan.mountCommands = append(r.plan.mountCommands, c)
		r.plan.mountCommandNames = append(r.plan.mountCommandNames, name)
		r.plan.runHook(r.script, hookID{mountCommand, len(r.plan.mountCommands) - 1}, c)
		out()
	}
	return nil
}

// runHook forks, and executes a command in the child.
func (p *initPlan) runHook(s *script, h hookID, c configs.Command) {
	argv := c.Args
	if len(argv) == 0 {
		argv = []string{c.Path}
	}
	pipe := func() (r, w program.Reg) {
		ends := s.Words(0)
		s.Do("make pipe", unix.SYS_PIPE2, ends, num(unix.O_CLOEXEC))
		return s.Load(ends, 4), s.Load(ends.At(4), 4)
	}
	inR, inW := pipe()
	outR, outW := pipe()
	errR, errW := pipe()
	pidfd := s.Words(0)
	parent := s.Label()
	outside := h.kind != startContainer
	if outside {
		p.childrenIn(s, p.ownPid)
	}
	pid := s.Get("fork", unix.SYS_CLONE3,
		s.cloneArgs(unix.CLONE_PIDFD, unix.SIGCHLD, pidfd), num(sizeofCloneArgs))
	s.Test(pid.Arg(), num(-1), num(0), parent)

	// The child.
	for fd, end := range []program.Reg{inR, outW, errW} {
		s.Do("dup3", unix.SYS_DUP3, end.Arg(), num(fd), num(0))
	}
	s.Do("close_range", unix.SYS_CLOSE_RANGE, num(3), num(uint32(1<<32-1)), num(unix.CLOSE_RANGE_CLOEXEC))
	if c.Dir != "" {
		s.Do("change to "+c.Dir, unix.SYS_CHDIR, s.String(c.Dir))
	}
	path, argvPtr, envv := s.String(c.Path), s.Strings(argv), s.Strings(c.Env)
	if h.kind == startContainer {
		p.confineHook(s)
	}
	s.Do("run command "+c.Path, unix.SYS_EXECVE, path, argvPtr, envv)

	s.Bind(parent)
	if outside {
		p.childrenIn(s, p.joinedPid)
	}
	for _, end := range []program.Reg{inR, outW, errW} {
		s.Close(end)
	}
	fd := s.Load(pidfd, 4)
	own := s.Get("getpid", unix.SYS_GETPID)
	report := s.Space(8)
	s.Store(report, own.Arg(), 8)
	s.TellAs("tell of a command", h.message(hookStartedMsg), report, num(8), fd, inW, outR, errR)
	for _, r := range []program.Reg{inW, outR, errR, fd} {
		s.Close(r)
	}
	info := s.Space(128) // siginfo_t: si_code at 8, si_status at 24
	s.Do("wait for the command", unix.SYS_WAITID, num(unix.P_PID), pid.Arg(), info, num(unix.WEXITED), num(0))
	s.TellAs("tell of a command's end", h.message(hookEndedMsg), info, num(128))
	s.Next("wait for the host")
	s.Free(pid, own)
}

// confineHook puts a command under the same labels and filter as the program.
func (p *initPlan) confineHook(s *script) {
	p.labelFiles.write(s, p)
	if p.filter == nil {
		return
	}
	const listener = unix.SECCOMP_FILTER_FLAG_NEW_LISTENER | unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	s.Do("install the seccomp filter", unix.SYS_SECCOMP, num(unix.SECCOMP_SET_MODE_FILTER),
		num(p.filter.Flags&^uint64(listener)), p.filterProgram(s))
}

// handleHook makes a message about a hook one to the host.
func handleHook(host initHost, id uint32, payload []byte, fds []int) (*program.Program, error) {
	h := hookID{hookKind(id >> 16), int(id & 0xffff)}
	switch id &^ 0xffffff {
	case hookStartedMsg:
		files := make([]*os.File, len(fds))
		for i, fd := range fds {
			files[i] = os.NewFile(uintptr(fd), "command")
		}
		if len(payload) != 8 || len(fds) != 4 {
			for _, f := range files {
				f.Close()
			}
			return nil, fmt.Errorf("the report of a command has %d bytes and %d descriptors: %w", len(payload), len(fds), unix.EBADMSG)
		}
		return nil, host.hookStarted(h, int(getUint64(payload)), files)
	case hookEndedMsg:
		closeFds(fds)
		if len(payload) != 128 {
			return nil, fmt.Errorf("the report of a command's end has %d bytes: %w", len(payload), unix.EBADMSG)
		}
		code, status := int(int32(getUint32(payload[8:]))), int(int32(getUint32(payload[24:])))
		if err := host.hookEnded(h, code, status); err != nil {
			return nil, err
		}
		return program.NewBuilder(program.NewNested()).Build()
	}
	closeFds(fds)
	return nil, fmt.Errorf("unexpected message %#x: %w", id, unix.EBADMSG)
}

// releaseWord is what releases a prepared init.
const releaseWord = 0x6c696265_72617465

// awaitRelease waits at a socket for a connection through which the word comes, and
// makes it the init pipe: from then on errors go to the one who released us, who need
// not be the one who started us. A connection that ends without a word, as of a process
// that died or only looked whether we wait, does nothing.
func (p *initPlan) awaitRelease(s *script, listener program.Reg) {
	s.Tell("report that the process is prepared", func([]byte, []int) (*program.Program, error) {
		return nil, p.host.awaitsRelease()
	}, s.String(""), num(0))
	word := s.Words(0)
	conn, v := s.Reg(), s.Reg()
	lost := s.Label()
	again := s.Here()
	s.Set(conn, "wait to be released: accept", unix.SYS_ACCEPT4, listener.Arg(), num(0), num(0), num(unix.SOCK_CLOEXEC))
	s.Or(again, unix.ECONNABORTED)
	s.Set(v, "wait to be released", unix.SYS_RECVFROM, conn.Arg(), word, num(8), num(unix.MSG_WAITALL), num(0), num(0))
	s.OrAny(lost)
	s.Test(v.Arg(), num(-1), num(8), lost)
	s.LoadInto(v, word, 8)
	s.Test(v.Arg(), num(-1), num(uint64(releaseWord)), lost)
	s.Later(func() {
		s.Bind(lost)
		s.Do("close", unix.SYS_CLOSE, conn.Arg())
		s.Jump(again)
	})
	// The socket goes first: when it is gone, the release has begun.
	s.Close(listener)
	s.Do("take over the init pipe", unix.SYS_DUP3, conn.Arg(), program.Pipe.Arg(), num(unix.O_CLOEXEC))
	s.Close(conn)
	s.Free(v)
}

func releaseMessage() []byte { return binary.NativeEndian.AppendUint64(nil, releaseWord) }
