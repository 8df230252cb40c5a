//world:any

package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// Whichever system call fails, of the host's side or of init: there is an error with a
// step, and nothing is left. LCTEST_FAULTS=all tries each call, else it is every few.
func TestAnySystemCallMayFail(t *testing.T) {
	for name, stride := range map[string]int{
		"create": 1, "record": 1, "start": 7, "exec": 3, "set": 2, "destroy": 2, "start with fields": 11, "exec with fields": 5,
		"create with ids": 1, "start on layers": 7,
	} {
		if os.Getenv("LCTEST_FAULTS") == "all" {
			stride = 1
		}
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			dir := publicTempDir(t)
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			s := supervise(t, ctx, nil, filepath.Join(dir, "state"), newRootfs(t), cgroupParent, name, "1", strconv.Itoa(stride))
			defer func() {
				for _, id := range list(t, filepath.Join(dir, "state")) {
					collect(t, filepath.Join(dir, "state"), id)
				}
			}()
			if err := s.host.Wait(); err != nil {
				t.Fatalf("%v: %s\nthe call was %s", err, s.host.Stderr, s.failed())
			}
			t.Log(strings.TrimSpace(s.host.Stdout.(*bytes.Buffer).String()))
		})
	}
}

// faultSupervisor answers for the system calls of a program and its children.
type faultSupervisor struct {
	host     *exec.Cmd
	listener int
	ended    chan struct{}

	watch func(n *seccompNotif) // is told of each call before it is answered, if it is not nil

	// pretend answers instead of the kernel, if it is not nil and gives an answer.
	pretend func(n *seccompNotif) *seccompResponse

	target, count int
	errno         int32

	mu   sync.Mutex
	last string // the call that was made to fail
}

// supervise starts the program faults, and answers until it has ended.
func supervise(t *testing.T, ctx context.Context, watch func(n *seccompNotif), args ...string) *faultSupervisor {
	t.Helper()
	return (&faultSupervisor{watch: watch}).start(t, ctx, args...)
}

func (s *faultSupervisor) start(t *testing.T, ctx context.Context, args ...string) *faultSupervisor {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "ours"), os.NewFile(uintptr(pair[1]), "theirs")
	defer ours.Close()
	s.ended = make(chan struct{})
	s.host = exec.CommandContext(ctx, buildProgram(t, "faults"), append([]string{"3"}, args...)...)
	s.host.Cancel = func() error { return s.host.Process.Signal(syscall.SIGQUIT) }
	s.host.ExtraFiles = []*os.File{theirs}
	// A signal of Go's scheduler would make a system call begin again.
	s.host.Env = append(os.Environ(), "GODEBUG=asyncpreemptoff=1")
	s.host.Stdout, s.host.Stderr = new(bytes.Buffer), new(bytes.Buffer)
	if err := s.host.Start(); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	control := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(pair[0], make([]byte, 1), control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		t.Fatalf("no listener came: %v; %s", err, s.host.Stderr)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	s.listener = fds[0]
	go s.serve()
	t.Cleanup(func() { <-s.ended })
	return s
}

// seccompNotif is struct seccomp_notif, seccompResponse struct seccomp_notif_resp, see
// seccomp_unotify(2).
type seccompNotif struct {
	id         uint64
	pid, flags uint32
	number     int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

type seccompResponse struct {
	id, value uint64
	errno     int32
	flags     uint32
}

func (s *faultSupervisor) serve() {
	defer close(s.ended)
	defer unix.Close(s.listener)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for {
		fds := []unix.PollFd{{Fd: int32(s.listener), Events: unix.POLLIN}}
		_, err := unix.Poll(fds, -1)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || fds[0].Revents&unix.POLLIN == 0 {
			return // all who have the filter have ended
		}
		var n seccompNotif
		if s.ioctl(unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(&n)) != nil {
			continue // it was killed
		}
		if s.watch != nil {
			s.watch(&n)
		}
		r := s.answer(&n)
		r.id = n.id
		_ = s.ioctl(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r))
	}
}

func (s *faultSupervisor) ioctl(request uint, p unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s.listener), uintptr(request), uintptr(p)); errno != 0 {
		return errno
	}
	return nil
}

func (s *faultSupervisor) answer(n *seccompNotif) seccompResponse {
	if n.number == unix.SYS_PRCTL && n.args[0] == tested.FaultMark {
		r := seccompResponse{value: uint64(s.count)}
		s.target, s.errno, s.count = int(n.args[1]), int32(n.args[2]), 0
		return r
	}
	if s.pretend != nil {
		if r := s.pretend(n); r != nil {
			return *r
		}
	}
	proceed := seccompResponse{flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
	if s.target == 0 || isOfRuntime(n) {
		return proceed
	}
	if s.count++; s.count != s.target {
		return proceed
	}
	comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", n.pid))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = fmt.Sprintf("number %d of %q, with the arguments %#x", n.number, bytes.TrimSpace(comm), n.args)
	return seccompResponse{errno: -s.errno}
}

// failed is the call that was made to fail last. What is left of the container may keep the
// supervisor from ending.
func (s *faultSupervisor) failed() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// isOfRuntime tells whether Go's runtime makes a call for itself, whose failure ends the
// program, or the program that runs in the container does.
func isOfRuntime(n *seccompNotif) bool {
	switch n.number {
	case unix.SYS_CLONE:
		return n.args[0]&unix.CLONE_THREAD != 0
	case unix.SYS_READ, unix.SYS_WRITE:
		to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", n.pid, int32(n.args[0])))
		// Package syscall learns from a pipe whether a child could execute its program, and
		// else waits for its end.
		ofExec := n.number == unix.SYS_READ && strings.HasPrefix(to, "pipe:") && n.args[2] == 8
		return ofExec || strings.Contains(to, "[eventfd]") || n.args[0] <= 2
	}
	exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", n.pid))
	return strings.HasSuffix(exe, "busybox")
}
