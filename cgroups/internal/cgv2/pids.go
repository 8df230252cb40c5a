//go:build linux

package cgv2

import (
	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgread"
	"github.com/libcontainer/libcontainer/configs"
)

const pidsMax = "pids.max"

// pids is the controller of the number of tasks.
type pids struct{ plain }

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

func (pids) late() []string { return []string{pidsMax} }

// set writes the limit late. That it may then be below the number of init's
// threads does not matter: those end with execve.
func (pids) set(s *setter, r *configs.Resources) error {
	return s.writeLate("PidsLimit", pidsMax, limitText(r.PidsLimit))
}

func (pids) stats(c *Cgroup, stats *cgroups.Stats) (err error) {
	p := &stats.PidsStats
	if p.Current, err = cgread.Uint(c.Dir, "pids.current"); err != nil {
		return err
	}
	if p.Limit, err = cgread.Limit(c.Dir, pidsMax); err != nil {
		return err
	}
	events, err := cgread.KeyValues(c.Dir, "pids.events")
	p.Failcnt = events["max"]
	return err
}
