// The API, platform-agnostic: processes.

package libcontainer

import (
	"context"
	"io"
	"math"
	"os"
	"time"

	"github.com/libcontainer/libcontainer/configs"
)

// Process specifies the configuration and IO for a process inside a container.
// It is started once, by Container.Start; the fields must not be changed
// afterwards.
type Process struct {
	// Args is the command to be run followed by any arguments. A command without
	// a slash is searched in the PATH of Env, inside of the container.
	Args []string

	// Env specifies the environment variables for the process, as "NAME=value".
	// Of several values for a name the last counts. HOME is set to the user's
	// home directory in the container's passwd file unless it is given.
	Env []string

	// User is who the process runs as inside the container: "user", "uid",
	// "user:group", "uid:gid", "uid:group" or "user:gid"; empty means root.
	// Names are looked up in the container's /etc/passwd and /etc/group; numbers
	// are never looked up as names.
	User string

	// AdditionalGroups are names or numbers of supplementary groups, besides
	// those of the container's configuration, or instead of them if
	// ReplaceGroups is set.
	AdditionalGroups []string

	// ReplaceGroups leaves out the AdditionalGroups of the container's
	// configuration.
	ReplaceGroups bool

	// Cwd is the working directory inside the container, an absolute path;
	// empty means "/".
	Cwd string

	// MakeCwd makes what does not exist of Cwd, in the container and as its root,
	// with the mode 0755. For the container's first process that is done when all is
	// mounted, before anything becomes read-only.
	MakeCwd bool

	// Stdin is the standard input: an *os.File is passed as it is, from any
	// other reader a pipe is filled; nil is /dev/null.
	Stdin io.Reader

	// Stdout is the standard output: an *os.File is passed as it is, to any
	// other writer a pipe is drained; nil is /dev/null.
	Stdout io.Writer

	// Stderr is the standard error, like Stdout. If both are the same writer,
	// only one goroutine at a time writes to it.
	Stderr io.Writer

	// ExtraFiles specifies additional open files to be inherited by the
	// container; entry i becomes file descriptor 3+i.
	ExtraFiles []*os.File

	// ConsoleSize is the size that the process's terminal has when its program
	// begins. Nil leaves it as it is, of a new one 0 by 0. It needs a terminal:
	// NewConsole, NewConsoleSocket, NewTerminal or ConsoleFromPath.
	ConsoleSize *configs.ConsoleSize

	// Capabilities specify the capabilities to keep when executing the process
	// inside the container, as "CAP_CHOWN". All capabilities not specified are
	// dropped. nil means those of the container's configuration.
	Capabilities []string

	// CapabilitySets names each of the five sets by itself, see capabilities(7).
	// When it is not nil, Capabilities is ignored.
	CapabilitySets *configs.CapabilitySets

	// Rlimits are the process's resource limits, see getrlimit(2). nil means those
	// of the container's configuration.
	Rlimits []configs.Rlimit

	// NoNewPrivileges keeps the process from gaining privileges through
	// execve(2), also if the container's configuration does not.
	NoNewPrivileges bool

	// AllowNewPrivileges lets the process gain privileges, although the
	// container's configuration does not: this process is without no_new_privs.
	// It cannot be set together with NoNewPrivileges.
	AllowNewPrivileges bool

	// Label is the process's SELinux label, AppArmorProfile the AppArmor profile
	// that it runs under. Empty means those of the container's configuration.
	Label           string
	AppArmorProfile string

	// Unlabeled runs the process without the label and the profile of the
	// container's configuration. Label and AppArmorProfile must be empty then.
	Unlabeled bool

	// OomScoreAdj is how much the OOM killer likes the process, -1000 to 1000, see
	// proc_pid_oom_score_adj(5). Nil means what the container's configuration says.
	OomScoreAdj *int

	// Umask is the file mode creation mask, 0 to 0777, see umask(2). Nil means that
	// of the container's configuration.
	Umask *uint32

	// Scheduler is the scheduling policy, see sched(7). Nil means that of the
	// container's configuration.
	Scheduler *configs.Scheduler

	// IOPriority is the priority in block I/O, see ioprio_set(2). Nil means that of
	// the container's configuration.
	IOPriority *configs.IOPriority

	// MemoryPolicy says from which NUMA nodes the process gets memory. Nil means what
	// the container's configuration says.
	MemoryPolicy *configs.MemoryPolicy

	// Personality is the process's execution domain. Nil means that of the container's
	// configuration.
	Personality *configs.Personality

	// CPUAffinity are the CPUs that the process runs on, within those of the
	// container's cpuset. Nil means all of these, whatever the host's process is
	// bound to.
	CPUAffinity *configs.CPUAffinity

	// SubCgroup is the sub-cgroup in which a further process begins, a path below the
	// container's cgroup in each hierarchy, such as "workers/1". It must be there, as
	// the container's processes or somebody of the host may have made it. Empty means
	// the container's own. The first process cannot have one.
	SubCgroup string

	// SubCgroups are those of single hierarchies of cgroup v1, by the name of a
	// controller in it, and override SubCgroup there; "" stands for cgroup v2.
	SubCgroups map[string]string

	// Limits are what the process may take that Instance.Run runs. Start ignores them.
	Limits *Limits

	// WaitDelay is how long Wait goes on, after the process has ended, to copy
	// output of processes that it has left behind and that have inherited its
	// pipes. Then the pipes are closed and Wait returns exec.ErrWaitDelay,
	// unless the process failed. 0 means one second, a negative value that Wait
	// goes on until all of them have ended. Files are none of Wait's business.
	WaitDelay time.Duration

	// WaitPaused makes the start of a process in a paused container wait until
	// it is resumed, instead of failing with ContainerPaused. It fails with
	// ContainerNotRunning if the container ends instead, and with
	// ContainerNotExists if it is destroyed.
	WaitPaused bool

	// run is set by Start.
	run *runningProcess

	// console opens the slave of the process's terminal; nil if it has none.
	console func() (*os.File, error)

	// handOver hands over the master of the process's terminal, which init makes, with
	// the path of its slave in the container; nil if there is none of that kind.
	handOver func(ctx context.Context, master *os.File, slave string) error

	// closeAfterStart are files that this program does not need when the process
	// has started, or failed to.
	closeAfterStart []*os.File
}

// Wait waits for the process to exit, and until what it has written has reached
// Stdout and Stderr, see WaitDelay. It does not wait for a Stdin that blocks. It
// returns an *exec.ExitError, besides the state, if the process did not exit with
// status 0. Wait may be called several times, also concurrently.
//
// As with os/exec, a process that has ended stays a zombie until Wait reaps it, or
// Destroy of its container does. One that was started in a pid namespace whose init is
// ending is reaped without that, and Wait tells its status later: the kernel would keep
// init otherwise (pid_namespaces(7)). A program that reaps its children by itself may
// have been faster; then the state has no times.
//
// errors:
// ProcessNotExecuted - the process has not been started,
// StatusUnknown - another part of this program has reaped the process, and the kernel
// keeps no exit status (before Linux 6.15).
func (p Process) Wait() (*os.ProcessState, error) { return p.WaitContext(context.Background()) }

// WaitContext is Wait until ctx ends: then it returns ctx's error, and the
// process goes on. If the process has ended then, and only its output is still
// being copied, it returns the state too.
func (p Process) WaitContext(ctx context.Context) (*os.ProcessState, error) {
	if p.run == nil {
		return nil, errorf(ProcessNotExecuted, "wait for process: it has not been started")
	}
	return p.run.wait(ctx)
}

// Pid returns the process ID as the calling process sees it.
//
// errors:
// ProcessNotExecuted - the process has not been started.
func (p Process) Pid() (int, error) {
	if p.run == nil {
		return math.MinInt32, errorf(ProcessNotExecuted, "pid of process: it has not been started")
	}
	return p.run.pid(), nil
}

// PidFD returns a descriptor of the process, see pidfd_open(2), which refers to it and to
// no later one of its pid: to be sent to another program, say. It is a copy, which the
// caller closes. After Wait has reaped the process it returns os.ErrProcessDone.
//
// errors:
// ProcessNotExecuted - the process has not been started.
// SystemError - System error.
func (p Process) PidFD() (*os.File, error) {
	if p.run == nil {
		return nil, errorf(ProcessNotExecuted, "pidfd of process: it has not been started")
	}
	return p.run.pidFD()
}

// Signal sends a signal to the Process. After its end it returns
// os.ErrProcessDone.
//
// errors:
// ProcessNotExecuted - the process has not been started.
// SystemError - System error.
func (p Process) Signal(sig os.Signal) error {
	if p.run == nil {
		return errorf(ProcessNotExecuted, "signal process: it has not been started")
	}
	return p.run.signal(sig)
}

// closeFiles closes what this program does not need when the process has started, or
// failed to.
func (p *Process) closeFiles() {
	if p == nil {
		return
	}
	for _, f := range p.closeAfterStart {
		f.Close()
	}
	p.closeAfterStart = nil
}

// IO holds the process's STDIO.
type IO struct {
	Stdin  io.WriteCloser
	Stdout io.ReadCloser
	Stderr io.ReadCloser
}
