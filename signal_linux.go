// The host's side: signals, and finding a container's processes.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// Signal sends a signal to the container's initial process. See BaseContainer for the errors.
func (c *Instance) Signal(s os.Signal) error {
	return c.signal(callSignal, "signal container", s, func(v *view, sig unix.Signal) error { return v.init.Signal(sig) })
}

// SignalAll sends the signal to all processes of the container that are
// there at this moment; SIGKILL also to those that they fork meanwhile. Without a
// pid namespace of its own there may be some when its initial process has ended.
//
// errors:
// ContainerNotRunning - the container has no process,
// SystemError - System error.
func (c *Instance) SignalAll(s os.Signal) error {
	return c.signal(callSignalAll, "signal all processes of container", s, (*view).signalAll)
}

func (c *Instance) signal(call call, step string, s os.Signal, send func(*view, unix.Signal) error) error {
	sig, ok := s.(syscall.Signal)
	if !ok {
		return errorf(ConfigInvalid, "%s %q: %v is not a signal of this system", step, c.id, s)
	}
	v, err := c.look(step)
	if err != nil {
		return err
	}
	defer v.close()
	phase, err := v.lives()
	if err != nil {
		return newSystemError(fmt.Errorf("%s %q: %w", step, c.id, err))
	}
	if err := v.allow(call, phase, step); err != nil {
		return err
	}
	err = send(v, sig)
	if errors.Is(err, errNoReceiver) {
		return v.allow(callSignal, phaseEnded, step)
	}
	if err != nil {
		return newSystemError(fmt.Errorf("%s %q: %w", step, c.id, err))
	}
	return nil
}

// errNoReceiver says that init has ended, and that there is no other process.
var errNoReceiver = errors.New("the container has no process")

// signalAll sends a signal to all processes. Without a pid namespace there may be some when
// init has ended.
func (v *view) signalAll(sig unix.Signal) error {
	met, err := v.sendAll(sig)
	if err == nil && met == 0 && v.init.Ended() {
		return errNoReceiver
	}
	return err
}

// sendAll returns how many processes it has met. It repeats SIGKILL until it meets none for
// the first time: they may fork before they are hit.
func (v *view) sendAll(sig unix.Signal) (met int, err error) {
	known := make(map[int]bool)
	for {
		before := len(known)
		var refused error
		err := v.eachMembers(func(members []*pidfd.Process) error {
			for _, ref := range members {
				known[ref.Pid()] = true
				refused = errors.Join(refused, ref.Signal(sig))
			}
			return nil // the others are to have it, too
		})
		if err = errors.Join(err, refused); err != nil || sig != unix.SIGKILL || len(known) == before {
			return len(known), err
		}
	}
}

// eachMembers calls call with references to all processes of the container, see
// pidfd.EachMember.
func (v *view) eachMembers(call func([]*pidfd.Process) error) error {
	return pidfd.EachMember(v.listPids, call)
}

// Processes returns the pids in the container, as the calling process sees them, which may
// have ended meanwhile unless the container is paused.
func (c *Instance) Processes() ([]int, error) {
	const step = "list processes"
	v, err := c.lookFor(callProcesses, step)
	if err != nil {
		return nil, err
	}
	defer v.close()
	pids, err := v.listPids()
	if err != nil {
		return nil, newSystemError(fmt.Errorf("%s of container %q: %w", step, c.id, err))
	}
	return pids, nil
}

// StartedProcesses returns the processes besides the initial one that this
// object has started and that have not ended, by their pids.
func (c *Instance) StartedProcesses() []*Process {
	var list []*Process
	for _, run := range c.children.list() {
		if run.ref.Ended() {
			continue
		}
		p := run.spec
		list = append(list, &p)
	}
	return list
}

// listPids lists the processes in the container's cgroup. A container without
// cgroups of its own has those of its pid namespace.
func (v *view) listPids() ([]int, error) {
	if !v.started() {
		return nil, nil
	}
	if len(v.cgroups.GetPaths()) == 0 || v.sharesCgroups() {
		return v.pidsOfNamespace()
	}
	pids, err := v.cgroups.GetAllPids()
	if cgroupGone(err) {
		return nil, nil // it has been removed, and was empty
	}
	return pids, err
}

// cgroupGone tells whether an error says that a cgroup does not exist. One that is open
// and has been removed has no files any more: ENODEV.
func cgroupGone(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ENODEV)
}

// sharesCgroups tells whether the container has joined cgroups, in which there
// may be others, and has a pid namespace by which its processes are known.
func (v *view) sharesCgroups() bool {
	return len(v.config.Cgroups.Paths) > 0 && v.config.Namespaces.Creates(configs.NEWPID)
}

// pidsOfNamespace looks for the processes whose pid namespace is that of init, and lists
// them in ascending order. Those of namespaces below it, which end with it, are not found.
func (v *view) pidsOfNamespace() ([]int, error) {
	alive, err := v.init.Alive()
	if err != nil {
		return nil, err
	}
	if !alive {
		return v.pidsOfOthers(), nil
	}
	ns, err := os.Readlink(procFile(v.init.Pid(), "ns/pid"))
	if err != nil {
		if v.init.Ending() { // meanwhile
			return v.pidsOfOthers(), nil
		}
		return nil, fmt.Errorf("read pid namespace of the container: %w", err)
	}
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return nil, fmt.Errorf("read own pid namespace: %w", err)
	}
	pids := []int{v.init.Pid()}
	if ns == own {
		pids = append(pids, v.pidsOfOthers()...)
		slices.Sort(pids)
		return slices.Compact(pids), nil // init is one that this handle has started, too
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == v.init.Pid() {
			continue
		}
		// One that has ended meanwhile, or is not ours to see, is not the
		// container's.
		if of, err := os.Readlink(procFile(pid, "ns/pid")); err == nil && of == ns {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// pidsOfOthers lists the further processes that this handle has started, where no pid
// namespace of the container has ended them with init. Of those of other handles, and of
// their children, there is no record without a cgroup.
func (v *view) pidsOfOthers() (pids []int) {
	if v.config.Namespaces.Creates(configs.NEWPID) {
		return nil
	}
	for _, run := range v.c.children.list() {
		if !run.ref.Ended() {
			pids = append(pids, run.pid())
		}
	}
	return pids
}
