package initproc

import (
	"os"
	"testing"

	"github.com/moby/sys/user"
)

func threads(t *testing.T) int {
	t.Helper()
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

func TestSpareThreads(t *testing.T) {
	makeSpareThreads()
	before := threads(t)
	if before < spareThreads+1 {
		t.Errorf("%d threads, want those to spare, and this one", before)
	}
	for range 10 {
		makeSpareThreads()
	}
	if after := threads(t); after > before+spareThreads {
		t.Errorf("%d threads, and then %d: they are not used again", before, after)
	}
}

func TestLimitsThreads(t *testing.T) {
	root, other := &user.ExecUser{}, &user.ExecUser{Uid: 1}
	paths, files := map[string]string{"pids": "/cg/pids/c"}, []string{"/cg/pids/c/tasks"}
	for name, tt := range map[string]struct {
		config Config
		user   *user.ExecUser
		want   bool
	}{
		"enters alone":        {Config{CgroupPaths: paths, ExecCgroups: files}, root, false},
		"is moved":            {Config{CgroupPaths: paths}, root, true},
		"limited by v2":       {Config{CgroupPaths: map[string]string{"": "/cg/c"}, ExecCgroups: files}, root, true},
		"no cgroup":           {Config{}, root, true},
		"another user":        {Config{CgroupPaths: paths, ExecCgroups: files}, other, true},
		"root of a namespace": {Config{CgroupPaths: paths, ExecCgroups: files, InUserNS: true}, root, true},
	} {
		if got := tt.config.limitsThreads(tt.user); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
