//world:any

package integration

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// Requests of seccomp_unotify(2), <linux/seccomp.h>.
const (
	notifRecv     = 0xc0502100
	notifSend     = 0xc0182101
	continueCall  = 1 // SECCOMP_USER_NOTIF_FLAG_CONTINUE
	answerOfAgent = 4242
)

type notification struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type response struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

// agent answers for the system calls of containers: getppid returns a number of its
// own, all else goes on.
type agent struct {
	t        *testing.T
	listener *net.UnixListener
	wg       sync.WaitGroup
	came     chan struct{} // a state has come
	ended    chan struct{} // a listener whose filter no process has any more was closed

	mu     sync.Mutex
	states []processState
	calls  map[int32]int // notifications by number
}

// processState is ContainerProcessState of the OCI runtime specification.
type processState struct {
	OCIVersion string   `json:"ociVersion"`
	Fds        []string `json:"fds"`
	Pid        int      `json:"pid"`
	Metadata   string   `json:"metadata"`
	State      struct {
		OCIVersion string `json:"ociVersion"`
		ID         string `json:"id"`
		Status     string `json:"status"`
		Pid        int    `json:"pid"`
		Bundle     string `json:"bundle"`
	} `json:"state"`
}

// startAgent starts an agent that ends, after all containers, with the test.
func startAgent(t *testing.T) (a *agent, path string) {
	t.Helper()
	path = filepath.Join(publicTempDir(t), "agent")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	a = &agent{t: t, listener: listener, came: make(chan struct{}, 16), ended: make(chan struct{}, 16), calls: make(map[int32]int)}
	a.wg.Go(func() {
		for {
			conn, err := listener.AcceptUnix()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				t.Errorf("accept: %v", err)
				return
			}
			a.wg.Go(func() { a.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		a.wg.Wait()
	})
	return a, path
}

func (a *agent) serve(conn *net.UnixConn) {
	defer func() { a.ended <- struct{}{} }()
	data, oob := make([]byte, 1<<16), make([]byte, 64)
	n, oobn, _, _, err := conn.ReadMsgUnix(data, oob)
	if err != nil {
		a.t.Errorf("read state: %v", err)
		return
	}
	rest, err := io.ReadAll(conn)
	conn.Close()
	var state processState
	if err = errors.Join(err, json.Unmarshal(append(data[:n:n], rest...), &state)); err != nil {
		a.t.Errorf("state %q: %v", data[:n], err)
	}
	messages, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil || len(messages) != 1 {
		a.t.Errorf("control messages: %v, error %v", messages, err)
		return
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		a.t.Errorf("descriptors: %v, error %v", fds, err)
		return
	}
	a.mu.Lock()
	a.states = append(a.states, state)
	a.mu.Unlock()
	a.came <- struct{}{}
	a.answer(fds[0])
}

// answer serves a listener until no process has its filter any more.
func (a *agent) answer(fd int) {
	defer unix.Close(fd)
	for {
		poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(poll, -1); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			a.t.Errorf("poll listener: %v", err)
			return
		}
		if poll[0].Revents&unix.POLLIN == 0 {
			return
		}
		var call notification
		if err := ioctl(fd, notifRecv, unsafe.Pointer(&call)); errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil {
			a.t.Errorf("receive notification: %v", err)
			return
		}
		a.mu.Lock()
		a.calls[call.nr]++
		a.mu.Unlock()
		r := response{id: call.id, flags: continueCall}
		if call.nr == unix.SYS_GETPPID {
			r = response{id: call.id, value: answerOfAgent}
		}
		if err := ioctl(fd, notifSend, unsafe.Pointer(&r)); err != nil && !errors.Is(err, unix.ENOENT) {
			a.t.Errorf("send response: %v", err)
			return
		}
	}
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

func (a *agent) count(nr int32) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[nr]
}

// received takes the states that have come.
func (a *agent) received() []processState {
	a.mu.Lock()
	defer a.mu.Unlock()
	states := a.states
	a.states = nil
	return states
}

func TestSeccompNotify(t *testing.T) {
	// What calls needs to start and to write; what the library would need to send a
	// descriptor is not in it.
	strict := func(action configs.Action) *configs.Seccomp {
		return only(action, "execve", "exit_group", "write", "brk", "arch_prctl", "set_tid_address", "set_robust_list", "rseq",
			"prlimit64", "readlink", "readlinkat", "getrandom", "mprotect", "fstat", "newfstatat", "uname", "mmap")
	}
	for name, tt := range map[string]struct {
		profile *configs.Seccomp
		edit    func(*configs.Config)
		execs   int // how often the agent is asked about execve
	}{
		"default allow": {profile: allowBut()},
		"killable":      {profile: &configs.Seccomp{DefaultAction: configs.Allow, Flags: []string{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "SECCOMP_FILTER_FLAG_TSYNC"}}},
		"strict kill":   {profile: strict(configs.KillProcess)},
		"strict thread": {profile: strict(configs.Kill)},
		"strict errno":  {profile: strict(configs.Errno), edit: func(c *configs.Config) { c.NoNewPrivileges = false }},
		"user namespace": {profile: strict(configs.KillProcess), edit: func(c *configs.Config) {
			c.NoNewPrivileges = false
			withUserNS(t, c, 100000)
		}},
		"execve":  {profile: allowBut(rule("execve", configs.Notify)), execs: 1},
		"default": {profile: only(configs.Notify, "brk"), execs: 1},
	} {
		t.Run(name, func(t *testing.T) {
			a, path := startAgent(t)
			profile := tt.profile
			if profile.DefaultAction != configs.Notify {
				profile.Syscalls = append(profile.Syscalls, rule("getppid", configs.Notify))
			}
			profile.ListenerPath, profile.ListenerMetadata = path, "meta\ndata"
			config := withCalls(t, profile)
			if tt.edit != nil {
				tt.edit(config)
			}
			c, _ := newContainerIn(t, config)
			want := fmt.Sprintln(answerOfAgent, 0)
			run := func(status string) {
				t.Helper()
				p, out := calls("call " + ppid)
				execs := a.count(unix.SYS_EXECVE)
				if err := c.Start(p); err != nil {
					t.Fatal(err)
				}
				pid, err := p.Pid()
				if err != nil {
					t.Fatal(err)
				}
				if _, err := p.Wait(); err != nil || out.stdout.String() != want {
					t.Errorf("output %q, error %v", out.stdout.String(), err)
				}
				<-a.ended
				if got := a.count(unix.SYS_EXECVE) - execs; got != tt.execs {
					t.Errorf("the agent was asked %d times about execve, want %d", got, tt.execs)
				}
				<-a.came
				states := a.received()
				if len(states) != 1 {
					t.Fatalf("the agent got %d states", len(states))
				}
				s := states[0]
				if s.OCIVersion == "" || len(s.Fds) != 1 || s.Fds[0] != "seccompFd" || s.Pid != pid || s.Metadata != "meta\ndata" {
					t.Errorf("process state %+v", s)
				}
				if s.State.ID != "test" || s.State.Status != status || s.State.OCIVersion != s.OCIVersion || s.State.Bundle != filepath.Dir(config.Rootfs) {
					t.Errorf("container state %+v", s.State)
				}
			}
			run("created")
			if tt.execs > 0 || profile.DefaultAction != configs.Allow {
				return // cat, below, needs more
			}
			_, release := startBlocked(t, c)
			<-a.came
			a.received()
			run("running")
			release()
			<-a.ended
		})
	}
}

// TestSeccompNotifyPrepared: who releases the process hands the listener over.
func TestSeccompNotifyPrepared(t *testing.T) {
	a, path := startAgent(t)
	profile := allowBut(rule("getppid", configs.Notify))
	profile.ListenerPath = path
	c, root := newContainerIn(t, withCalls(t, profile))
	p, out := calls("call " + ppid)
	if err := c.Prepare(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if states := a.received(); len(states) != 0 {
		t.Errorf("the agent got %+v before the release", states)
	}
	if err := loadAgain(t, c, root).Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Wait(); err != nil || out.stdout.String() != fmt.Sprintln(answerOfAgent, 0) {
		t.Errorf("output %q, error %v", out.stdout.String(), err)
	}
	<-a.ended
	if states := a.received(); len(states) != 1 {
		t.Errorf("the agent got %+v", states)
	}
}

func TestSeccompNotifyWithoutAgent(t *testing.T) {
	dir := publicTempDir(t)
	deaf := filepath.Join(dir, "deaf")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: deaf, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	listener.Close() // removes the file
	if err := os.WriteFile(deaf, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{filepath.Join(dir, "none"): "no such file", deaf: "connection refused"} {
		t.Run(want, func(t *testing.T) {
			config := newConfig(t)
			config.Seccomp = allowBut(rule("mount", configs.Notify))
			config.Seccomp.ListenerPath = path
			marker := filepath.Join(config.Rootfs, "ran")
			p, _ := shell("touch /ran")
			startFails(t, config, p, libcontainer.SystemError, "hand the seccomp listener to the agent", path, want)
			if _, err := os.Stat(marker); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the program ran: %v", err)
			}
		})
	}
}

// TestSeccompNotifySilentAgent: an agent that never answers for execve, or does not
// accept connections, does not hold Start longer than its context.
func TestSeccompNotifySilentAgent(t *testing.T) {
	for name, full := range map[string]bool{"does not answer": false, "does not accept": true} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(publicTempDir(t), "silent")
			fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(fd)
			err = errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0))
			if err != nil {
				t.Fatal(err)
			}
			if full { // the queue takes one
				conn, err := net.Dial("unix", path)
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
			}
			config := newConfig(t)
			config.Seccomp = allowBut(rule("execve", configs.Notify))
			config.Seccomp.ListenerPath = path
			c, _ := newContainerIn(t, config)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			p, _ := shell("true")
			if err := c.StartContext(ctx, p); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("start: %v", err)
			}
			wantStatus(t, c, libcontainer.Created)
		})
	}
}

// A classic init has other threads than the one that gets the filter: one of them passes the
// listener on, and none keeps the process when the filter kills that one.
func TestFiltersOfAClassicInit(t *testing.T) {
	checkLeaks(t)
	collectCopies(t)
	a, path := startAgent(t)
	asks := allowBut(rule("getppid", configs.Notify))
	asks.ListenerPath = path
	always := &configs.Arg{Index: 0, Op: configs.NotEqualTo, Value: 0}
	for name, tt := range map[string]struct {
		profile *configs.Seccomp
		want    string
	}{
		"notifies":          {asks, ""},
		"kills a thread":    {allowBut(rule("execve", configs.KillThread, always)), "SIGSYS"},
		"lets nothing else": {only(configs.KillProcess, "execve", "exit_group", "write"), ""},
	} {
		for _, pid := range []string{"own pid namespace", "host's"} {
			t.Run(name+", "+pid, func(t *testing.T) {
				config := withCalls(t, tt.profile)
				if pid == "host's" {
					config.Namespaces.Remove(configs.NEWPID)
				}
				container, err := newFactory(t, libcontainer.ClassicInit).Create("test", config)
				if err != nil {
					t.Fatal(err)
				}
				defer func() {
					if err := container.Destroy(); err != nil {
						t.Error(err)
					}
				}()
				p, out := calls("call " + ppid)
				if name == "lets nothing else" {
					p, out = command("/bin/bare")
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				err = linux(container).StartContext(ctx, p)
				if tt.want != "" {
					checkError(t, err, libcontainer.ConfigInvalid, tt.want)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				status := 0
				if name == "lets nothing else" {
					status = 42
				}
				if state, err := p.Wait(); state == nil || state.ExitCode() != status {
					t.Errorf("state %v, error %v", state, err)
				}
				if want := fmt.Sprintln(answerOfAgent, 0); name == "notifies" && out.stdout.String() != want {
					t.Errorf("output %q, want %q", out.stdout.String(), want)
				}
				if name == "notifies" {
					<-a.ended
				}
			})
		}
	}
}
