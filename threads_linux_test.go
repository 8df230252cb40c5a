package libcontainer

import (
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

func TestLimitsTasks(t *testing.T) {
	v1 := map[string]string{"pids": "/cg/pids/c", "memory": "/cg/memory/c"}
	v2 := map[string]string{"": "/cg/c"}
	hybrid := map[string]string{"": "/cg/unified/c", "pids": "/cg/pids/c"}
	alone := joinFiles{exec: []*os.File{os.Stdin}}
	limit := func(most int64) *configs.Resources { return &configs.Resources{PidsLimit: most} }
	tasks := []configs.Rlimit{{Type: unix.RLIMIT_NPROC, Soft: 10, Hard: 10}}
	for name, tt := range map[string]struct {
		paths   map[string]string
		cgroup  configs.Cgroup
		rlimits []configs.Rlimit
		process Process
		launch  launch
		want    bool
	}{
		"no limit":              {paths: v2},
		"a high one":            {paths: v2, cgroup: configs.Cgroup{Resources: limit(100)}},
		"a low one":             {paths: v2, cgroup: configs.Cgroup{Resources: limit(5)}, want: true},
		"none, expressly":       {paths: v2, cgroup: configs.Cgroup{Resources: limit(-1)}},
		"unified":               {paths: v2, cgroup: configs.Cgroup{Resources: &configs.Resources{Unified: map[string]string{"pids.max": "9"}}}, want: true},
		"enters alone":          {paths: v1, cgroup: configs.Cgroup{Resources: limit(5)}, launch: launch{joins: alone}},
		"is moved":              {paths: v1, cgroup: configs.Cgroup{Resources: limit(5)}, want: true},
		"alone, but v2 limits":  {paths: v2, cgroup: configs.Cgroup{Resources: limit(5)}, launch: launch{joins: alone}, want: true},
		"cgroups of others":     {paths: v2, cgroup: configs.Cgroup{Paths: v2}, want: true},
		"further, born inside":  {paths: v2, cgroup: configs.Cgroup{Resources: limit(5)}, launch: launch{join: true, born: true}},
		"further, moved":        {paths: v2, launch: launch{join: true}, want: true},
		"further, enters alone": {paths: v1, launch: launch{join: true, joins: alone}},
		"further, in both":      {paths: hybrid, launch: launch{join: true, born: true}, want: true},
		"rlimit":                {paths: v1, rlimits: tasks, launch: launch{joins: alone}, want: true},
		"the process's own":     {paths: v1, process: Process{Rlimits: tasks}, launch: launch{joins: alone}, want: true},
		"the process has none":  {paths: v1, rlimits: tasks, process: Process{Rlimits: []configs.Rlimit{}}, launch: launch{joins: alone}},
	} {
		l := tt.launch
		l.config = &configs.Config{Cgroups: &tt.cgroup, Rlimits: tt.rlimits}
		l.process = &tt.process
		if got := l.limitsTasks(tt.paths); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
