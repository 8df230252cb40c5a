// The host's side: what is compared when criu has restored all processes and none of them
// runs. Criu makes whatever the images say, and loses flags of mounts: here it is decided
// whether that is the container.

package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/checkpoint-restore/go-criu/v8/rpc"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// errNotTheContainer is in the chain of what verify refuses.
var errNotTheContainer = errors.New("what criu has restored is not the container")

func notTheContainer(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errNotTheContainer, fmt.Errorf(format, args...))
}

// verify looks at what is there at post-restore, when criu can still take all back: the
// namespaces, mounts and cgroups.
func (r *restore) verify() error {
	init := r.ref.Pid()
	stat, err := pidfd.ReadStat(init)
	if err != nil {
		return err
	}
	if stat.Parent != os.Getpid() {
		return notTheContainer("its first process, %d, is a child of %d and not of this program", init, stat.Parent)
	}
	roots, err := cgroupRoots(r.driver.GetPaths())
	if err != nil {
		return err
	}
	if err := r.eachProcess(func(pid int, _ map[string]string) error {
		if err := r.verifyNamespaces(pid, init); err != nil {
			return err
		}
		return verifyCgroups(pid, roots)
	}); err != nil {
		return err
	}
	if err := r.verifyIDMaps(init); err != nil {
		return err
	}
	return r.verifyMounts(init)
}

// verifyRights looks at what criu gives the processes last, at pre-resume: they are stopped
// still, and have run nothing of their own. Criu does not go back from there, so all of them are
// killed if one is not as it should be. Then criu is, too: it traces them, would wait for init
// first, and the kernel lets init of a pid namespace end when all others have been reaped by who
// traces them.
func (r *restore) verifyRights() error {
	bound, err := r.capabilityBound()
	if err == nil {
		err = r.eachProcess(func(pid int, status map[string]string) error {
			if err := r.verifyProcess(pid, status, bound); err != nil {
				return err
			}
			return restoreTimers(pid)
		})
	}
	if err == nil {
		return nil
	}
	pids, perr := r.restoredPids(r.ref.Pid())
	for _, pid := range pids {
		if ref, err := pidfd.Open(pid); err == nil {
			_ = ref.Signal(unix.SIGKILL)
			ref.Close()
		}
	}
	if err = errors.Join(err, perr); errors.Is(err, errNotTheContainer) {
		r.wrong = err
		_ = r.criu.Close()
	}
	return err // of what could not be looked at criu may know more: it has ended, or they have
}

// eachProcess calls call for each process that criu has made and that has not ended, with its status.
func (r *restore) eachProcess(call func(pid int, status map[string]string) error) error {
	pids, err := r.restoredPids(r.ref.Pid())
	if err != nil {
		return err
	}
	for _, pid := range pids {
		status, err := readStatus(procFile(pid, "status"))
		if err == nil && !strings.HasPrefix(status["State"], "Z") {
			err = call(pid, status)
		}
		if err != nil {
			return fmt.Errorf("process %d (%s): %w", pid, commOf(pid), err)
		}
	}
	return nil
}

// restoredPids lists what criu has made: init and all that descends from it, and what
// else is in the container's cgroups or its pid namespace.
func (r *restore) restoredPids(init int) ([]int, error) {
	pids, err := r.c.view().everyPid()
	if err != nil {
		return nil, err
	}
	pids = slices.DeleteFunc(pids, func(pid int) bool { return pid == r.holder.Pid })
	pids = append(pids, init)
	for next := []int{init}; len(next) > 0; {
		children := pidfd.Children(next[0])
		next = append(next[1:], children...)
		pids = append(pids, children...)
	}
	slices.Sort(pids)
	return slices.Compact(pids), nil
}

// capabilityBound is what no process may have more than: the configuration's bounding set.
func (r *restore) capabilityBound() (uint64, error) {
	caps, err := capabilityMasksOf(r.config, r.process)
	return caps.Bounding, err
}

func (r *restore) verifyProcess(pid int, status map[string]string, bound uint64) error {
	for _, name := range []string{"CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"} {
		set, err := strconv.ParseUint(status[name], 16, 64)
		if err != nil {
			return fmt.Errorf("read its capabilities: %s: %w", name, err)
		}
		if more := set &^ bound; more != 0 {
			return notTheContainer("it has capabilities that the container has not: %s %s more", name, describeCapabilities(more))
		}
	}
	if r.config.NoNewPrivileges && status["NoNewPrivs"] != "1" {
		return notTheContainer("it is without no_new_privs")
	}
	if filtered(r.config) && status["Seccomp"] != "2" {
		return notTheContainer("it is without a seccomp filter")
	}
	return r.verifyLabel(pid)
}

// readStatus reads /proc/[pid]/status or that of a thread, see proc_pid_status(5).
func readStatus(name string) (map[string]string, error) {
	data, err := pidfd.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read its status: %w", err)
	}
	out := make(map[string]string)
	for line := range strings.Lines(string(data)) {
		if name, value, ok := strings.Cut(line, ":"); ok {
			out[name] = strings.TrimSpace(value)
		}
	}
	return out, nil
}

// verifyNamespaces looks whether a process is in the container's namespaces. It may have
// made others for itself, but is in none of the host's.
func (r *restore) verifyNamespaces(pid, init int) error {
	for _, t := range configs.NamespaceTypes() {
		name := nsName(t)
		its, err := inodeOf(procFile(pid, "ns/"+name))
		if err != nil {
			return err
		}
		hosts, err := inodeOf("/proc/thread-self/ns/" + name)
		if errors.Is(err, os.ErrNotExist) {
			continue // the kernel has none of that type
		}
		if err != nil {
			return err
		}
		want := hosts
		switch path := r.config.Namespaces.PathOf(t); {
		case path != "":
			if want, err = inodeOf(path); err != nil {
				return err
			}
			if pid == init && its != want {
				return notTheContainer("it is not in the %s namespace %s", name, path)
			}
		case r.config.Namespaces.Contains(t):
			if its == hosts {
				return notTheContainer("it is in the host's %s namespace", name)
			}
		case t == configs.NEWTIME:
			continue // criu always makes one, for clocks that go on
		default:
			if its != hosts {
				return notTheContainer("it is in a %s namespace, and the container has none of its own", name)
			}
		}
	}
	return nil
}

func (r *restore) verifyLabel(pid int) error {
	want := r.config.ProcessLabel
	if r.config.AppArmorProfile != "" {
		want = r.config.AppArmorProfile
	}
	if _, given, ok := strings.Cut(r.opts.LsmProfile, ":"); ok {
		want = given
	}
	if want == "" {
		return nil
	}
	data, err := pidfd.ReadFile(procFile(pid, "attr/current"))
	if err != nil {
		return fmt.Errorf("read its label: %w", err)
	}
	label := strings.TrimRight(string(data), "\x00\n")
	profile, _, _ := strings.Cut(label, " (") // AppArmor tells the mode, too
	if label != want && profile != want {
		return notTheContainer("its label is %q, and not %q", label, want)
	}
	return nil
}

// verifyCgroups looks whether a process is in the container's cgroups, or below them.
func verifyCgroups(pid int, roots []*rpc.CgroupRoot) error {
	its, err := cgroups.ParseCgroupFile(procFile(pid, "cgroup"))
	if err != nil {
		return err
	}
	for _, root := range roots {
		in, ok := its[root.GetCtrl()]
		if _, below := strings.CutPrefix(in, root.GetPath()+"/"); ok && in != root.GetPath() && !below {
			return notTheContainer("it is in the cgroup %s of %q, and not in %s", in, root.GetCtrl(), root.GetPath())
		}
	}
	return nil
}

// verifyIDMaps compares the mappings of the user namespace with those of the configuration.
func (r *restore) verifyIDMaps(init int) error {
	if !r.config.Namespaces.Creates(configs.NEWUSER) {
		return nil
	}
	for name, want := range map[string][]configs.IDMap{"uid_map": r.config.UidMappings, "gid_map": r.config.GidMappings} {
		data, err := pidfd.ReadFile(procFile(init, name))
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		var list []string
		for _, m := range want {
			list = append(list, fmt.Sprintf("%d %d %d", m.ContainerID, m.HostID, m.Size))
		}
		var has []string
		for line := range strings.Lines(string(data)) {
			has = append(has, strings.Join(strings.Fields(line), " "))
		}
		slices.Sort(list)
		slices.Sort(has)
		if !slices.Equal(list, has) {
			return notTheContainer("its %s is %q, and not %q", name, has, list)
		}
	}
	return nil
}
