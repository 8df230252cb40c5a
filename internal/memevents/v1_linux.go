package memevents

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// v1Levels are what the levels are called in cgroup v1.
var v1Levels = map[Level]string{Low: "low", Medium: "medium", Critical: "critical"}

// eventfd is a source of cgroup v1: the kernel counts the events in an
// eventfd(2), see the kernel's documents cgroup-v1/memory and cgroup-v1/cgroups.
type eventfd struct {
	counter *os.File
	control *os.File // the file that the events are about
}

// newEventfd registers for the events of a control file.
func newEventfd(dir, name, args string) (_ *eventfd, err error) {
	control, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			control.Close()
		}
	}()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	e := &eventfd{counter: os.NewFile(uintptr(fd), "eventfd"), control: control}
	line := fmt.Sprintf("%d %d %s", fd, control.Fd(), args)
	register := filepath.Join(dir, "cgroup.event_control")
	if err := os.WriteFile(register, []byte(line), 0); err != nil {
		e.counter.Close()
		return nil, fmt.Errorf("register for %s: %w", name, err)
	}
	return e, nil
}

// removalDelay bounds the wait for the count that the kernel adds, from a work
// queue, when it removes a cgroup.
const removalDelay = 200 * time.Millisecond

// next does not count the removal of the cgroup, of which the kernel tells in the
// same way: by one, sooner or later after it has removed the files.
func (e *eventfd) next() (uint64, bool) {
	n, err := e.read()
	switch {
	case err != nil:
		return n, true
	case !e.removed():
		return n, false
	}
	return n + e.awaitRemoval() - 1, true
}

// awaitRemoval gives the removal's count time to come, and takes what is there then.
func (e *eventfd) awaitRemoval() uint64 {
	_ = e.counter.SetReadDeadline(time.Now().Add(removalDelay))
	more, _ := e.read()
	return more
}

// read takes the count. If it was stopped, what is there is all.
func (e *eventfd) read() (uint64, error) {
	buf := make([]byte, 8)
	_, err := e.counter.Read(buf)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		// The poller does not look any more whether there is something.
		_ = descriptor.Control(e.counter, func(fd int) error {
			_, err := unix.Read(fd, buf)
			return err
		})
	}
	return binary.NativeEndian.Uint64(buf), err
}

func (e *eventfd) removed() bool {
	buf := make([]byte, 1)
	_, err := e.control.ReadAt(buf, 0)
	return errors.Is(err, unix.ENODEV)
}

func (e *eventfd) stop() { _ = e.counter.SetReadDeadline(time.Unix(1, 0)) }

func (e *eventfd) close() {
	e.counter.Close()
	e.control.Close()
}
