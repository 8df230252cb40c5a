package integration

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// setFreezer freezes or thaws a cgroup of this machine.
func setFreezer(dir string, frozen bool) error {
	file, value := filepath.Join(dir, "cgroup.freeze"), "0"
	if frozen {
		value = "1"
	}
	if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
		file, value = filepath.Join(dir, "freezer.state"), "THAWED"
		if frozen {
			value = "FROZEN"
		}
	}
	return os.WriteFile(file, []byte(value), 0)
}

// freezerDir gives the directory of a cgroup in the hierarchy that freezes.
func freezerDir(t *testing.T, cgroup string) string {
	t.Helper()
	subsystem := "freezer"
	if unifiedOnly(t) {
		subsystem = ""
	}
	mountpoint, err := cgroups.FindCgroupMountpoint(subsystem)
	if err != nil {
		t.Skipf("this machine cannot freeze cgroups: %v", err)
	}
	return filepath.Join(mountpoint, cgroup)
}

// A start below a cgroup that is frozen is refused, or ends with its context; the host
// goes on meanwhile, and nothing is left that nobody can kill.
func TestStartBelowAFrozenCgroup(t *testing.T) {
	if tested.Systemd() {
		t.Skip("systemd has its own cgroups frozen by its own means")
	}
	checkLeaks(t)
	dir := freezerDir(t, cgroupParent)
	makeCgroup(t, dir)
	frozen := filepath.Join(dir, "frozen")
	makeCgroup(t, frozen)
	if err := setFreezer(frozen, true); err != nil {
		t.Fatal(err)
	}
	thaw := func() {
		if err := setFreezer(frozen, false); err != nil {
			t.Error(err)
		}
	}
	defer thaw()
	state := publicTempDir(t)
	host := exec.Command(buildProgram(t, "freezes"), newRootfs(t), state, cgroupParent+"/frozen", "parent")
	wantLines(t, host, thaw, "the garbage was collected", "start returned", "destroyed")
	thaw()
	collectAll(t, state)
}

// A container that freezes itself when it sees a further process come holds up nobody
// for longer than the start's context says.
func TestContainerThatFreezesItself(t *testing.T) {
	checkLeaks(t)
	state := publicTempDir(t)
	name := "freezes"
	thaw := func() { thawAll(t, state, name) }
	host := exec.Command(buildProgram(t, "freezes"), newRootfs(t), state, cgroupParent, "itself")
	want := []string{}
	for range 5 {
		want = append(want, "the garbage was collected", "start returned")
	}
	wantLines(t, host, thaw, append(want, "destroyed")...)
	thaw()
	collectAll(t, state)
}

// thawAll thaws the cgroups of a container, as its state file names them.
func thawAll(t *testing.T, root, id string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, id, "state.json"))
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	for path := range strings.SplitSeq(string(data), `"`) {
		if strings.HasPrefix(path, "/sys/fs/cgroup/") {
			// Only one of them can.
			_ = setFreezer(path, false)
		}
	}
}

// collectAll destroys what a host program has left, if it has.
func collectAll(t *testing.T, root string) {
	t.Helper()
	for _, id := range list(t, root) {
		t.Errorf("container %q was left", id)
		collect(t, root, id)
	}
}

// A container that has divided its cgroup among its own, as systemd and dockerd do,
// can have further processes: in its init's cgroup, for the kernel wants none beside it.
func TestExecInADividedCgroup(t *testing.T) {
	if _, err := cgroups.FindCgroupMountpoint(""); err != nil {
		t.Skipf("cgroup v1 has no such rule: %v", err)
	}
	config := newConfig(t)
	config.Capabilities = append(config.Capabilities, "CAP_SYS_ADMIN")
	addMount(config, configs.Mount{Source: "cgroup", Destination: "/sys/fs/cgroup", Device: "cgroup"})
	container := newContainer(t, config)
	said, release := startTalking(t, container, `
		dir=/sys/fs/cgroup
		[ -e $dir/cgroup.procs ] || dir=/sys/fs/cgroup/unified
		cd $dir && mkdir inner && echo $$ >inner/cgroup.procs || exit 1
		for c in $(cat cgroup.controllers); do echo +$c >cgroup.subtree_control && echo "divided $c" && break; done || echo "cannot divide"
		echo done
		cat >/dev/null
		echo $$ >cgroup.procs
		[ -n "$c" ] && echo -$c >cgroup.subtree_control
		rmdir inner`)
	first := said()
	if first == "done" || !strings.HasPrefix(first, "divided ") {
		release()
		t.Skipf("a cgroup v2 of this machine has no controllers: %q", first)
	}
	if got := said(); got != "done" {
		t.Fatalf("the container said %q", got)
	}
	for range 3 {
		got := execShell(t, container, "grep ^0:: /proc/self/cgroup; grep ^0:: /proc/1/cgroup")
		wantOutput(t, got, "0::/inner\n0::/inner")
	}
	pids, err := container.Processes()
	if err != nil || len(pids) < 1 {
		t.Errorf("processes %v, error %v", pids, err)
	}
	if err := container.Signal(unix.Signal(0)); err != nil {
		t.Error(err)
	}
	release()
}

// Whatever a paused container runs, it can be destroyed, within a time that does not
// depend on it, and by another handle.
func TestDestroyOfAPausedContainerWithProcesses(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"default": func(*configs.Config) {},
		"no pid":  func(c *configs.Config) { c.Namespaces.Remove(configs.NEWPID) },
	} {
		for _, who := range []string{"same handle", "another"} {
			t.Run(name+", "+who, func(t *testing.T) {
				config := newConfig(t)
				edit(config)
				c, root := newContainerIn(t, config)
				said, release := startTalking(t, c, "for i in 1 2 3; do sleep 1000000 & done; echo ready; cat")
				defer release()
				if got := said(); got != "ready" {
					t.Fatalf("the container said %q", got)
				}
				if _, err := startExecBlocked(t, c); err != nil {
					t.Fatal(err)
				}
				if err := c.Pause(); err != nil {
					t.Fatal(err)
				}
				destroyer := c
				if who == "another" {
					destroyer = loadAgain(t, c, root)
				}
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				if err := destroyer.DestroyContext(ctx); err != nil {
					t.Fatalf("destroy: %v", err)
				}
				wantStatus(t, c, libcontainer.Destroyed)
			})
		}
	}
}
