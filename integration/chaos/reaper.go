// The supervisor's children: those that it starts, and the orphans of those.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reaper waits for all children of this process. Nothing else in it may.
type reaper struct {
	mu       sync.Mutex
	children map[int]*child
	idle     chan struct{} // closed while there is no child
	wake     chan struct{}
}

// child is a process that has been started, as opposed to an orphan.
type child struct {
	*os.Process
	ended  chan struct{}
	status syscall.WaitStatus
}

// newReaper makes this process the parent of all orphans among its descendants,
// see prctl(2), PR_SET_CHILD_SUBREAPER.
func newReaper() (*reaper, error) {
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("become the parent of orphans: %w", err)
	}
	r := &reaper{children: make(map[int]*child), idle: make(chan struct{}), wake: make(chan struct{}, 1)}
	go r.reap()
	return r, nil
}

func (r *reaper) reap() {
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.ECHILD):
			r.rest()
		case err == nil:
			r.bury(pid, status)
		}
	}
}

// rest waits for the next child to be started. While there is none, no orphan can
// come: all descendants descend from a child.
func (r *reaper) rest() {
	r.mu.Lock()
	if len(r.children) > 0 { // it has just been started
		r.mu.Unlock()
		return
	}
	close(r.idle)
	r.mu.Unlock()
	<-r.wake
}

func (r *reaper) bury(pid int, status syscall.WaitStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.children[pid]; c != nil {
		delete(r.children, pid)
		c.status = status
		close(c.ended)
	}
}

// start runs this program in another role. It dies with the supervisor.
func (r *reaper) start(role, argument string, env []string, files ...*os.File) (*child, error) {
	// A parent, for Pdeathsig, is a thread (PR_SET_PDEATHSIG(2const)).
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	r.mu.Lock()
	defer r.mu.Unlock()
	p, err := os.StartProcess("/proc/self/exe", []string{"chaos", role, argument}, &os.ProcAttr{
		Env:   env,
		Files: files,
		Sys:   &syscall.SysProcAttr{Setpgid: true},
	})
	if err != nil {
		return nil, fmt.Errorf("start the %s: %w", role, err)
	}
	c := &child{Process: p, ended: make(chan struct{})}
	if len(r.children) == 0 {
		select {
		case <-r.idle:
			r.idle = make(chan struct{})
			r.wake <- struct{}{}
		default: // the reaper has something to wait for, or has not looked yet
		}
	}
	r.children[p.Pid] = c
	return c, nil
}

// awaitIdle waits until there is no descendant.
func (r *reaper) awaitIdle(ctx context.Context) error {
	r.mu.Lock()
	idle := r.idle
	r.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wait waits for the end of a child. One that takes too long is made to show what
// its goroutines do, and killed.
func (c *child) wait(ctx context.Context) (syscall.WaitStatus, error) {
	select {
	case <-c.ended:
		return c.status, nil
	case <-ctx.Done():
	}
	const timeToDump = 10 * time.Second
	_ = c.Signal(syscall.SIGQUIT)
	select {
	case <-c.ended:
	case <-time.After(timeToDump):
		_ = c.Kill()
		<-c.ended
	}
	return c.status, context.Cause(ctx)
}
