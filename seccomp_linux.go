// The host's side: the seccomp filter of a container, the hand-over of its listener,
// and finding out whether init has become the program.

package libcontainer

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/initproc"
	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/internal/unixsock"
	"github.com/libcontainer/libcontainer/seccomp"
)

// maxPrograms is how many profiles a factory keeps compiled.
const maxPrograms = 64

// programs are compiled profiles. The zero value is empty.
type programs struct {
	mu    sync.Mutex
	known map[string]func() (*seccomp.Program, error)
	order []string // the oldest first
}

// compile returns the program of a profile, nil for none. Of those who ask for the
// same one at once, one compiles it.
func (p *programs) compile(profile *configs.Seccomp) (*seccomp.Program, error) {
	if profile == nil {
		return nil, nil
	}
	program, err := p.get(profile)()
	if err != nil {
		return nil, fmt.Errorf("compile seccomp profile: %w", err)
	}
	return program, nil
}

func (p *programs) get(profile *configs.Seccomp) func() (*seccomp.Program, error) {
	key := profileKey(profile)
	p.mu.Lock()
	defer p.mu.Unlock()
	if get, ok := p.known[key]; ok {
		return get
	}
	if len(p.order) == maxPrograms {
		delete(p.known, p.order[0])
		p.order = slices.Delete(p.order, 0, 1)
	}
	if p.known == nil {
		p.known = make(map[string]func() (*seccomp.Program, error))
	}
	get := sync.OnceValues(func() (*seccomp.Program, error) { return seccomp.Compile(profile) })
	p.known[key], p.order = get, append(p.order, key)
	return get
}

// profileKey encodes what a program depends on. It is not JSON, which takes longer
// than all else that a start does for a filter.
func profileKey(s *configs.Seccomp) string {
	b := make([]byte, 0, 64+32*len(s.Syscalls))
	number := func(v uint64) { b = binary.AppendUvarint(b, v) }
	text := func(v string) {
		number(uint64(len(v)))
		b = append(b, v...)
	}
	texts := func(list []string) {
		number(uint64(len(list)))
		for _, v := range list {
			text(v)
		}
	}
	ret := func(v *uint) {
		if v == nil {
			number(0)
			return
		}
		number(1)
		number(uint64(*v))
	}
	number(uint64(s.DefaultAction))
	ret(s.DefaultErrnoRet)
	texts(s.Architectures)
	texts(s.Flags)
	number(uint64(len(s.Syscalls)))
	for _, c := range s.Syscalls {
		if c == nil {
			c = new(configs.Syscall) // refused, as one without an action is
		}
		text(c.Name)
		number(uint64(c.Action))
		ret(c.ErrnoRet)
		number(uint64(len(c.Args)))
		for _, a := range c.Args {
			if a == nil {
				a = new(configs.Arg) // refused too
			}
			number(uint64(a.Index))
			number(uint64(a.Op))
			number(a.Value)
			number(a.ValueTwo)
		}
	}
	return string(b)
}

// seccompFilter gives what init installs.
func (l *launch) seccompFilter() (initproc.Filter, error) {
	program, err := l.c.factory.programs.compile(l.config.Seccomp)
	if err != nil {
		return initproc.Filter{}, invalid(err)
	}
	if program == nil {
		return initproc.Filter{}, nil
	}
	if !program.Execs {
		return initproc.Filter{}, errorf(ConfigInvalid, "the seccomp profile must allow execve: without it no program can be started")
	}
	return initproc.Filter{
		Program:     program.Filter,
		Flags:       program.Flags,
		Notify:      program.Notify,
		KillsThread: program.KillsThread,
	}, nil
}

// awaitExec waits until init has become the user's program.
func (l *launch) awaitExec() error {
	for {
		kind, _, err := l.read()
		switch {
		case errors.Is(err, errDied):
			return l.checkExec()
		case err != nil:
			return err
		case kind != initproc.KindListener:
			return fmt.Errorf("unexpected frame %d from init", kind)
		}
		if err := l.passListener(); err != nil {
			return err
		}
		if err := l.write(initproc.KindGo, nil); err != nil {
			return err
		}
	}
}

// checkExec finds out why the init pipe is closed: execve closes it, and so does
// death. The kernel notes the execve before it closes descriptors, so if it has not,
// the process is dying and has never been the user's program.
func (l *launch) checkExec() error {
	executed, err := l.ref.HasExecuted()
	if executed || errors.Is(err, pidfd.ErrNoProcess) {
		return nil // or reaped already, by another handle: it says with which status
	}
	if err != nil {
		return fmt.Errorf("look at the init process: %w", err)
	}
	if l.config.Seccomp == nil {
		return errDied
	}
	status, err := l.endStatus()
	if err != nil {
		return fmt.Errorf("the init process died before it could %s: %w", l.step, err)
	}
	return l.describeEnd(status)
}

// endStatus waits for the end of an init that is dying.
func (l *launch) endStatus() (syscall.WaitStatus, error) {
	if err := l.ref.Await(l.ctx); err != nil {
		return 0, err
	}
	if state := l.reapAll(); state != nil {
		return state.Sys().(syscall.WaitStatus), nil
	}
	return l.c.initStatus(l.ctx, l.ref, l.c.initRun)
}

// describeEnd explains the end of an init that had, or was about to install, a filter.
func (l *launch) describeEnd(status syscall.WaitStatus) error {
	switch {
	case status.Signaled() && status.Signal() == unix.SIGSYS:
		return errorf(ConfigInvalid, "the init process was killed by SIGSYS before it could %s: the seccomp profile must allow execve", l.step)
	case status.Exited():
		return errorf(ConfigInvalid, "exec %s, with the seccomp filter installed: %w", l.programName(), initproc.ExecError(status.ExitStatus()))
	}
	return fmt.Errorf("the init process died (%s) before it could %s, with the seccomp filter installed", describeStatus(status), l.step)
}

func (l *launch) programName() string {
	if l.process == nil {
		return "the program" // another handle has prepared it
	}
	return l.process.Args[0]
}

// agentTimeout is how long an agent may take to accept a connection and what is sent
// over it.
const agentTimeout = 10 * time.Second

// passListener hands the listener of init's filter to the agent, as the OCI runtime
// specification says (config-linux.md, "The Container Process State").
func (l *launch) passListener() error {
	listener, err := l.receiveFile()
	if err != nil {
		return err
	}
	defer listener.Close()
	profile := l.config.Seccomp
	if profile == nil || profile.ListenerPath == "" {
		return errorf(ConfigInvalid, "the seccomp filter has a listener, but the profile has no ListenerPath")
	}
	message, err := json.Marshal(l.processState())
	if err != nil {
		return fmt.Errorf("encode state for the seccomp agent: %w", err)
	}
	ctx, cancel := context.WithTimeout(l.ctx, agentTimeout)
	defer cancel()
	if err := unixsock.SendTo(ctx, profile.ListenerPath, message, listener); err != nil {
		return fmt.Errorf("hand the seccomp listener to the agent: %w", err)
	}
	return nil
}

func (l *launch) processState() specs.ContainerProcessState {
	status, init := specs.StateCreated, l.ref.Pid()
	if l.join {
		status, init = specs.StateRunning, l.c.init.Pid()
	}
	state := l.c.hookState(init, string(status))
	return specs.ContainerProcessState{
		Version:  ociVersion,
		Fds:      []string{specs.SeccompFdName},
		Pid:      l.ref.Pid(),
		Metadata: l.config.Seccomp.ListenerMetadata,
		State: specs.State{
			Version: ociVersion,
			ID:      state.ID,
			Status:  status,
			Pid:     init,
			Bundle:  state.Bundle,
		},
	}
}
