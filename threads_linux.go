// The host's side: whether there may be too few tasks for the threads of init.

package libcontainer

import (
	"slices"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// limitsTasks tells whether a limit of this container on tasks may hit the threads
// of Go's runtime in init: then they have to be made before, which takes a tenth of
// an exec's time. The paths are those of its cgroups.
func (l *launch) limitsTasks(paths map[string]string) bool {
	if slices.ContainsFunc(l.rlimits(), func(r configs.Rlimit) bool { return r.Type == unix.RLIMIT_NPROC }) {
		return true
	}
	cg := l.config.Cgroups
	v1 := paths["pids"] != ""
	switch {
	case v1 && len(l.joins.exec) > 0:
		// The thread that executes the program enters alone. It is locked, and the
		// runtime makes no thread from one that is.
		return false
	case l.join:
		// By a move one enters a cgroup that is full; the one it was born in had room.
		return v1 || !l.born
	case len(cg.Paths) > 0:
		return true // who knows
	case cg.Resources == nil:
		return false
	}
	_, unified := cg.Resources.Unified["pids.max"]
	most := cg.Resources.PidsLimit
	return unified || most > 0 && most < cgroups.SetupTasks
}
