// The host's side: pseudo terminals of the host's devpts, see pty(7). Those of the
// container's are in init_console_linux.go.

package libcontainer

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
	"github.com/libcontainer/libcontainer/internal/unixsock"
)

// Terminal is a pseudo terminal, the side on which people are: what is written to it the
// programs on the other side read, as if it was typed. It is what every Console of this
// package is, and has more than that interface, which is frozen.
type Terminal struct {
	master *os.File
	path   string
}

// NewConsole returns an initialized console that can be used within a container
// by copying bytes from the master side to the slave that is attached as the tty
// for the container's init process. The slave belongs to uid and gid, ids of the
// host. The caller closes the console.
//
// errors:
// SystemError - System error.
func NewConsole(uid, gid int) (Console, error) {
	c, err := newConsole(uid, gid)
	if err != nil {
		return nil, newSystemError(fmt.Errorf("new console: %w", err))
	}
	return c, nil
}

func newConsole(uid, gid int) (_ *Terminal, err error) {
	// Non-blocking, so that Close ends a Read that waits.
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open /dev/ptmx: %w", err)
	}
	master := os.NewFile(uintptr(fd), "/dev/ptmx")
	defer func() {
		if err != nil {
			master.Close()
		}
	}()
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		return nil, fmt.Errorf("ioctl TIOCGPTN: %w", err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		return nil, fmt.Errorf("unlock slave: ioctl TIOCSPTLCK: %w", err)
	}
	c := &Terminal{master: master, path: "/dev/pts/" + strconv.Itoa(n)}
	if err := c.chown(n, uid, gid); err != nil {
		return nil, fmt.Errorf("chown slave: %w", err)
	}
	return c, nil
}

// chown changes the owner of the slave without opening it: when it is closed for the last
// time, who reads from the master gets an error, also one who has begun to read before
// there is a program.
func (c *Terminal) chown(n, uid, gid int) error {
	const slaveMajor = 136 // UNIX98 PTY slaves, the kernel's admin-guide/devices
	fd, err := unix.Open(c.path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: c.path, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFCHR || uint64(st.Rdev) != unix.Mkdev(slaveMajor+uint32(n)>>20, uint32(n)&(1<<20-1)) {
		return fmt.Errorf("%s is not the slave: %w", c.path, unix.ENXIO)
	}
	return unix.Fchownat(fd, "", uid, gid, unix.AT_EMPTY_PATH)
}

// slave opens the other side through the master (TIOCGPTPEER, Linux 4.13): its
// path may name another terminal, where there are several devpts mounts.
func (c *Terminal) slave() (*os.File, error) {
	var peer int
	err := descriptor.Control(c.master, func(fd int) (err error) {
		peer, err = ioctlInt(fd, unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open slave of console: ioctl TIOCGPTPEER: %w", err)
	}
	return os.NewFile(uintptr(peer), c.path), nil
}

// ioctlInt is an ioctl(2) whose argument and result are numbers.
func ioctlInt(fd int, req uint, arg int) (int, error) {
	r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(req), uintptr(arg))
	if errno != 0 {
		return 0, errno
	}
	return int(r), nil
}

// Fd returns the master's descriptor. The console still owns it.
func (c *Terminal) Fd() uintptr { return c.master.Fd() }

// Path returns the path of the slave: on the host, or of a terminal of the container's
// own in the container.
func (c *Terminal) Path() string { return c.path }

// Read reads what the programs on the slave have written. When the last of them
// has closed it, the error is EIO.
func (c *Terminal) Read(b []byte) (int, error) { return c.master.Read(b) }

// Write writes what the programs on the slave will read, as if it was typed.
func (c *Terminal) Write(b []byte) (int, error) { return c.master.Write(b) }

// Close closes the master; programs on the slave get SIGHUP.
func (c *Terminal) Close() error { return c.master.Close() }

// NewConsole creates new console for process and returns it. The process gets
// the slave, which belongs to rootuid (the host's id of the container's root), as
// its standard descriptors and controlling terminal, and the container's first
// process also as /dev/console. Stdin, Stdout and Stderr must be nil. The caller
// closes the console, after the process has ended.
//
// The terminal is one of the host's devpts, so that in the container it has no name:
// tty(1) says "not a tty". NewTerminal gives one that has.
//
// errors:
// ConsoleExists - the process has a console,
// SystemError - System error.
func (p *Process) NewConsole(rootuid int) (Console, error) {
	if p.hasConsole() {
		return nil, errorf(ConsoleExists, "new console: the process has one")
	}
	c, err := newConsole(rootuid, rootuid)
	if err != nil {
		return nil, newSystemError(fmt.Errorf("new console: %w", err))
	}
	p.console = c.slave
	return c, nil
}

// NewConsoleSocket gives the process a terminal that another program serves. Unlike
// that of NewConsole it is one of the container's own: init opens /dev/pts/ptmx of the
// container, see pty(7), where a devpts must be mounted. So tty(1) knows its name in the
// container. Its group and mode are those that the devpts gives (gid and mode among its
// options), and its owner is the process's user, whoever rootuid is. The process gets the
// slave as NewConsole says; Stdin, Stdout and Stderr must be nil.
//
// The other side, the master, is sent to the unix socket of that path (SCM_RIGHTS,
// unix(7)), with the path of the slave in the container, such as /dev/pts/0, as the
// message's bytes. Start and Prepare do that when the container is set up, before the
// program runs. When they return, whether they fail or not, neither this program nor the
// container has a descriptor of the master. They fail with SystemError if nobody takes it,
// or an operation on the terminal fails (ioctl_tty(2): TIOCGPTPEER, TIOCSCTTY), and with
// ConfigInvalid if the container has no devpts at /dev/pts, or its ptmx cannot be opened.
//
// errors:
// ConsoleExists - the process has a console,
// ConfigInvalid - the path is empty.
func (p *Process) NewConsoleSocket(rootuid int, path string) error {
	if p.hasConsole() {
		return errorf(ConsoleExists, "new console: the process has one")
	}
	if path == "" {
		return errorf(ConfigInvalid, "new console: the path of the socket is empty")
	}
	p.handOver = func(ctx context.Context, master *os.File, slave string) error {
		return unixsock.SendTo(ctx, path, []byte(slave), master)
	}
	return nil
}

// NewTerminal gives the process a terminal of the container's own, as NewConsoleSocket
// does, and this program serves it: Start and Prepare call take with the other side when
// the container is set up, before the program runs. Path of the console is that of the
// slave in the container, such as /dev/pts/0. From then on it is the caller's, who closes
// it after the process has ended, also if the start fails after all. If take returns an
// error the start fails with that.
//
// errors:
// ConsoleExists - the process has a console,
// ConfigInvalid - take is nil.
func (p *Process) NewTerminal(take func(Console) error) error {
	if p.hasConsole() {
		return errorf(ConsoleExists, "new terminal: the process has a console")
	}
	if take == nil {
		return errorf(ConfigInvalid, "new terminal: there is nobody to take it")
	}
	p.handOver = func(_ context.Context, master *os.File, slave string) error {
		c, err := consoleOf(master, slave)
		if err != nil {
			return err
		}
		return take(c)
	}
	return nil
}

// consoleOf makes a console of a copy of a master.
func consoleOf(master *os.File, slave string) (*Terminal, error) {
	fd, err := descriptor.Duplicate(master)
	if err != nil {
		return nil, err
	}
	// So that Close ends a Read that waits.
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("make the master non-blocking: %w", err)
	}
	return &Terminal{master: os.NewFile(uintptr(fd), master.Name()), path: slave}, nil
}

// hasConsole tells whether the process's standard descriptors are a terminal.
func (p *Process) hasConsole() bool { return p.console != nil || p.handOver != nil }

// ConsoleFromPath sets the process's console with the path provided, which is
// that of the slave of a pseudo terminal on the host.
//
// errors:
// ConsoleExists - the process has a console.
func (p *Process) ConsoleFromPath(path string) error {
	if p.hasConsole() {
		return errorf(ConsoleExists, "console from path: the process has one")
	}
	p.console = func() (*os.File, error) { return openSlave(path) }
	return nil
}

func openSlave(path string) (*os.File, error) {
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open console %s: %w", path, err)
	}
	if _, err := unix.IoctlGetInt(fd, unix.TIOCGPTN); err == nil {
		unix.Close(fd)
		return nil, invalid(fmt.Errorf("console %s is the master of a terminal, not its slave: %w", path, unix.ENOTTY))
	}
	if _, err := unix.IoctlGetTermios(fd, unix.TCGETS); err != nil {
		unix.Close(fd)
		return nil, invalid(fmt.Errorf("console %s is not a terminal: %w", path, err))
	}
	if err := unix.SetNonblock(fd, false); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("open console %s: %w", path, err)
	}
	return os.NewFile(uintptr(fd), path), nil
}
