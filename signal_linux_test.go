package libcontainer

import (
	"fmt"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

// gone is of a cgroup that another process removes while it is read.
type gone struct {
	cgroups.Driver
	errno unix.Errno
}

func (gone) GetPaths() map[string]string { return map[string]string{"": "/sys/fs/cgroup/gone"} }

func (g gone) GetAllPids() ([]int, error) { return nil, fmt.Errorf("read cgroup.procs: %w", g.errno) }

func TestListPidsOfRemovedCgroup(t *testing.T) {
	for errno, fails := range map[unix.Errno]bool{unix.ENOENT: false, unix.ENODEV: false, unix.EACCES: true} {
		v := &view{phase: phaseRunning, config: &configs.Config{Cgroups: new(configs.Cgroup)}, cgroups: gone{errno: errno}}
		if pids, err := v.listPids(); (err != nil) != fails || pids != nil {
			t.Errorf("%v: %v, error %v", errno, pids, err)
		}
	}
}
