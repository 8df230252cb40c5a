// The terminal of the container's own (Process.NewConsoleSocket and NewTerminal): init
// opens it in the container's devpts, so that it has a name there (pty(7), ttyname(3)), and sends
// its master to the host.
//
// Whatever lies at /dev/pts is the image's, or that of a container's processes. The
// naive way, to open /dev/ptmx or /dev/pts/ptmx and then the slave by its number, opens
// what they have put there: a device of another kind, a fifo, the terminal of somebody
// else. Here nothing is opened before its directory is known to be a devpts, in which the
// kernel alone makes files, and no mount or link inside of that is followed. The slave is
// opened through the master.

package libcontainer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/program"
)

const (
	devptsDir            = "/dev/pts"
	ptmxMajor, ptmxMinor = 5, 2
)

// openTerminal opens a terminal of the devpts in a root file system, makes its slave the
// standard descriptors, and sends its master to the host. The slave is returned, too.
func (p *initPlan) openTerminal(s *script, root program.Reg) program.Reg {
	out := s.In("open a terminal of the container")
	defer out()
	master := s.openPtmx(root)
	number := s.Space(4)
	s.Do("get its number: ioctl TIOCGPTN", unix.SYS_IOCTL, master.Arg(), num(unix.TIOCGPTN), number)
	s.Do("unlock its slave: ioctl TIOCSPTLCK", unix.SYS_IOCTL, master.Arg(), num(unix.TIOCSPTLCK), s.Bytes(putUint32(0)))
	slave := s.Get("open its slave: ioctl TIOCGPTPEER", unix.SYS_IOCTL, master.Arg(), num(unix.TIOCGPTPEER),
		num(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC))
	if size := p.process.ConsoleSize; size != nil {
		s.Do("set its size: ioctl TIOCSWINSZ", unix.SYS_IOCTL, master.Arg(), num(unix.TIOCSWINSZ), s.Bytes(winsize(size)))
	}
	for fd := range stdioCount {
		s.Do(fmt.Sprintf("make it standard descriptor %d", fd), unix.SYS_DUP3, slave.Arg(), num(fd), num(0))
	}
	s.Tell("send its master", p.handleTerminal, number, num(4), master)
	s.Close(master)
	if !p.clonesLast() { // else the process that takes it is not there yet
		s.takeTerminal()
	}
	return slave
}

// openPtmx opens the master of a new terminal.
func (s *script) openPtmx(root program.Reg) program.Reg {
	const name = devptsDir + "/ptmx"
	s.Blame(true)
	defer s.Blame(false)
	dir := s.Reg()
	s.openIn(dir, root, devptsDir, unix.O_PATH|unix.O_DIRECTORY, nowhere)
	typ := s.fsType(dir)
	s.Check(devptsDir+" is not a devpts", typ.Arg(), num(-1), num(unix.DEVPTS_SUPER_MAGIC), unix.ENODEV)
	s.Free(typ)
	how := s.Words(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0, unix.RESOLVE_NO_XDEV|unix.RESOLVE_NO_SYMLINKS)
	master := s.Get("open "+name, unix.SYS_OPENAT2, dir.Arg(), s.String("ptmx"), how, num(sizeofOpenHow))
	s.verifyDevice(master, unix.S_IFCHR, ptmxMajor, ptmxMinor, name+" is another device")
	s.Close(dir)
	return master
}

// openTerminalInside is openTerminal for a process whose root is the container's already.
func (p *initPlan) openTerminalInside(s *script) {
	if !p.ownTerminal {
		return
	}
	root := s.openSlash()
	s.Close(p.openTerminal(s, root))
	s.Close(root)
}

// winsize is a struct winsize of ioctl_tty(2).
func winsize(size *configs.ConsoleSize) []byte {
	ws := binary.NativeEndian.AppendUint16(nil, size.Height)
	ws = binary.NativeEndian.AppendUint16(ws, size.Width)
	return append(ws, 0, 0, 0, 0) // pixels, which nobody uses
}

// takeTerminal makes the terminal the controlling one of the process's new session.
func (s *script) takeTerminal() {
	s.Do("take controlling terminal: ioctl TIOCSCTTY", unix.SYS_IOCTL, num(0), num(unix.TIOCSCTTY), num(0))
}

// chownTerminal gives the terminal to the program's user. Its group and mode are those
// that the devpts gives.
func (p *initPlan) chownTerminal(s *script, u *execUser) {
	if p.ownTerminal {
		s.Do(fmt.Sprintf("chown terminal to %d", u.UID), unix.SYS_FCHOWN, num(0), num(u.UID), num(-1))
	}
}

// handleTerminal takes the master.
func (p *initPlan) handleTerminal(payload []byte, fds []int) (*program.Program, error) {
	if len(payload) != 4 || len(fds) != 1 {
		closeFds(fds)
		return nil, fmt.Errorf("the report of the terminal has %d bytes and %d descriptors: %w", len(payload), len(fds), unix.EBADMSG)
	}
	slave := devptsDir + "/" + strconv.FormatUint(uint64(getUint32(payload)), 10)
	return nil, p.host.terminal(slave, os.NewFile(uintptr(fds[0]), "master of "+slave))
}

// terminal keeps the master until it is handed over, or the start has failed.
func (st *starting) terminal(slave string, master *os.File) error {
	st.closers = append(st.closers, master)
	if st.master != nil {
		return fmt.Errorf("a second terminal came: %w", unix.EBADMSG)
	}
	st.master, st.slave = master, slave
	return nil
}

// handOverTerminal gives who serves the terminal what is his.
func (st *starting) handOverTerminal() error {
	handOver := st.process.handOver
	if handOver == nil {
		return nil
	}
	if st.master == nil {
		return errors.New("hand over console: no terminal came")
	}
	if err := handOver(st.ctx, st.master, st.slave); err != nil {
		return fmt.Errorf("hand over console: %w", err)
	}
	return nil
}
