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

func (c *linuxContainer) Signal(s os.Signal) error {
	return c.signal(callSignal, "signal container", s, func(v *view, sig unix.Signal) error { return v.init.Signal(sig) })
}

func (c *linuxContainer) SignalAll(s os.Signal) error {
	return c.signal(callSignalAll, "signal all processes of container", s, (*view).signalAll)
}

func (c *linuxContainer) signal(call call, step string, s os.Signal, send func(*view, unix.Signal) error) error {
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

// signalAll repeats SIGKILL until it meets no process for the first time: they
// may fork before they are hit. Without a pid namespace there may be others when init has
// ended.
func (v *view) signalAll(sig unix.Signal) error {
	known := make(map[int]bool)
	for {
		members, err := v.members()
		if err != nil {
			return err
		}
		met := len(known)
		for _, ref := range members {
			if err = errors.Join(err, ref.Signal(sig)); err == nil {
				known[ref.Pid()] = true
			}
			ref.Close()
		}
		switch {
		case err != nil:
			return err
		case len(known) == 0 && v.init.Ended():
			return errNoReceiver
		case sig != unix.SIGKILL || len(known) == met:
			return nil
		}
	}
}

// members makes references to all processes of the container, which the caller
// closes.
//
// A pid on a list may have become that of another process when it is opened. One
// that is on the list again after that is not, or its process has ended.
func (v *view) members() (members []*pidfd.Process, err error) {
	pids, err := v.listPids()
	if err != nil || len(pids) == 0 {
		return nil, err
	}
	var opened []*pidfd.Process
	defer func() {
		for _, ref := range opened {
			if !slices.Contains(members, ref) {
				ref.Close()
			}
		}
	}()
	for _, pid := range pids {
		ref, err := pidfd.Open(pid)
		if errors.Is(err, pidfd.ErrNoProcess) {
			continue
		}
		if err != nil {
			return nil, err
		}
		opened = append(opened, ref)
	}
	if pids, err = v.listPids(); err != nil {
		return nil, err
	}
	again := make(map[int]bool, len(pids)) // pids wrap: no list need be in their order
	for _, pid := range pids {
		again[pid] = true
	}
	for _, ref := range opened {
		if again[ref.Pid()] {
			members = append(members, ref)
		}
	}
	return members, nil
}

func (c *linuxContainer) Processes() ([]int, error) {
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

func (c *linuxContainer) StartedProcesses() []*Process {
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
		return pids, nil
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
