// The classic door: init is a program of the embedder's that boots Go. The preamble of
// package nsenter makes and joins the namespaces before that, as the bootstrap message
// says; then the program executes the same lists as the image does.

package libcontainer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/launch"
	"github.com/libcontainer/libcontainer/internal/program"
	"github.com/libcontainer/libcontainer/nsenter/preamble"
)

const (
	initPipeEnv = "_LIBCONTAINER_INITPIPE"

	// helloTimeout is how long a program that does not import package nsenter
	// has to call StartInitialization. Nothing else can tell that it never will.
	helloTimeout = 30 * time.Second
)

// The messages of the preamble, as in nsenter/preamble/preamble.h, and what it waits for.
const (
	preamblePid    = 1
	preambleError  = 2
	preambleMapIDs = 3
	preambleGo     = 4
)

// initEnv is init's own environment, not that of the user's program: nothing of
// the host's reaches the container but what the dynamic linker may need.
func initEnv(pipe int) []string {
	env := []string{
		initPipeEnv + "=" + strconv.Itoa(pipe),
		// One thread's work; and the runtime need not read mountinfo to find
		// the cgroup's limit of processors.
		"GOMAXPROCS=1",
		"GODEBUG=containermaxprocs=0,updatemaxprocs=0",
	}
	if v, ok := os.LookupEnv("LD_LIBRARY_PATH"); ok {
		env = append(env, "LD_LIBRARY_PATH="+v)
	}
	return env
}

// spawnClassic executes the sealed copy of the program. The bootstrap message waits in
// the pipe.
func (st *starting) spawnClassic(files []*os.File) error {
	path := st.c.factory.initPath()
	st.hook = path == selfExe && preamble.HookLinked()
	message, err := bootstrapFor(st.config)
	if st.plan.join {
		var init *os.File
		if init, err = st.openInit(); err != nil {
			return err
		}
		files = append(files, init)
		// The mount namespace is joined by Go, whose runtime reads files of /proc and
		// /sys when it boots: these would be the container's.
		message, err = bootstrapForJoin(len(files)-1, st.joinFlags()&^unix.CLONE_NEWNS)
	}
	if err != nil {
		return err
	}
	if err := st.conn.Write(message); err != nil {
		return err
	}
	exe, err := st.c.factory.exe.get(path)
	if err != nil {
		return err
	}
	if err := st.execute(exe, initEnv(st.plan.pipe), files); err != nil {
		return fmt.Errorf("run %s as init: %w", path, err)
	}
	return nil
}

// awaitClassic serves the preamble until it has cloned init.
func (st *starting) awaitClassic() error {
	if err := st.conn.Bound(time.Now().Add(helloTimeout)); err != nil {
		return err
	}
	for {
		kind, payload, err := st.readPreamble()
		if err != nil {
			return err
		}
		switch kind {
		case preambleMapIDs:
			if err := st.mapIDs(); err != nil {
				return err
			}
			word := binary.NativeEndian.AppendUint32(nil, preambleGo)
			if err := st.conn.Write(append(word, 0, 0, 0, 0)); err != nil {
				return err
			}
		case preamblePid:
			if len(payload) != 8 {
				return fmt.Errorf("the preamble's report has %d bytes, want 8", len(payload))
			}
			st.hook = getUint32(payload[4:]) != 0
			pid := int(int32(getUint32(payload)))
			fd, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				st.orphaned(pid)
				return fmt.Errorf("pidfd_open process %d: %w", pid, err)
			}
			err = st.cloned(pid, fd, false)
			if errors.Is(err, launch.ErrStop) {
				err = nil
			}
			return errors.Join(err, st.awaitHello())
		default:
			return fmt.Errorf("unexpected frame %d from the preamble", kind)
		}
	}
}

// readPreamble reads a frame. What has come of one when a deadline passes is kept for the
// next call: it may tell of a process that has been cloned.
func (st *starting) readPreamble() (kind uint32, payload []byte, err error) {
	const head = 8
	if st.frame, err = st.conn.Fill(st.frame, head); err != nil {
		return 0, nil, err
	}
	kind, n := getUint32(st.frame), int(getUint32(st.frame[4:]))
	if n > 1024 {
		return 0, nil, fmt.Errorf("a frame of %d bytes from the preamble: %w", n, unix.EBADMSG)
	}
	if st.frame, err = st.conn.Fill(st.frame, head+n); err != nil {
		return 0, nil, err
	}
	payload, st.frame = st.frame[head:], nil
	if kind != preambleError {
		return kind, payload, nil
	}
	if len(payload) < 4 {
		return 0, nil, errors.New("the preamble failed and did not say why")
	}
	errno := syscall.Errno(getUint32(payload))
	what := strings.ToValidUTF8(string(payload[4:]), "?")
	hint := ""
	if strings.HasPrefix(what, "create ") || strings.HasPrefix(what, "clone ") {
		hint = cloneHints[errno]
	}
	if hint != "" {
		return 0, nil, fmt.Errorf("%s: %w (%s)", what, errno, hint)
	}
	return 0, nil, fmt.Errorf("%s: %w", what, errno)
}

// awaitHello makes sure that somebody executes lists: an empty one that says so is the
// first.
func (st *starting) awaitHello() error {
	s := newScript(st.plan.regs)
	s.Tell("greet the host", func([]byte, []int) (*program.Program, error) { return nil, launch.ErrStop }, s.String(""), num(0))
	s.Next("wait for the host")
	list, err := s.Build()
	if err != nil {
		return err
	}
	if err := st.conn.Send(list); err != nil {
		return err
	}
	if err := st.conn.Serve(); err != nil {
		return err
	}
	return st.conn.Bound(time.Time{})
}

// joinClassic leads a further process to the program: the preamble has made it a
// process of the container's already.
func (st *starting) joinClassic() error {
	var mnt *os.File
	if st.config.Namespaces.Contains(configs.NEWNS) {
		var err error
		if mnt, err = st.init.Namespace("mnt"); err != nil {
			return err
		}
		st.closers = append(st.closers, mnt)
	}
	// From here on we wait for a process that the container can stop.
	st.unlock()
	if err := st.awaitClassic(); err != nil {
		return err
	}
	if !st.entersItself() {
		if err := st.moveIn(st.ref.Pid()); err != nil {
			return err
		}
	}
	list, err := st.plan.classicJoin(mnt)
	if err != nil {
		return err
	}
	if err := st.conn.Send(list); err != nil {
		return err
	}
	return st.serve()
}

// classicJoin builds the list of a further process that the preamble has cloned.
func (p *initPlan) classicJoin(mnt *os.File) (*program.Program, error) {
	s := newScript(p.regs)
	var files []*os.File
	if mnt != nil {
		files = append(files, mnt)
	}
	cgroups := append(append([]*os.File(nil), p.setupFiles...), p.execFiles...)
	regs := s.Files(append(files, cgroups...)...)
	p.begin(s)
	s.Do("umask", unix.SYS_UMASK, num(p.umask()))
	p.labelFiles.open(s, p)
	enterCgroups(s, cgroups, regs[len(files):])
	p.newKeyring(s)
	p.newSession(s)
	if mnt != nil {
		// setns(2) wants that no other thread shares our root and working directory;
		// the other threads keep the host's.
		s.Do("unshare root and working directory", unix.SYS_UNSHARE, num(unix.CLONE_FS))
		s.Do("join mnt namespace of the container", unix.SYS_SETNS, regs[0].Arg(), num(unix.CLONE_NEWNS))
		s.Close(regs[0])
	} else {
		p.chroot(s)
	}
	p.makeCwdInside(s)
	p.openTerminalInside(s)
	p.askUser(s, func(u *execUser) (*program.Program, error) { return p.finish(u, nil, nil) })
	return s.Build()
}

// explainClassic says what an embedder has to do, if that is why.
func (st *starting) explainClassic(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("%s did not start to initialise the container within %s: it must import %q, "+
			"or call StartInitialization in an init function: %w", st.c.factory.initArgv()[0], helloTimeout, nsenterImport, err)
	}
	if !errors.Is(err, errDied) && !errors.Is(err, launch.ErrClosed) {
		return err
	}
	status := st.endStatus()
	// A program of another path may hold no preamble at all.
	if st.ref != nil && !st.hook && !st.executed || st.ref == nil && st.c.factory.initPath() != selfExe {
		return fmt.Errorf("%s ended (%s) without initialising the container: it must import %q, "+
			"or call StartInitialization in an init function", st.c.factory.initArgv()[0], status, nsenterImport)
	}
	return st.died(status)
}
