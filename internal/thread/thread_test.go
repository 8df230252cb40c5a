package thread

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// The tests' goroutines start on the first thread.
func init() { runtime.LockOSThread() }

func TestMain(m *testing.M) {
	// With the first thread free for whoever asks, somebody gets it.
	runtime.UnlockOSThread()
	os.Exit(m.Run())
}

func TestNeverTheFirstThread(t *testing.T) {
	var mu sync.Mutex
	first := 0
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			_ = Do(func() error {
				mu.Lock()
				defer mu.Unlock()
				if unix.Gettid() == os.Getpid() {
					first++
				}
				return nil
			})
		})
	}
	all.Wait()
	if first > 0 {
		t.Errorf("%d of 200 ran on the first thread", first)
	}
}

// What a function does to its thread is gone with it.
func TestThreadEnds(t *testing.T) {
	failed := errors.New("failed")
	var tid int
	err := Do(func() error {
		tid = unix.Gettid()
		if err := unix.Prctl(unix.PR_SET_NAME, uintptr(0), 0, 0, 0); err == nil {
			return errors.New("a name at address 0 was taken")
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	for unix.Tgkill(os.Getpid(), tid, 0) == nil {
		runtime.Gosched() // it is ending
	}
}
