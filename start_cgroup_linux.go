// How a starting process comes into its cgroups, and gets its oom_score_adj.

package libcontainer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// makeCgroups makes the cgroups and writes the limits, before init is told to do anything
// that half of those could hit. Before init is there it makes what that is born in; on
// cgroup v2 alone it depends on the limits whether that has room for the set-up. A driver
// that cannot make cgroups ahead waits for the process, and then does both.
func (st *starting) makeCgroups(before bool) error {
	if before && st.hybrid {
		made, err := st.driver.CreateUnified()
		if made || err != nil {
			return err
		}
	}
	if before && !st.unified || st.created {
		return nil
	}
	st.created = true
	if err := st.driver.Create(); err != nil {
		return err
	}
	if err := st.c.view().checkFreezer(); err != nil {
		return err
	}
	// Limits that are not for the set-up can wait until that goes on. But what it copies
	// into memory is limited.
	st.limitsWait = (st.hybrid || !st.unified) && !st.driver.EntersEarly() && !st.plan.copies()
	if st.limitsWait {
		return nil
	}
	return st.driver.Set(st.config)
}

// openCgroups opens the files by which the process enters its cgroups where it can do
// the whole of the work, or what is left of it: it must be in the cgroup of version 2,
// if there is one, already, or enter it in the same way. A host without privileges
// moves it, since what may fail for it and what may not is for the manager to say.
func (st *starting) openCgroups() (err error) {
	p, driver := st.plan, st.driver
	p.setupFiles, p.execFiles = nil, nil
	if p.join && st.process.inSubCgroup() {
		return st.openSubCgroups()
	}
	if !p.privileged || st.config.Cgroups.Optional || st.unified && !st.born && !p.join {
		return nil
	}
	if p.setupFiles, err = driver.EntryFiles(cgroups.StageSetup); err != nil {
		return err
	}
	st.closers = append(st.closers, p.setupFiles...)
	if p.execFiles, err = driver.EntryFiles(cgroups.StageExec); err != nil {
		return err
	}
	st.closers = append(st.closers, p.execFiles...)
	if st.unified && p.join {
		return st.openUnified()
	}
	return nil
}

// openUnified opens the file by which a further process enters the cgroup of version 2.
func (st *starting) openUnified() error {
	dir, err := st.driver.UnifiedDir()
	if err != nil || dir == nil {
		return err
	}
	defer dir.Close()
	name := "cgroup.procs"
	if divided(dir) {
		name = st.cgroupOfInit(dir) + name
	}
	how := unix.OpenHow{Flags: unix.O_WRONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(int(dir.Fd()), name, &how)
	if err != nil {
		return &os.PathError{Op: "open", Path: dir.Name() + "/" + name, Err: err}
	}
	f := os.NewFile(uintptr(fd), dir.Name()+"/"+name)
	st.closers = append(st.closers, f)
	st.plan.execFiles = append(st.plan.execFiles, f)
	return nil
}

// divided tells whether controllers are enabled for what is below a cgroup of version 2.
// Then no process can enter itself (cgroups(7), "no internal processes").
func divided(dir *os.File) bool {
	fd, err := unix.Openat(int(dir.Fd()), "cgroup.subtree_control", unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), "cgroup.subtree_control")
	defer f.Close()
	enabled, err := io.ReadAll(f)
	return err == nil && len(bytes.TrimSpace(enabled)) > 0
}

// cgroupOfInit gives the path, with a slash, of the cgroup in which the container's init
// is, below that of the container, which the container has divided. It is empty if init
// is in none of these.
func (st *starting) cgroupOfInit(dir *os.File) string {
	mountpoint, root, err := cgroups.FindCgroupMountpointAndRoot("")
	if err != nil {
		return ""
	}
	own, ok := strings.CutPrefix(dir.Name(), mountpoint)
	if !ok {
		return ""
	}
	own = strings.TrimSuffix(root, "/") + own
	paths, err := cgroups.ParseCgroupFile(procFile(st.init.Pid(), "cgroup"))
	if err != nil {
		return ""
	}
	below, ok := strings.CutPrefix(paths[""], own+"/")
	if !ok || below == "" {
		return ""
	}
	return below + "/"
}

// entersItself tells whether the process enters its cgroups by itself.
func (st *starting) entersItself() bool {
	return len(st.plan.setupFiles)+len(st.plan.execFiles) > 0
}

// enterEarly moves init into its cgroups before it is told what to do. One that has died
// of something else could not enter, and that is not the reason.
func (st *starting) enterEarly() error {
	err := st.enterCgroups(cgroups.StageSetup)
	if err == nil || !st.ref.Ended() {
		return err
	}
	if serr := st.conn.Serve(); serr != nil {
		return serr
	}
	return err
}

// enterMemory moves init into its cgroup of memory, which is entered after the set-up as a
// rule: what that copies into memory is the container's to pay for, see
// [initPlan.chargedEarly].
func (st *starting) enterMemory() error {
	if !st.plan.privileged || st.config.Cgroups.Optional {
		return nil
	}
	files, err := st.driver.EntryFiles(cgroups.StageExec)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err == nil && st.plan.chargedEarly(f) {
			_, err = f.WriteString(strconv.Itoa(st.ref.Pid()))
		}
		f.Close()
	}
	return err
}

// enterCgroups moves the process into its cgroups.
func (st *starting) enterCgroups(stage cgroups.Stage) error {
	driver := st.driver
	before := len(driver.GetPaths())
	if err := driver.Enter(st.ref.Pid(), stage); err != nil {
		return err
	}
	if len(driver.GetPaths()) == before {
		return nil
	}
	return st.c.saveState() // an optional one could not be entered
}

// setOomScoreAdj writes /proc/[pid]/oom_score_adj, see proc(5). 0, the default,
// does not insist where the process may not lower what it has inherited.
func (st *starting) setOomScoreAdj(pid int) error {
	adj := st.config.OomScoreAdj
	if st.process.OomScoreAdj != nil {
		adj = *st.process.OomScoreAdj
	} else if st.config.KeepOomScore {
		return nil
	}
	name := procFile(pid, "oom_score_adj")
	old, err := pidfd.ReadFile(name)
	if err != nil {
		return fmt.Errorf("read oom_score_adj: %w", err)
	}
	value := strconv.Itoa(adj)
	if strings.TrimSpace(string(old)) == value {
		return nil
	}
	err = os.WriteFile(name, []byte(value), 0)
	if err == nil || adj == 0 && errors.Is(err, syscall.EACCES) {
		return nil
	}
	return fmt.Errorf("set oom_score_adj to %d: %w", adj, err)
}
