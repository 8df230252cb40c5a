// The host's side: the seccomp filter of a container, the hand-over of its listener,
// and finding out whether init has become the program.

package libcontainer

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
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
	program, err := p.get(profileKey(profile), func() *configs.Seccomp { return profile })()
	if err != nil {
		return nil, fmt.Errorf("compile seccomp profile: %w", err)
	}
	return program, nil
}

// filtered tells whether the processes of a container get a filter.
func filtered(config *configs.Config) bool { return config.Seccomp != nil || config.DefaultSeccomp }

// compileFor returns the program of a configuration, nil for none.
func (p *programs) compileFor(config *configs.Config) (*seccomp.Program, error) {
	if config.Seccomp != nil || !config.DefaultSeccomp {
		return p.compile(config.Seccomp)
	}
	capabilities := config.Capabilities
	if config.CapabilitySets != nil {
		// More than these no process gets by execve(2).
		capabilities = config.CapabilitySets.Bounding
	}
	program, err := p.get("default "+strings.Join(capabilities, " "), func() *configs.Seccomp {
		return seccomp.Default(capabilities...)
	})()
	if err != nil {
		return nil, fmt.Errorf("compile the default seccomp profile: %w", err)
	}
	return program, nil
}

// get returns what compiles the profile of that key, or has compiled it.
func (p *programs) get(key string, profile func() *configs.Seccomp) func() (*seccomp.Program, error) {
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
	get := sync.OnceValues(func() (*seccomp.Program, error) { return seccomp.Compile(profile()) })
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

// seccompFilter gives what the process installs, nil for none.
func (st *starting) seccompFilter() (*seccomp.Program, error) {
	program, err := st.c.factory.programs.compileFor(st.config)
	if err != nil {
		return nil, invalid(err)
	}
	if program != nil && !program.Execs {
		return nil, errorf(ConfigInvalid, "the seccomp profile must allow execve: without it no program can be started")
	}
	return program, nil
}

// errOtherInit says that the process at the other end of the init pipe does not do what
// this library's does: an earlier release may have prepared it.
var errOtherInit = errors.New("the init process has closed the connection and lives: another release of this library " +
	"has prepared it, and can release it")

// checkExec finds out why the init pipe is closed: execve closes it, and so does
// death. If the process has executed nothing since it was cloned, it is dying and has
// never been the user's program.
func (st *starting) checkExec() error {
	executed, err := st.ref.HasExecuted()
	if errors.Is(err, pidfd.ErrNoProcess) {
		return nil // reaped already, by another handle: it says with which status
	}
	if err != nil {
		return fmt.Errorf("look at the init process: %w", err)
	}
	if executed {
		return nil
	}
	dying, err := st.ref.Dying()
	if err == nil && !dying {
		return errOtherInit
	}
	if !filtered(st.config) {
		return errDied
	}
	if err := st.ref.Await(st.ctx); err != nil {
		return err
	}
	status, err := st.ref.ExitStatus()
	if err != nil {
		return fmt.Errorf("%w: %w", errDied, err)
	}
	return st.describeEnd(status)
}

// describeEnd explains the end of an init that had, or was about to install, a filter.
func (st *starting) describeEnd(status syscall.WaitStatus) error {
	switch {
	case status.Signaled() && status.Signal() == unix.SIGSYS:
		return errorf(ConfigInvalid, "the init process was killed by %v before it could run the program: "+
			"the seccomp profile must allow execve", unix.SignalName(status.Signal()))
	case status.Exited() && status.ExitStatus() > 256-maxErrno:
		errno := syscall.Errno(256 - status.ExitStatus())
		if hint := execHints[errno]; hint != "" {
			return errorf(ConfigInvalid, "exec %s: %w (%s)", st.programName(), errno, hint)
		}
		return errorf(ConfigInvalid, "exec %s, with the seccomp filter installed: %w (perhaps that refuses it)", st.programName(), errno)
	case status.Exited():
		return errorf(ConfigInvalid, "exec %s, with the seccomp filter installed: the filter made execve return without an error",
			st.programName())
	}
	return st.died(describeStatus(status))
}

// maxErrno is above all errors of execve(2).
const maxErrno = 200

func (st *starting) programName() string {
	if st.process != nil {
		return st.process.Args[0]
	}
	return cmp.Or(st.prepared, "the program") // another call has prepared it
}

// agentTimeout is how long an agent may take to accept a connection and what is sent
// over it.
const agentTimeout = 10 * time.Second

// passListener hands the listener of init's filter to the agent, as the OCI runtime
// specification says (config-linux.md, "The Container Process State").
func (st *starting) passListener(listener *os.File) error {
	profile := st.config.Seccomp
	if profile == nil || profile.ListenerPath == "" {
		return errorf(ConfigInvalid, "the seccomp filter has a listener, but the profile has no ListenerPath")
	}
	message, err := json.Marshal(st.processState())
	if err != nil {
		return fmt.Errorf("encode state for the seccomp agent: %w", err)
	}
	ctx, cancel := context.WithTimeout(st.ctx, agentTimeout)
	defer cancel()
	if err := unixsock.SendTo(ctx, profile.ListenerPath, message, listener); err != nil {
		return fmt.Errorf("hand the seccomp listener to the agent: %w", err)
	}
	return nil
}

func (st *starting) processState() specs.ContainerProcessState {
	status, init := specs.StateCreated, st.ref.Pid()
	if st.plan.join {
		status, init = specs.StateRunning, st.init.Pid()
	}
	state := hookStateOf(st.c.id, st.config, init, string(status))
	return specs.ContainerProcessState{
		Version:  ociVersion,
		Fds:      []string{specs.SeccompFdName},
		Pid:      st.ref.Pid(),
		Metadata: st.config.Seccomp.ListenerMetadata,
		State: specs.State{
			Version: ociVersion,
			ID:      state.ID,
			Status:  status,
			Pid:     init,
			Bundle:  state.Bundle,
		},
	}
}
