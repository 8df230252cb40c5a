//go:build linux

// Package cgfreeze stops and continues the processes of a cgroup v2 directory, also
// that of the hybrid layout. The kernel tells when the last process has stopped,
// and a process that is stopped so can be killed, which cgroup v1's freezer does
// not offer.
package cgfreeze

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

const (
	// File is the file that freezes.
	File = "cgroup.freeze"

	eventsFile = "cgroup.events"

	// timeout bounds the wait for all processes to freeze. A process in an
	// uninterruptible sleep, as with a dead NFS server, freezes only after it.
	timeout = 5 * time.Second

	// glance is how long is waited before the context is looked at.
	glance = 20 * time.Millisecond
)

// State tells whether the processes of dir are frozen, or being frozen; a cgroup
// above may be the reason.
func State(dir *cgdir.Dir) (configs.FreezerState, error) {
	events, err := cgread.KeyValues(dir, eventsFile)
	if err != nil {
		return configs.Undefined, err
	}
	asked, err := cgread.Uint(dir, File)
	switch {
	case err != nil:
		return configs.Undefined, err
	case events["frozen"] == 1:
		return configs.Frozen, nil
	case asked == 1:
		return configs.Freezing, nil
	}
	return configs.Thawed, nil
}

// Set stops (configs.Frozen) or continues (configs.Thawed) the processes of dir,
// and returns when they are. If they don't all stop within the timeout, they are
// continued, and the error says so. It waits no longer than the context lasts.
func Set(ctx context.Context, dir *cgdir.Dir, state configs.FreezerState) error {
	var value string
	switch state {
	case configs.Frozen:
		value = "1"
	case configs.Thawed:
		value = "0"
	default:
		return fmt.Errorf("freezer state %q is neither %s nor %s", state, configs.Frozen, configs.Thawed)
	}
	events, err := dir.OpenFile(eventsFile, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer events.Close()
	if err := dir.WriteFile(File, value); err != nil {
		return err
	}
	err = await(ctx, events, value)
	switch {
	case err == nil:
		return nil
	case state == configs.Thawed && frozenAgain(dir):
		return nil
	case state == configs.Thawed:
		return fmt.Errorf("thaw %s: %w; is a cgroup above frozen?", dir.Path(""), err)
	}
	return errors.Join(fmt.Errorf("freeze %s: %w", dir.Path(""), err), dir.WriteFile(File, "0"))
}

// frozenAgain tells whether somebody has frozen a cgroup that has just been thawed, such
// as a process of the container.
func frozenAgain(dir *cgdir.Dir) bool {
	asked, err := cgread.Uint(dir, File)
	return err == nil && asked == 1
}

// await waits until cgroup.events tells that frozen has the value. The kernel ends
// a poll for POLLPRI when the file has changed since it was read.
func await(ctx context.Context, events *cgdir.File, value string) error {
	deadline := time.Now().Add(timeout)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		text, err := events.Read()
		if err != nil {
			return err
		}
		if hasLine(text, "frozen "+value) {
			return nil
		}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("not all processes followed within %v", timeout)
		}
		if ctx.Done() != nil {
			left = min(left, glance)
		}
		if err := events.AwaitChange(left); err != nil {
			return err
		}
	}
}

func hasLine(text, wanted string) bool {
	for line := range strings.Lines(text) {
		if strings.TrimSuffix(line, "\n") == wanted {
			return true
		}
	}
	return false
}
