// What the lists of a starting process ask of the host.

package libcontainer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/descriptor"
	"github.com/libcontainer/libcontainer/internal/program"
)

func (st *starting) mapIDs() error { return st.mapIDsOf(st.stage.Pid) }

func (st *starting) mapIDsOf(pid int) error {
	return writeIDMaps(st.ctx, pid, st.config, st.plan.denySetgroups)
}

func (st *starting) timeOffsets() error {
	name := procFile(st.stage.Pid, "timens_offsets")
	if err := os.WriteFile(name, []byte(timeOffsets(st.config)), 0); err != nil {
		return fmt.Errorf("write time offsets: %w", err)
	}
	return nil
}

// openNamespaces opens the namespaces that a new container joins. They are opened as
// the host sees them, before any namespace changes what a path means.
func (st *starting) openNamespaces() (list []joinedNamespace, err error) {
	for _, t := range configs.NamespaceTypes() {
		path := st.config.Namespaces.PathOf(t)
		if path == "" {
			continue
		}
		ns := configs.Namespace{Type: t}
		j := joinedNamespace{name: nsName(t), path: path, flag: ns.Syscall()}
		if j.file, err = openNamespaceFile(j); err != nil {
			return nil, err
		}
		st.closers = append(st.closers, j.file)
		if t == configs.NEWUSER && isOwnUserns(j.file) {
			continue // setns(2) refuses it
		}
		list = append(list, j)
	}
	return list, nil
}

// nsName gives the name of a type of namespace, as /proc/[pid]/ns has it.
func nsName(t configs.NamespaceType) string {
	ns := configs.Namespace{Type: t}
	return filepath.Base(ns.GetPath(0))
}

func openNamespaceFile(ns joinedNamespace) (*os.File, error) {
	// O_NONBLOCK: a fifo put there must not hold us.
	fd, err := unix.Open(ns.path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s namespace %s: %w", ns.name, ns.path, err)
	}
	kind, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
	if err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.ENOTTY) {
			err = unix.EINVAL
		}
		return nil, fmt.Errorf("%s is not a namespace: %w", ns.path, err)
	}
	if kind != ns.flag {
		unix.Close(fd)
		return nil, fmt.Errorf("%s is not a namespace of type %s: %w", ns.path, ns.name, unix.EINVAL)
	}
	return os.NewFile(uintptr(fd), ns.path), nil
}

func isOwnUserns(f *os.File) bool {
	var other unix.Stat_t
	return unix.Fstat(int(f.Fd()), &other) == nil && sameUserns(&other)
}

// sameUserns tells whether the user namespace of that status is the one that we are in,
// which setns(2) refuses.
func sameUserns(other *unix.Stat_t) bool {
	var own unix.Stat_t
	return unix.Stat("/proc/self/ns/user", &own) == nil && sameInode(&own, other)
}

// treeFlags say how a mount of the host is copied: with all that is mounted below, and
// only if no link leads to it.
type treeFlags struct{ recursive, noLinks bool }

func (f treeFlags) flags() uint {
	if f.recursive {
		return unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC | unix.AT_RECURSIVE
	}
	return unix.OPEN_TREE_CLONE | unix.OPEN_TREE_CLOEXEC
}

// openTreeFor copies a mount of the host for an init that has no way to it, and gives
// the list by which it comes into a register.
func openTreeFor(r program.Reg, path string, how treeFlags) (*program.Program, error) {
	flags := how.flags()
	fail := func(err error) (*program.Program, error) {
		return nil, fmt.Errorf("open %s for the container: %w", path, err)
	}
	at, name := unix.AT_FDCWD, path
	if how.noLinks {
		var err error
		if at, err = unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
			Flags:   unix.O_PATH | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
		}); err != nil {
			return fail(err)
		}
		defer unix.Close(at)
		name, flags = "", flags|unix.AT_EMPTY_PATH
	}
	fd, err := unix.OpenTree(at, name, flags)
	if err != nil {
		return fail(err)
	}
	return giveFile(r, os.NewFile(uintptr(fd), path))
}

// giveFile makes a list by which a file comes into a register, and which closes it when
// it has been sent.
func giveFile(r program.Reg, f *os.File) (*program.Program, error) {
	s := newScript(program.NewNested())
	regs := s.Files(f)
	s.Add(r, regs[0].Arg(), num(0))
	list, err := s.Build()
	if err != nil {
		f.Close()
		return nil, err
	}
	list.Own()
	return list, nil
}

// mapMount maps the ids of a mount that init has copied.
func (p *initPlan) mapMount(m *configs.Mount, fds []int) error {
	if len(fds) != 1 {
		closeFds(fds)
		return fmt.Errorf("map ids of mount %s on %s: %d descriptors came: %w", m.Source, m.Destination, len(fds), unix.EBADMSG)
	}
	tree := os.NewFile(uintptr(fds[0]), "mount tree")
	defer tree.Close()
	return p.host.mapMount(m, tree)
}

// createHooks runs the hooks of the host's namespaces that come before the root changes.
func (st *starting) createHooks() error {
	state := hookStateOf(st.c.id, st.config, st.ref.Pid(), "creating")
	if err := runHooks(st.ctx, "prestart", hooksOf(st.config).Prestart, state); err != nil {
		return err
	}
	return runHooks(st.ctx, "createRuntime", hooksOf(st.config).CreateRuntime, state)
}

const (
	// hookOutput bounds the part of a command's standard error that an error quotes.
	hookOutput = 4096

	// hookOutputDelay is how long the end of a command's output is awaited once the
	// command itself has ended: a daemon that it left behind may hold it open for ever.
	hookOutputDelay = time.Second
)

// runningHook is the host's side of a command that runs inside.
type runningHook struct {
	command configs.Command
	files   []*os.File
	stop    func() bool // ends the watch over it; false if its time was over
	output  chan []byte // the end of its standard error
}

// handleHooks serves the messages about the commands of a kind.
func (st *starting) handleHooks(kind hookKind) {
	commands := st.commandsOf(kind)
	for i := range commands {
		h := hookID{kind, i}
		for _, base := range []uint32{hookStartedMsg, hookEndedMsg} {
			id := h.message(base)
			st.conn.Handle(id, func(payload []byte, fds []int) (*program.Program, error) {
				return handleHook(st, id, payload, fds)
			})
		}
	}
}

func (st *starting) commandsOf(kind hookKind) []configs.Command {
	switch kind {
	case createContainer:
		return commandHooks(hooksOf(st.config).CreateContainer)
	case startContainer:
		return commandHooks(hooksOf(st.config).StartContainer)
	}
	return st.plan.mountCommands
}

func (st *starting) hookStarted(h hookID, pid int, files []*os.File) error {
	process, in, out, errOut := files[0], files[1], files[2], files[3]
	commands := st.commandsOf(h.kind)
	r := &runningHook{
		command: commands[h.index],
		files:   []*os.File{in, out, errOut},
		output:  make(chan []byte, 1),
	}
	if st.hooks == nil {
		st.hooks = make(map[hookID]*runningHook)
	}
	st.hooks[h] = r
	kill := func() {
		// Not by Fd: the descriptor may be closed, and another's, at the same time.
		_ = descriptor.Control(process, func(fd int) error { return unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0) })
	}
	var timer *time.Timer
	if r.command.Timeout != nil {
		timer = time.AfterFunc(*r.command.Timeout, kill)
	}
	stopped := context.AfterFunc(st.ctx, kill)
	r.stop = func() bool {
		stopped()
		timely := timer == nil || timer.Stop()
		process.Close()
		return timely
	}
	var state []byte
	if h.kind != mountCommand {
		status := "creating"
		if h.kind == startContainer {
			status = "created"
		}
		var err error
		if state, err = json.Marshal(hookStateOf(st.c.id, st.config, pid, status)); err != nil {
			return fmt.Errorf("encode state for hooks: %w", err)
		}
	}
	go func() {
		_, _ = in.Write(state) // it need not read it
		in.Close()
	}()
	go func() { _, _ = io.Copy(io.Discard, out) }()
	go func() { r.output <- readTail(errOut) }()
	return nil
}

func readTail(f *os.File) []byte {
	var tail []byte
	buf := make([]byte, hookOutput)
	for {
		n, err := f.Read(buf)
		tail = append(tail, buf[:n]...)
		if extra := len(tail) - hookOutput; extra > 0 {
			tail = append(tail[:0], tail[extra:]...)
		}
		if err != nil {
			return tail
		}
	}
}

// abandon ends what a command whose start is taken back still has.
func (r *runningHook) abandon() {
	r.stop()
	for _, f := range r.files {
		f.Close()
	}
}

func (st *starting) abandonHooks() {
	for _, h := range st.hooks {
		h.abandon()
	}
	st.hooks = nil
}

func (st *starting) hookEnded(h hookID, code, status int) error {
	r := st.hooks[h]
	if r == nil {
		return fmt.Errorf("a command has ended that has not begun: %w", unix.EBADMSG)
	}
	delete(st.hooks, h)
	timely := r.stop()
	text := st.hookText(r)
	for _, f := range r.files {
		f.Close()
	}
	const exited = 1 // CLD_EXITED
	if code == exited && status == 0 {
		return nil
	}
	if cause := context.Cause(st.ctx); cause != nil {
		return cause
	}
	how := fmt.Sprintf("exit status %d", status)
	if code != exited {
		how = "signal: " + unix.Signal(status).String()
	}
	err := errors.New(how)
	if !timely {
		err = fmt.Errorf("killed: it ran for more than %v: %w", *r.command.Timeout, context.DeadlineExceeded)
	}
	out := fmt.Errorf("%s: run command %s: %w", st.hookName(h), r.command.Path, err)
	if text != "" {
		out = fmt.Errorf("%w: %s", out, text)
	}
	return out
}

func (st *starting) hookText(r *runningHook) string {
	timer := time.NewTimer(hookOutputDelay)
	defer timer.Stop()
	select {
	case tail := <-r.output:
		return strings.TrimSpace(string(bytes.ToValidUTF8(tail, []byte("?"))))
	case <-timer.C:
		return ""
	}
}

func (st *starting) hookName(h hookID) string {
	if h.kind != mountCommand {
		return fmt.Sprintf("%s hook %d", h.kind, h.index)
	}
	return st.plan.mountCommandNames[h.index]
}

// hierarchies gives the host's cgroup hierarchies if init has to mount them.
func hierarchies(config *configs.Config) []cgroupMount {
	wanted := false
	for _, m := range config.Mounts {
		wanted = wanted || m.Device == "cgroup" || m.Device == "cgroup2"
	}
	if !wanted {
		return nil
	}
	snapshot, err := cgroups.CurrentSnapshot()
	if err != nil {
		return nil // the mount itself then says what is missing
	}
	var out []cgroupMount
	for _, h := range snapshot.Hierarchies() {
		out = append(out, cgroupMount{mountpoint: h.Mountpoint, subsystems: h.Keys})
	}
	return out
}

// kernelMounts gives the mount points of procfs and sysfs outside of a root file system,
// the last mounted first.
func kernelMounts(root string) ([]string, error) {
	list, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("proc", "sysfs"))
	if err != nil {
		return nil, fmt.Errorf("read mountinfo: %w", err)
	}
	var out []string
	for i := len(list) - 1; i >= 0; i-- {
		name := list[i].Mountpoint
		if rel, err := filepath.Rel(root, name); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
			continue
		}
		out = append(out, name)
	}
	return out, nil
}
