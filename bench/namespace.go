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
// it again there: only a process with one thread can change for good. It returns in the new one.
//
// The hybrid cgroup layout loses its cgroup v2 part there, for crun refuses to run with it, and all
// are to be measured on the same. The host's mounts stay as they are.
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
	if err := dropUnified(); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	err = unix.Exec(self, os.Args, append(os.Environ(), privateMark))
	return fmt.Errorf("execute %s again: %w", self, err)
}

// dropUnified unmounts the cgroup v2 part of a hybrid layout in the own mount namespace.
func dropUnified() error {
	var stat unix.Statfs_t
	err := unix.Statfs(unifiedMount, &stat)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("statfs %s: %w", unifiedMount, err)
	}
	if stat.Type != unix.CGROUP2_SUPER_MAGIC {
		return nil
	}
	if err := unix.Unmount(unifiedMount, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", unifiedMount, err)
	}
	return nil
}

// workDirectory is a tmpfs of the own mount namespace, as /run is for runtimes. It is removed with
// the function given.
func workDirectory() (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp("", "libcontainer-bench-")
	if err != nil {
		return "", nil, err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=700"); err != nil {
		return "", nil, errors.Join(fmt.Errorf("mount tmpfs on %s: %w", dir, err), os.Remove(dir))
	}
	remove = func() error {
		return errors.Join(unix.Unmount(dir, unix.MNT_DETACH), os.Remove(dir))
	}
	return dir, remove, nil
}
