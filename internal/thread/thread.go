// Package thread runs functions on threads that end with them: what these do to their
// thread, such as entering a namespace, reaches nobody else.
package thread

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Go runs f on a thread of its own, which is not used again, and returns at once. The
// thread is never the process's first: Go does not end that one (runtime.LockOSThread), and
// it is what /proc/self shows to others and to this program itself.
//
// Threads that Go makes meanwhile do not inherit what f does.
func Go(f func()) {
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		if unix.Gettid() != os.Getpid() {
			f()
			return
		}
		// Another goroutine gets another thread for as long as this one has the first.
		started := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(started)
			f()
		}()
		<-started
		runtime.UnlockOSThread()
	}()
}

// Do is Go until f returns.
func Do(f func() error) error {
	done := make(chan error)
	Go(func() { done <- f() })
	return <-done
}
