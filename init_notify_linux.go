// Passing on the listener of a seccomp filter, as operations of init.
//
// Who has installed a filter may not send any more. So the process that has cloned init
// shares its table of descriptors (CLONE_FILES), and a page of memory in which both can
// say something without a system call. It waits until init is about to install the
// filter, takes the number of the listener from the page, sends the descriptor, waits
// until the host has given it to the agent, and says so in the page.
//
// A classic init has a thread for that, see init_helper_linux.go.

package libcontainer

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/program"
)

// notifyRegs are what both processes know.
type notifyRegs struct {
	page  program.Reg // the address of: u64 the listener's number and one, u64 what has become of it
	event program.Reg // an eventfd
}

const notifyPassed = 1

// listenerMsg is the message with the listener: the program that releases a prepared
// process gets it. See program.Known.
const listenerMsg = program.Known | 3<<24

// handleListener makes a message about a listener one to the host.
func handleListener(host initHost, files []int) (*program.Program, error) {
	if len(files) != 1 {
		closeFds(files)
		return nil, fmt.Errorf("%d descriptors came for the listener of the seccomp filter: %w", len(files), unix.EBADMSG)
	}
	f := os.NewFile(uintptr(files[0]), "seccomp listener")
	defer f.Close()
	if err := host.passListener(f); err != nil {
		return nil, err
	}
	return program.NewBuilder(program.NewNested()).Build()
}

func (n *notifyRegs) wanted(p *initPlan) bool { return p.filter != nil && p.filter.Notify }

// prepare comes before the clone.
func (n *notifyRegs) prepare(p *initPlan, s *script) {
	if !n.wanted(p) {
		return
	}
	n.page = s.Get("map a page", unix.SYS_MMAP, num(0), num(4096), num(unix.PROT_READ|unix.PROT_WRITE),
		num(unix.MAP_SHARED|unix.MAP_ANONYMOUS), num(-1), num(0))
	n.event = s.Get("eventfd", unix.SYS_EVENTFD2, num(0), num(unix.EFD_CLOEXEC))
}

// serve is what the cloning process does: init is that of the pidfd.
func (n *notifyRegs) serve(p *initPlan, s *script, pidfd program.Reg) {
	if !n.wanted(p) {
		return
	}
	ended, announced := s.Label(), s.Label()
	fds := s.Space(16) // two struct pollfd
	s.Store(fds, pidfd.Arg(), 4)
	s.Store(fds.At(4), num(unix.POLLIN), 2)
	s.Store(fds.At(8), n.event.Arg(), 4)
	s.Store(fds.At(12), num(unix.POLLIN), 2)
	s.Do("wait for the filter", unix.SYS_PPOLL, fds, num(2), num(0), num(0), num(0))
	revents := s.Load(fds.At(14), 2)
	s.Test(revents.Arg(), num(unix.POLLIN), num(unix.POLLIN), ended)
	s.Free(revents)
	s.Bind(announced)
	now := s.Words(0, 0) // struct timespec
	listener := s.Reg()
	n.load(s, listener, 0)
	waiting := s.Label()
	s.Less(num(0), listener.Arg(), waiting)
	passed := s.Label()
	s.Jump(passed)
	s.Bind(waiting)
	s.Do("look at init", unix.SYS_PPOLL, fds, num(1), now, num(0), num(0))
	dead := s.Load(fds.At(6), 2)
	s.Test(dead.Arg(), num(unix.POLLIN), num(0), ended)
	s.Free(dead)
	s.Jump(announced)
	s.Bind(passed)
	s.Add(listener, listener.Arg(), num(-1))
	s.TellAs("pass the listener of the seccomp filter", listenerMsg, s.String(""), num(0), listener)
	s.Next("wait for the host to pass the listener of the seccomp filter")
	n.store(s, 8, num(notifyPassed))
	s.Bind(ended)
	s.Free(listener)
}

func (n *notifyRegs) load(s *script, r program.Reg, offset int) {
	at := s.Reg()
	s.Add(at, n.page.Arg(), num(offset))
	s.LoadInto(r, at.Arg(), 8)
	s.Free(at)
}

func (n *notifyRegs) store(s *script, offset int, value program.Arg) {
	at := s.Reg()
	s.Add(at, n.page.Arg(), num(offset))
	s.Store(at.Arg(), value, 8)
	s.Free(at)
}

// announce comes right before the filter.
func (n *notifyRegs) announce(p *initPlan, s *script) {
	if n.wanted(p) {
		s.Do("announce the filter", unix.SYS_WRITE, n.event.Arg(), s.Words(1), num(8))
	}
}

// await comes right after it, and makes no system call.
func (n *notifyRegs) await(p *initPlan, s *script, listener program.Reg) {
	if !n.wanted(p) {
		return
	}
	number := s.Reg()
	s.Add(number, listener.Arg(), num(1))
	n.store(s, 0, number.Arg())
	done := s.Label()
	again := s.Here()
	n.load(s, number, 8)
	waiting := s.Label()
	s.Test(number.Arg(), num(-1), num(notifyPassed), waiting)
	s.Jump(done)
	s.Bind(waiting)
	s.Jump(again)
	s.Bind(done)
	s.Free(number)
}
