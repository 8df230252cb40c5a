// The host's side: the embedding program's own record of a container.

package libcontainer

import (
	"context"
	"errors"
	"fmt"
	"os"
)

// recordFile is the record's name in the container's directory.
const recordFile = "record"

// Record returns the record that LinuxFactory.CreateWithRecord or SetRecord has kept
// with the container; nil if there is none. It takes no lock, and so answers also
// while the container is started or destroyed.
//
// errors:
// ContainerNotExists - Container no longer exists,
// SystemError - System error.
func (c *Instance) Record() ([]byte, error) {
	const step = "read the record"
	record, readErr := c.dir.ReadFile(recordFile)
	// If the container is there now it was there then: what was read is its own, and not
	// that of a later one of its id.
	v, err := c.lookFor(callStats, step)
	if err != nil {
		return nil, err
	}
	v.close()
	if errors.Is(readErr, os.ErrNotExist) {
		return nil, nil
	}
	if readErr != nil {
		return nil, newSystemError(fmt.Errorf("%s of container %q: %w", step, c.id, readErr))
	}
	return record, nil
}

// SetRecord replaces the record as a whole: who reads it gets the old one or the
// new one. Calls of several programs come one after the other, and after a start
// that is under way.
//
// errors:
// ContainerNotExists - Container no longer exists,
// SystemError - System error; ctx has ended.
func (c *Instance) SetRecord(ctx context.Context, record []byte) error {
	const step = "set the record"
	unlock, err := c.lock(ctx, callSet, step, true)
	if err != nil {
		return err
	}
	defer unlock()
	if err := c.dir.WriteFile(recordFile, record); err != nil {
		return newSystemError(fmt.Errorf("%s of container %q: %w", step, c.id, err))
	}
	return nil
}
