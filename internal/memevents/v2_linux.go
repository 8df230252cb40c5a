// cgroup v2: see the kernel's documents admin-guide/cgroup-v2 and accounting/psi.

package memevents

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// memoryEvents counts the processes that the OOM killer has killed, by the field
// oom_kill of memory.events. inotify(7) tells of its changes, and of those of
// cgroup.events, which says when the last process has ended. Of the removal of a
// cgroup it does not tell.
type memoryEvents struct {
	changes *os.File // inotify
	events  *os.File
	state   *os.File
	count   uint64 // as far as it has been told
}

func newMemoryEvents(dir string) (_ *memoryEvents, err error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify_init: %w", err)
	}
	m := &memoryEvents{changes: os.NewFile(uintptr(fd), "inotify")}
	defer func() {
		if err != nil {
			m.close()
		}
	}()
	for name, file := range map[string]**os.File{"memory.events": &m.events, "cgroup.events": &m.state} {
		path := filepath.Join(dir, name)
		if *file, err = os.Open(path); err != nil {
			return nil, err
		}
		if _, err := unix.InotifyAddWatch(fd, path, unix.IN_MODIFY); err != nil {
			return nil, fmt.Errorf("watch %s: %w", path, err)
		}
	}
	if m.count, err = readField(m.events, "oom_kill"); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *memoryEvents) next() (uint64, bool) {
	// First whether there are processes: what the last one has met is counted by
	// then.
	populated, err := readField(m.state, "populated")
	last := err != nil || populated == 0
	if !last {
		if last = m.wait() != nil; !last {
			populated, err = readField(m.state, "populated")
			last = err != nil || populated == 0
		}
	}
	count, err := readField(m.events, "oom_kill")
	if err != nil {
		return 0, true
	}
	more := count - m.count
	m.count = count
	return more, last
}

// wait waits for a change; which one does not matter.
func (m *memoryEvents) wait() error {
	_, err := m.changes.Read(make([]byte, 4096))
	return err
}

// readField reads a number of a file whose lines are a name and a number.
func readField(f *os.File, name string) (uint64, error) {
	buf := make([]byte, 4096)
	n, err := f.ReadAt(buf, 0)
	if n == 0 && err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(buf[:n])) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strconv.ParseUint(strings.TrimSpace(value), 10, 64)
		}
	}
	return 0, fmt.Errorf("%s has no %s", f.Name(), name)
}

func (m *memoryEvents) stop() { _ = m.changes.SetReadDeadline(time.Unix(1, 0)) }

func (m *memoryEvents) close() {
	m.changes.Close()
	m.events.Close() // of a nil one it does nothing
	m.state.Close()
}

// psiTriggers are what the levels mean where the kernel measures pressure as time
// that is lost: in two seconds, some process of the container has waited for
// memory for a tenth or for half of it, or all of them for a tenth. Windows of
// less than two seconds, and other ones than its multiples, take CAP_SYS_RESOURCE.
var psiTriggers = map[Level]string{
	Low:      "some 200000 2000000",
	Medium:   "some 1000000 2000000",
	Critical: "full 200000 2000000",
}

// psiTrigger is a source of pressure events. The kernel tells of each to one call of
// poll(2) only, so nothing may come between it and the descriptor: were that in an
// epoll set which the runtime's poller watches, the look of the outer set would take
// the event away from the inner one. A thread waits for each trigger instead.
type psiTrigger struct {
	trigger *os.File
	stopped *os.File // an eventfd
}

func newPSITrigger(dir, trigger string) (*psiTrigger, error) {
	name := filepath.Join(dir, "memory.pressure")
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	// With its NUL, as the kernel's example has it.
	if _, err := unix.Write(fd, append([]byte(trigger), 0)); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("write %q to %s: %w", trigger, name, err)
	}
	stopped, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("wait for %s: %w", name, err)
	}
	return &psiTrigger{os.NewFile(uintptr(fd), name), os.NewFile(uintptr(stopped), "eventfd")}, nil
}

func (p *psiTrigger) next() (n uint64, last bool) {
	fds := []unix.PollFd{
		{Fd: int32(p.trigger.Fd()), Events: unix.POLLPRI},
		{Fd: int32(p.stopped.Fd()), Events: unix.POLLIN},
	}
	_, err := unix.Poll(fds, -1)
	for errors.Is(err, unix.EINTR) {
		_, err = unix.Poll(fds, -1)
	}
	if err != nil || fds[0].Revents&unix.POLLERR != 0 { // the cgroup has gone
		return 0, true
	}
	if fds[0].Revents&unix.POLLPRI != 0 {
		n = 1
	}
	return n, fds[1].Revents != 0
}

func (p *psiTrigger) stop() { _, _ = p.stopped.Write([]byte{1, 0, 0, 0, 0, 0, 0, 0}) }

func (p *psiTrigger) close() {
	p.stopped.Close()
	p.trigger.Close()
}
