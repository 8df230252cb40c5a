// The container's side: threads of Go's runtime.

package initproc

import (
	"runtime"
	"sync"
)

// spareThreads is how many threads the runtime may come to want, with GOMAXPROCS=1,
// while the calling one does system calls: one that looks for work when a call takes
// long, and for the agent of a filter that notifies two more processors' worth.
const spareThreads = 3

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
