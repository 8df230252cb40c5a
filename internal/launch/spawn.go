package launch

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Spawn starts the executable that a descriptor refers to, in the directory "/", with
// the files as its descriptors 0 and on and an environment. sys may be nil.
func Spawn(exe *os.File, args, env []string, files []*os.File, sys *syscall.SysProcAttr) (*os.Process, error) {
	// os.StartProcess moves files about, up to their number above the highest of
	// them, before it executes the program; its descriptor must lie above.
	highest := 0
	for _, f := range files {
		if f == nil {
			continue
		}
		highest = max(highest, int(f.Fd()))
	}
	fd, err := unix.FcntlInt(exe.Fd(), unix.F_DUPFD_CLOEXEC, highest+len(files)+2)
	if errors.Is(err, unix.EINVAL) { // what fcntl(2) says of a number over the limit
		err = unix.EMFILE
	}
	if err != nil {
		return nil, fmt.Errorf("find a descriptor above %d, RLIMIT_NOFILE may be too low: %w", highest+len(files)+2, err)
	}
	defer unix.Close(fd)
	return os.StartProcess("/proc/self/fd/"+strconv.Itoa(fd), args,
		&os.ProcAttr{Dir: "/", Env: append([]string{}, env...), Files: files, Sys: sys})
}

// Spawner starts processes from one thread, which lives as long as the Spawner. The
// kernel takes for the parent of a process the thread that has started it: the
// signal of PR_SET_PDEATHSIG (prctl(2)) comes when that thread ends, be the program
// as alive as it may.
type Spawner struct{ calls chan<- func() }

// NewSpawner starts the thread. It ends when the Spawner is garbage.
func NewSpawner() *Spawner {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
		for f := range calls {
			f()
		}
	}()
	s := &Spawner{calls}
	runtime.AddCleanup(s, func(calls chan<- func()) { close(calls) }, s.calls)
	return s
}

// Do has the thread call f, and waits for that.
func (s *Spawner) Do(f func()) {
	done := make(chan struct{})
	s.calls <- func() {
		defer close(done)
		f()
	}
	<-done
	runtime.KeepAlive(s)
}
