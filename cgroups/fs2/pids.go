//go:build linux

package fs2

import (
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

const pidsMax = "pids.max"

// pids is the controller of the number of tasks.
type pids struct{}

func (pids) name() string { return "pids" }

func (pids) asks(r *configs.Resources) (request, string) {
	switch {
	case r.PidsLimit > 0:
		return required, "PidsLimit"
	case r.PidsLimit < 0:
		// Without the controller there is no limit either.
		return welcome, "PidsLimit"
	}
	return nothing, ""
}

// set writes the limit late. That it may then be below the number of init's
// threads does not matter: those end with execve.
func (pids) set(s *setter, r *configs.Resources) error {
	return s.writeLate("PidsLimit", pidsMax, limitText(r.PidsLimit))
}

func (pids) stats(r *reader, stats *cgroups.Stats) (err error) {
	p := &stats.PidsStats
	if p.Current, err = cgread.Uint(r.dir, "pids.current"); err != nil {
		return err
	}
	if p.Limit, err = cgread.Limit(r.dir, pidsMax); err != nil {
		return err
	}
	events, err := cgread.KeyValues(r.dir, "pids.events")
	p.Failcnt = events["max"]
	return err
}
