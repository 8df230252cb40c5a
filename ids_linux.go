// The host's side: ids of user namespaces from a pool, see configs.IDPool.

package libcontainer

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/idpool"
	"github.com/libcontainer/libcontainer/internal/statedir"
)

// ErrIDsExhausted is what errors of Create and Start wrap when all ranges of a
// configs.IDPool belong to containers that exist.
var ErrIDsExhausted = idpool.ErrExhausted

// idsDir is the name of the directory for pools in the factory's root. No container has it,
// nor what claims an id.
const idsDir = ":ids"

// releaseWait is how long the file of ids that are free is to be removed: the lock for that may
// be another program's that has been stopped.
const releaseWait = time.Second

// idsDirOf gives the directory for the pools of a container's factory.
func idsDirOf(dir *statedir.Dir) string { return filepath.Join(filepath.Dir(dir.Path()), idsDir) }

// assignIDs sets the mappings of a configuration that asks for ids of a pool. The container has
// them until its directory is removed; who has them already keeps them.
func assignIDs(ctx context.Context, dir *statedir.Dir, config *configs.Config) error {
	if config.IDs == nil {
		return nil
	}
	index, err := idpool.Claim(ctx, idsDirOf(dir), *config.IDs, dir.Path())
	if errors.Is(err, idpool.ErrOverlap) {
		return invalid(err)
	}
	if err != nil {
		return err
	}
	mapping := config.IDs.Mapping(index)
	config.UidMappings, config.GidMappings = []configs.IDMap{mapping}, []configs.IDMap{mapping}
	return nil
}

// ensureIDs is assignIDs before a start: a Destroy that was broken off may have given them up.
// The caller holds the lock exclusively.
func (c *Instance) ensureIDs(ctx context.Context) error {
	config := *c.view().config
	if config.IDs == nil {
		return nil
	}
	before := config.UidMappings
	if err := assignIDs(ctx, c.dir, &config); err != nil {
		return err
	}
	if !slices.Equal(before, config.UidMappings) {
		c.set(func(next *view) { next.config = &config })
	}
	return nil
}

// removeDir removes a container's directory, and with it its ids.
func removeDir(ctx context.Context, dir *statedir.Dir) error {
	held, ok, findErr := idpool.Find(idsDirOf(dir), dir.Path())
	if err := dir.Remove(); err != nil {
		return err
	}
	if ok && findErr == nil {
		// They are free already: what fails only leaves a file for others to remove.
		ctx, cancel := context.WithTimeout(ctx, releaseWait)
		defer cancel()
		_ = held.Release(ctx)
	}
	return nil
}
