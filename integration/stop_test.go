//world:any

package integration

import (
	"context"
	"errors"
	"syscall"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// never is a time of grace that no test reaches.
const never = time.Hour

func TestStop(t *testing.T) {
	const polite = `trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done`
	const deaf = `trap '' TERM; echo ready; while :; do sleep 1000; done`
	for name, test := range map[string]struct {
		script string
		edit   func(*configs.Config)
		paused bool
		grace  time.Duration
		want   int // as of ExitCode
	}{
		"asked":                {polite, nil, false, never, 7},
		"deaf":                 {deaf, nil, false, time.Millisecond, 128 + 9},
		"no grace":             {deaf, nil, false, 0, 128 + 9},
		"paused":               {polite, nil, true, time.Millisecond, 128 + 9},
		"leaves others behind": {"sleep 1000 & " + polite, func(c *configs.Config) { c.Namespaces.Remove(configs.NEWPID) }, false, never, 7},
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			config := newConfig(t)
			if test.edit != nil {
				test.edit(config)
			}
			c := newInstance(t, config)
			startUntilReady(t, c, test.script)
			if test.paused {
				if err := c.Pause(); err != nil {
					t.Fatal(err)
				}
			}
			status, err := c.Stop(t.Context(), syscall.SIGTERM, test.grace)
			if err != nil || libcontainer.ExitCode(status) != test.want {
				t.Errorf("status %v, error %v; want exit code %d", status, err, test.want)
			}
			if pids, err := c.Processes(); err != nil || len(pids) > 0 {
				t.Errorf("left: %v, error %v", pids, err)
			}
			// Who is too late hears the same.
			again, err := c.Stop(t.Context(), syscall.SIGTERM, never)
			if err != nil || again != status {
				t.Errorf("once more: status %v, error %v", again, err)
			}
		})
	}
}

func TestStopFails(t *testing.T) {
	checkLeaks(t)
	c := newInstance(t, newConfig(t))
	_, err := c.Stop(t.Context(), syscall.SIGTERM, 0)
	checkError(t, err, libcontainer.ContainerNotRunning)
	startUntilReady(t, c, `trap '' TERM; echo ready; while :; do sleep 1000; done`)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Stop(ctx, syscall.SIGTERM, never); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: error %v", err)
	}
	if status, err := c.Status(); err != nil || status != libcontainer.Running {
		t.Errorf("after that it is %v, error %v", status, err)
	}
	if err := c.Destroy(); err != nil {
		t.Fatal(err)
	}
	_, err = c.Stop(t.Context(), syscall.SIGTERM, 0)
	checkError(t, err, libcontainer.ContainerNotExists)
}
