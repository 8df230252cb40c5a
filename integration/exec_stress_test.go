package integration

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/libcontainer/libcontainer"
)

// stress is many processes in many containers from many goroutines.
type stress struct {
	t          *testing.T
	containers []libcontainer.LinuxContainer
	mean       atomic.Int64 // nanoseconds that a process takes which is not cancelled, about

	done, noStart, noWait atomic.Int64 // with its status, and cancelled in Start and in Wait
}

func TestManyExecsInManyContainers(t *testing.T) {
	checkLeaks(t)
	s := &stress{t: t}
	factory, rootfs := newFactory(t), newRootfs(t)
	for i := range lives(t, 100) {
		id := "stress-" + itoa(i)
		container, err := factory.Create(id, configFor(rootfs, id))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := container.Destroy(); err != nil {
				t.Errorf("destroy: %v", err)
			}
		})
		startBlocked(t, container)
		s.containers = append(s.containers, linux(container))
	}
	s.mean.Store(int64(5 * time.Millisecond)) // what comes first is cancelled in Start
	numbers := make(chan int)
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for n := range numbers {
				s.exec(n)
			}
		})
	}
	total := lives(t, 1000)
	for n := range total {
		numbers <- n
	}
	close(numbers)
	wg.Wait()
	done, noStart, noWait := s.done.Load(), s.noStart.Load(), s.noWait.Load()
	t.Logf("%d ended in time, %d were cancelled in Start and %d in Wait; one takes %s",
		done, noStart, noWait, time.Duration(s.mean.Load()))
	if done+noStart+noWait != int64(total) || noStart == 0 || noWait == 0 {
		t.Errorf("%d ended in time, %d were cancelled in Start and %d in Wait; want %d together, and some of each", done, noStart, noWait, total)
	}
	for _, c := range s.containers {
		if pids, err := c.Processes(); err != nil || len(pids) != 1 {
			t.Errorf("container %s has processes %v, error %v; want its init", c.ID(), pids, err)
		}
	}
}

// exec runs the n-th process, which has a status and an output of its own. Every
// second one is cancelled: by turns at some time, before which it may end, and when it
// has started, and cannot end before.
func (s *stress) exec(n int) {
	c := s.containers[n%len(s.containers)]
	status := n % 200
	p, out := shell("cat; echo " + itoa(n) + "; exit " + itoa(status))
	r, w, err := os.Pipe()
	if err != nil {
		s.t.Error(err)
		return
	}
	defer r.Close()
	defer w.Close()
	p.Stdin = r
	ctx, cancel := s.t.Context(), func() {}
	cancelled, started := n%2 == 1, n%4 == 3
	switch {
	case started:
		ctx, cancel = context.WithCancel(ctx)
	case cancelled:
		ctx, cancel = context.WithTimeout(ctx, rand.N(2*time.Duration(s.mean.Load())))
	}
	defer cancel()
	if !started {
		w.Close() // it ends when it has begun
	}
	begin := time.Now()
	if err := c.StartContext(ctx, p); err != nil {
		s.noStart.Add(1)
		if !cancelled || !errors.Is(err, context.DeadlineExceeded) {
			s.t.Errorf("process %d: start: %v", n, err)
		}
		return
	}
	if started {
		go cancel()
	}
	state, err := p.WaitContext(ctx)
	if cancelled && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		s.noWait.Add(1)
		w.Close()
		state, err = p.Wait()
	} else {
		s.done.Add(1)
	}
	if !cancelled {
		s.mean.Store((s.mean.Load()*15 + int64(time.Since(begin))) / 16)
	}
	if state == nil || state.ExitCode() != status || out.stdout.String() != itoa(n)+"\n" {
		s.t.Errorf("process %d: state %v, error %v, output %q; want exit status %d", n, state, err, out.stdout.String(), status)
	}
}
