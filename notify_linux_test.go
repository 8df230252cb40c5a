package libcontainer

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
)

// placed is the driver of a container whose cgroup is a directory of the test's.
type placed struct {
	cgroups.Driver
	paths map[string]string
}

func (p placed) GetPaths() map[string]string { return p.paths }

// A cgroup goes with the container, while another handle destroys it, or with its last
// process.
func TestNotifyOfCgroupThatHasGone(t *testing.T) {
	notify := func(c *Instance) (errs []error) {
		_, err := c.NotifyOOM()
		errs = append(errs, err)
		for _, level := range []PressureLevel{LowPressure, MediumPressure, CriticalPressure} {
			_, err := c.NotifyMemoryPressure(level)
			errs = append(errs, err)
		}
		return errs
	}
	there := t.TempDir()
	for name, tt := range map[string]struct {
		paths map[string]string
		phase phase
		code  ErrorCode
	}{
		"version 1":        {map[string]string{"memory": filepath.Join(there, "gone")}, phaseStarting, ContainerNotRunning},
		"version 2":        {map[string]string{"": filepath.Join(there, "gone")}, phaseStarting, ContainerNotRunning},
		"version 1, runs":  {map[string]string{"memory": filepath.Join(there, "gone")}, phaseRunning, SystemError},
		"version 2, runs":  {map[string]string{"": filepath.Join(there, "gone")}, phaseRunning, SystemError},
		"none":             {nil, phaseRunning, SystemError},
		"no controller":    {map[string]string{"": there}, phaseRunning, SystemError},
		"being destroyed":  {map[string]string{"memory": filepath.Join(there, "gone")}, phaseDestroying, ContainerNotExists},
		"destroyed before": {map[string]string{"": filepath.Join(there, "gone")}, phaseGone, ContainerNotExists},
	} {
		c := newTestContainer(t)
		v := &view{c: c, phase: tt.phase, config: c.view().config, cgroups: placed{paths: tt.paths}, init: startIdle(t)}
		v.life, v.end = context.WithCancelCause(t.Context())
		c.current.Store(v)
		for _, err := range notify(c) {
			if e, ok := err.(Error); !ok || e.Code() != tt.code {
				t.Errorf("%s: error %v, want code %v", name, err, tt.code)
			}
		}
	}
	// It is destroyed between the look at it and the watch.
	c := newTestContainer(t)
	if err := os.Remove(c.root); err != nil {
		t.Fatal(err)
	}
	if err := c.notifyFailed("notify", os.ErrNotExist); err == nil || err.(Error).Code() != ContainerNotExists {
		t.Errorf("error %v, want code %v", err, ContainerNotExists)
	}
}
