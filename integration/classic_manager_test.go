package integration

import (
	"maps"
	"path/filepath"
	"slices"
	"testing"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
)

// classicOnly hides all of a manager but the classic interface, as the manager of an
// embedder from 2016 has it.
type classicOnly struct{ cgroups.Manager }

func classicManagers(l *libcontainer.LinuxFactory) error {
	if err := tested.Manager(l); err != nil {
		return err
	}
	newManager := l.NewCgroupsManager
	l.NewCgroupsManager = func(config *configs.Cgroup, paths map[string]string) cgroups.Manager {
		return classicOnly{newManager(config, paths)}
	}
	return nil
}

// A manager that knows only the classic interface gets the container's processes, its
// limits, and its end.
func TestManagerWithTheClassicInterface(t *testing.T) {
	checkLeaks(t)
	root := filepath.Join(publicTempDir(t), "state")
	factory, err := newFactoryIn(root, classicManagers)
	if err != nil {
		t.Fatal(err)
	}
	config := newConfig(t)
	config.Cgroups.PidsLimit = 77
	container, err := factory.Create("test", config)
	if err != nil {
		t.Fatal(err)
	}
	destroyLater(t, container)
	for range 2 { // the second life is in the same container
		p, release := startBlocked(t, container)
		pid, err := p.Pid()
		if err != nil {
			t.Fatal(err)
		}
		if got := cgroupValue(t, container, "pids", "pids.max", "pids.max"); got != "77" {
			t.Errorf("the limit is %s, want 77", got)
		}
		checkMembers(t, container, pid)

		further := loadClassic(t, root, container.ID())
		blocked, releaseFurther := startBlocked(t, further)
		pid2, err := blocked.Pid()
		if err != nil {
			t.Fatal(err)
		}
		checkMembers(t, container, pid, pid2)
		releaseFurther()
		if status, err := container.Status(); err != nil || status != libcontainer.Running {
			t.Errorf("status %v, %v; want running", status, err)
		}
		release()
	}
}

func loadClassic(t *testing.T, root, id string) libcontainer.Container {
	t.Helper()
	factory, err := newFactoryIn(root, classicManagers)
	if err != nil {
		t.Fatal(err)
	}
	container, err := factory.Load(id)
	if err != nil {
		t.Fatal(err)
	}
	destroyLater(t, container)
	return container
}

// destroyLater destroys the container, which another handle may have done before.
func destroyLater(t *testing.T, container libcontainer.Container) {
	t.Cleanup(func() {
		if err := container.Destroy(); err != nil {
			t.Errorf("destroy: %v", err)
		}
	})
}

// checkMembers checks which processes are in each of a container's cgroups.
func checkMembers(t *testing.T, container libcontainer.Container, want ...int) {
	t.Helper()
	state, err := container.State()
	if err != nil {
		t.Fatal(err)
	}
	if len(state.CgroupPaths) == 0 {
		t.Error("the state has no cgroups")
	}
	slices.Sort(want)
	for _, key := range slices.Sorted(maps.Keys(state.CgroupPaths)) {
		if pids, err := cgroups.GetPids(state.CgroupPaths[key]); err != nil || !slices.Equal(pids, want) {
			t.Errorf("in the cgroup %q there are %v, error %v; want %v", key, pids, err, want)
		}
	}
}
