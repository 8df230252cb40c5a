//world:any

package integration

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
)

func TestLimits(t *testing.T) {
	const endless = "while :; do :; done"
	for _, kind := range []string{"first process", "further process"} {
		t.Run(kind, func(t *testing.T) {
			checkLeaks(t)
			c := newInstance(t, newConfig(t))
			if kind == "further process" {
				startBlocked(t, c)
			}
			for name, test := range map[string]struct {
				script string
				limits libcontainer.Limits
				killed error
				says   string
			}{
				"wall":            {endless, libcontainer.Limits{Wall: 200 * time.Millisecond}, context.DeadlineExceeded, ""},
				"CPU":             {endless, libcontainer.Limits{CPU: 100 * time.Millisecond}, libcontainer.ErrCPULimit, ""},
				"CPU of two":      {"(" + endless + ")& " + endless, libcontainer.Limits{CPU: 100 * time.Millisecond}, libcontainer.ErrCPULimit, ""},
				"output":          {"while :; do echo 123456789; done", libcontainer.Limits{Output: 25}, libcontainer.ErrOutputLimit, "123456789\n123456789\n12345"},
				"none is reached": {"echo 123456789", libcontainer.Limits{Wall: time.Hour, CPU: time.Hour, Output: 10}, nil, "123456789\n"},
			} {
				p, out := shell(test.script)
				p.Limits = &test.limits
				r, err := c.Run(t.Context(), p)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if !errors.Is(r.Killed, test.killed) || (r.Killed == nil) != (test.killed == nil) || (r.Signal == unix.SIGKILL) != (test.killed != nil) {
					t.Errorf("%s: %+v, want killed by %v", name, r, test.killed)
				}
				if r.TimedOut() != (name == "wall") {
					t.Errorf("%s: timed out %v", name, r.TimedOut())
				}
				if got := out.stdout.String(); got != test.says {
					t.Errorf("%s: said %q, want %q", name, got, test.says)
				}
				if pid, err := p.Pid(); err != nil || pid <= 0 {
					t.Errorf("%s: pid %d, error %v", name, pid, err)
				}
			}
		})
	}
}

// Both streams count together, and what one process has written when it ends is cut off, too.
func TestLimitOfBothStreams(t *testing.T) {
	c := newInstance(t, newConfig(t))
	var both strings.Builder
	p, _ := shell("echo 12345; echo 12345 >&2; echo 12345")
	p.Stdout, p.Stderr = &both, &both
	p.Limits = &libcontainer.Limits{Output: 14}
	r, err := c.Run(t.Context(), p)
	if err != nil || !errors.Is(r.Killed, libcontainer.ErrOutputLimit) {
		t.Errorf("result %+v, error %v", r, err)
	}
	if got := both.String(); got != "12345\n12345\n12" {
		t.Errorf("said %q", got)
	}
}

func TestLimitsFail(t *testing.T) {
	checkLeaks(t)
	c := newInstance(t, newConfig(t))
	for name, test := range map[string]struct {
		edit func(*libcontainer.Process)
		says string
	}{
		"negative": {func(p *libcontainer.Process) { p.Limits.CPU = -1 }, "negative"},
		"file":     {func(p *libcontainer.Process) { p.Limits.Output, p.Stderr = 1, os.Stderr }, "Stderr is the file"},
		"terminal": {func(p *libcontainer.Process) {
			p.Limits.Output, p.Stdout, p.Stderr = 1, nil, nil
			if err := p.NewTerminal(func(libcontainer.Console) error { return nil }); err != nil {
				t.Fatal(err)
			}
		}, "terminal"},
	} {
		p, _ := shell("true")
		p.Limits = new(libcontainer.Limits)
		test.edit(p)
		r, err := c.Run(t.Context(), p)
		if r != nil {
			t.Errorf("%s: result %+v", name, r)
		}
		checkError(t, err, libcontainer.ConfigInvalid, test.says)
	}
	wantStatus(t, c, libcontainer.Created)
}
