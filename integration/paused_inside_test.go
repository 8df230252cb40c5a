package integration

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// pauseInside moves a process of a container to a cgroup below the container's, as an
// engine of containers in it does, and freezes that until the returned function is called.
func pauseInside(t *testing.T, cgroup string, pid int) (stop func()) {
	t.Helper()
	dir := filepath.Join(cgroup, "engine", "paused")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0); err != nil {
		t.Fatal(err)
	}
	if err := setFreezer(dir, true); err != nil {
		t.Fatal(err)
	}
	var again sync.WaitGroup
	ended := make(chan struct{})
	again.Go(func() {
		// Somebody who did not mind the first thaw.
		for range 20 {
			select {
			case <-ended:
				return
			case <-time.After(3 * time.Millisecond):
				_ = setFreezer(dir, true) // it may be gone
			}
		}
	})
	return func() {
		close(ended)
		again.Wait()
		// What a failed Destroy has left must not stay.
		_ = setFreezer(dir, false)
	}
}

// A process in a cgroup of the container's own that is frozen does not keep the container.
func TestDestroyWithAPausedContainerInside(t *testing.T) {
	for _, test := range []struct {
		name   string
		config func(*configs.Config)
	}{
		{"pid namespace", func(*configs.Config) {}},
		{"host's pids", func(c *configs.Config) {
			c.Namespaces = slices.DeleteFunc(c.Namespaces, func(ns configs.Namespace) bool { return ns.Type == configs.NEWPID })
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			checkLeaks(t)
			config := newConfig(t)
			test.config(config)
			c := newContainer(t, config)
			said, _ := startTalking(t, c, "sleep 1000 & echo $!; read line; wait")
			said()
			pids, err := c.Processes()
			if err != nil || len(pids) != 2 {
				t.Fatalf("processes %v, %v", pids, err)
			}
			init := stateOf(t, c).InitProcessPid
			inner := pids[0]
			if inner == init {
				inner = pids[1]
			}
			key := "freezer"
			if _, ok := stateOf(t, c).CgroupPaths[key]; !ok {
				key = ""
			}
			stop := pauseInside(t, stateOf(t, c).CgroupPaths[key], inner)
			defer stop()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := c.(libcontainer.LinuxContainer).DestroyContext(ctx); err != nil {
				t.Errorf("destroy: %v", err)
			}
		})
	}
}
