package criurpc

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// Process is a criu that serves one request. Its methods are called by one goroutine at a time,
// but for Close.
type Process struct {
	criu   *child
	socket *os.File
	fds    map[*os.File]int // what Start was given, with criu's numbers
	log    *os.File         // nil before the request, and if that has none
	close  sync.Once
}

// Start executes criu, which then waits for its one request: a method of the Process.
//
// The files are open in criu, under the numbers that [Process.Fd] tells. The caller may close
// them when Start has returned, but those of [Request.Images] and [Request.Work], which are no
// arguments of Start, after the request.
//
// criu is forked from the thread that calls Start, and has its mount namespace, root, working
// directory's file system and capabilities: a goroutine that is locked to its thread
// (runtime.LockOSThread) can change these before. All else may happen on any thread, also when
// that one has ended. It should not be the program's first thread, which cannot end, and
// whose namespaces /proc/self shows. Whatever the thread, criu is a child of this program, and so is the first
// process that it restores with the option rst_sibling.
func (c *Criu) Start(files ...*os.File) (*Process, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, &Error{Op: OpStart, Err: fmt.Errorf("socketpair: %w", err)}
	}
	theirs := os.NewFile(uintptr(pair[1]), "criu's socket")
	defer theirs.Close()
	if err := unix.SetNonblock(pair[0], true); err != nil { // it waits in the runtime's poller
		unix.Close(pair[0])
		return nil, &Error{Op: OpStart, Err: fmt.Errorf("socket: %w", err)}
	}
	p := &Process{socket: os.NewFile(uintptr(pair[0]), "socket of criu"), fds: make(map[*os.File]int)}
	list := []*os.File{theirs}
	for _, file := range files {
		if _, twice := p.fds[file]; !twice && file != nil {
			p.fds[file] = firstFile + len(list)
			list = append(list, file)
		}
	}
	p.criu, err = c.spawn([]string{"swrk", fmt.Sprint(firstFile)}, list, p.hangUp)
	if err != nil {
		p.socket.Close()
		return nil, err
	}
	return p, nil
}

// hangUp makes the end of criu the end of the stream. Processes that criu has started may
// hold the other end of the socket for ever. What criu has said can still be read.
func (p *Process) hangUp() {
	_ = descriptor.Control(p.socket, func(fd int) error { return unix.Shutdown(fd, unix.SHUT_RDWR) })
}

// Pid is criu's.
func (p *Process) Pid() int { return p.criu.pid }

// Fd tells the number in criu of a file that Start was given.
func (p *Process) Fd(file *os.File) (fd int, ok bool) {
	fd, ok = p.fds[file]
	return fd, ok
}

// Close ends criu if it still runs, by SIGKILL, and reaps it. After a request nothing is left
// to do, but Close may be called.
func (p *Process) Close() error {
	p.criu.kill()
	p.finish(true)
	return nil
}

// finish waits for criu's end, which has nothing to do any more.
func (p *Process) finish(failed bool) {
	p.hangUp()
	_ = p.criu.reap(failed)
	p.close.Do(func() {
		p.socket.Close()
		p.criu.stderr.Close()
		if p.log != nil {
			p.log.Close()
		}
	})
}
