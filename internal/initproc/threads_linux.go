// The container's side: threads of Go's runtime.

package initproc

import (
	"runtime"
	"sync"

	"github.com/moby/sys/user"
)

// spareThreads is how many threads the runtime may come to want, with GOMAXPROCS=1,
// while the calling one does system calls: one that looks for work when a call takes
// long, and for the agent of a filter that notifies two more processors' worth.
const spareThreads = 3

// limitsThreads tells whether a limit on tasks may hit the runtime's threads before
// execve. None does if only the calling thread enters the cgroup that limits them,
// for it is locked, and the runtime makes no thread from one that is; and if the user
// is the host's root, to whom RLIMIT_NPROC does not apply (getrlimit(2)). Threads to
// spare cost a start, and more so its execve, some hundred microseconds.
func (c *Config) limitsThreads(u *user.ExecUser) bool {
	entersAlone := len(c.ExecCgroups) > 0 && c.CgroupPaths["pids"] != ""
	return !entersAlone || u.Uid != 0 || c.InUserNS
}

// makeSpareThreads lets the runtime have threads that do nothing, so that it makes no
// more. Where the container's tasks are limited, by its cgroup or RLIMIT_NPROC, the
// runtime could not, and would abort. They end with execve.
func makeSpareThreads() {
	var started, done sync.WaitGroup
	end := make(chan struct{})
	for range spareThreads {
		started.Add(1)
		done.Go(func() {
			runtime.LockOSThread() // so that no two share one
			defer runtime.UnlockOSThread()
			started.Done()
			<-end
		})
	}
	started.Wait()
	close(end)
	done.Wait()
}
