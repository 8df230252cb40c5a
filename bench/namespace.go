package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"

	"golang.org/x/sys/unix"
)

const (
	cgroupRoot   = "/sys/fs/cgroup"
	unifiedMount = cgroupRoot + "/unified"
	// privateMark tells the re-executed harness that its mount namespace is its own.
	privateMark = "LIBCONTAINER_BENCH_PRIVATE=1"
)

// enterPrivateMounts puts the whole harness into a mount namespace of its own, once, by executing
// it again there: only a process with one thread can change for good. It returns in the new one. The
// host's mounts stay as they are.
func enterPrivateMounts() error {
	if slices.Contains(os.Environ(), privateMark) {
		return nil
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("new mount namespace: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make all mounts private: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	err = unix.Exec(self, os.Args, append(os.Environ(), privateMark))
	return fmt.Errorf("execute %s again: %w", self, err)
}

// hasHybridUnified tells whether the machine has the cgroup v2 part of a hybrid layout.
func hasHybridUnified() bool {
	var stat unix.Statfs_t
	return unix.Statfs(unifiedMount, &stat) == nil && stat.Type == unix.CGROUP2_SUPER_MAGIC
}

// place is a thread in a mount namespace without the cgroup v2 part of the hybrid layout: crun refuses
// to run with it. What is started there is there, too. The nil place is where everybody is.
type place struct{ jobs chan func() }

func newPlace() (*place, error) {
	p := &place{jobs: make(chan func())}
	entered := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		err := dropUnified()
		entered <- err
		if err != nil {
			return
		}
		for job := range p.jobs {
			job()
		}
	}()
	return p, <-entered
}

// dropUnified takes the calling thread to a mount namespace of its own and unmounts it there.
func dropUnified() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("new mount namespace: %w", err)
	}
	if err := unix.Unmount(unifiedMount, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", unifiedMount, err)
	}
	return nil
}

// do returns when the job is done.
func (p *place) do(job func()) {
	if p == nil {
		job()
		return
	}
	done := make(chan struct{})
	p.jobs <- func() {
		defer close(done)
		job()
	}
	<-done
}

func (p *place) close() {
	if p != nil {
		close(p.jobs)
	}
}

// newPlacedServant is newServant in a place, which ends at once: the program keeps the namespace.
func newPlacedServant(program string, args ...string) (s *servant, err error) {
	p, err := newPlace()
	if err != nil {
		return nil, err
	}
	p.do(func() { s, err = newServant(program, args...) })
	p.close()
	return s, err
}

// workDirectory is a tmpfs of the own mount namespace, as /run is for runtimes. Others may pass through
// to what is open to them. It is removed with the function given.
func workDirectory() (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp("", "libcontainer-bench-")
	if err != nil {
		return "", nil, err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=711"); err != nil {
		return "", nil, errors.Join(fmt.Errorf("mount tmpfs on %s: %w", dir, err), os.Remove(dir))
	}
	remove = func() error {
		return errors.Join(unix.Unmount(dir, unix.MNT_DETACH), os.Remove(dir))
	}
	return dir, remove, nil
}
