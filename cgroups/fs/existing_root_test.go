//go:build linux

package fs

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// The classic library's callers look at a container with a manager that has no Paths.
func TestManagerWithoutPaths(t *testing.T) {
	if layout, err := cgroups.DetectLayout(); err != nil || layout == cgroups.LayoutV2 {
		t.Skipf("the layout is %v, error %v", layout, err)
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	named := &configs.Cgroup{Parent: "/", Name: fmt.Sprintf("lctest-existing-%d", os.Getpid()), Resources: &configs.Resources{}}
	if _, err := (&Manager{Cgroups: named}).GetPids(); err == nil {
		t.Error("cgroups that do not exist have processes")
	}
	maker := &Manager{Cgroups: named}
	if err := maker.Create(); err != nil {
		t.Fatal(err)
	}
	defer maker.Destroy()
	cmd := exec.Command("cat")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := cmd.Process.Pid
	if err := maker.Enter(pid, cgroups.StageSetup); err != nil {
		t.Error(err)
	}
	if err := maker.Enter(pid, cgroups.StageExec); err != nil {
		t.Error(err)
	}
	if pids, err := (&Manager{Cgroups: named}).GetPids(); err != nil || !slices.Equal(pids, []int{pid}) {
		t.Errorf("processes %v, error %v; want %d", pids, err, pid)
	}
	if pids, err := (&Manager{Cgroups: named}).GetAllPids(); err != nil || !slices.Equal(pids, []int{pid}) {
		t.Errorf("all processes %v, error %v; want %d", pids, err, pid)
	}
	for _, state := range []configs.FreezerState{configs.Frozen, configs.Thawed} {
		if err := (&Manager{Cgroups: named}).Freeze(state); err != nil {
			t.Errorf("freeze: %v", err)
		}
		if now, err := maker.FreezerState(); err != nil || now != state {
			t.Errorf("the state is %q, error %v; want %q", now, err, state)
		}
	}
	stdin.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	destroyer := &Manager{Cgroups: named}
	if err := destroyer.Destroy(); err != nil {
		t.Errorf("destroy: %v", err)
	}
	for _, path := range maker.GetPaths() {
		if cgroups.PathExists(path) {
			t.Errorf("%s is there still", path)
		}
	}
	// From now on it knows itself what there is.
	if err := maker.Create(); err != nil {
		t.Fatal(err)
	}
	if err := destroyer.Destroy(); err != nil {
		t.Errorf("destroy again: %v", err)
	}
	for _, path := range maker.GetPaths() {
		if !cgroups.PathExists(path) {
			t.Errorf("%s, which another manager has made, is gone", path)
		}
	}
}
