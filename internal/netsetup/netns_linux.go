package netsetup

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// newNetlinkIn opens a netlink socket of another namespace: a socket stays in the
// namespace that it was made in.
func newNetlinkIn(ns *os.File) (h *netlink.Handle, err error) {
	err = inNamespace(ns, func() error {
		h, err = newNetlink()
		return err
	})
	return h, err
}

// inNamespace runs f in another network namespace, in a goroutine and on a thread of
// its own: whatever happens, the caller's thread stays where it is. A thread that cannot
// come back is not used again: it ends with its goroutine, which has it locked. One that
// can is kept, since the kernel takes the end of a thread for that of the parent of
// those whom it has started (PR_SET_PDEATHSIG in prctl(2)).
//
// Threads that Go makes meanwhile do not inherit the namespace. netlink.NewHandleAt does
// the same but would give a thread that cannot come back to other goroutines.
func inNamespace(ns *os.File, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		back, err := enter(ns)
		if err == nil {
			err = f()
			if back() != nil {
				done <- err
				return // with the thread
			}
		}
		runtime.UnlockOSThread()
		done <- err
	}()
	return <-done
}

// enter moves the calling thread to another network namespace; back moves it to where
// it was.
func enter(ns *os.File) (back func() error, err error) {
	own, err := openOwn()
	if err != nil {
		return nil, err
	}
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNET); err != nil {
		own.Close()
		return nil, fmt.Errorf("enter network namespace: %w", err)
	}
	return func() error {
		defer own.Close()
		return unix.Setns(int(own.Fd()), unix.CLONE_NEWNET)
	}, nil
}

func openOwn() (*os.File, error) {
	own, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return nil, fmt.Errorf("open own network namespace: %w", err)
	}
	return own, nil
}

// Pin mounts a network namespace on a file, which is made: with that it outlives the
// processes in it, and the program that has started them, until Unpin.
func Pin(ns *os.File, name string) error {
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		return fmt.Errorf("keep the network namespace: %w", err)
	}
	if err := unix.Mount(fmt.Sprintf("/proc/self/fd/%d", ns.Fd()), name, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("keep the network namespace: mount on %s: %w", name, err)
	}
	return nil
}

// Unpin undoes Pin, or what of it there is.
func Unpin(name string) error {
	err := unix.Unmount(name, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	// EINVAL: it is not mounted.
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("release the network namespace: unmount %s: %w", name, err)
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("release the network namespace: %w", err)
	}
	return nil
}

// OpenPinned opens a namespace that has been pinned; nil if it has not been, or no
// longer is since the host was booted.
func OpenPinned(name string) (*os.File, error) {
	ns, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the kept network namespace: %w", err)
	}
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(ns.Fd()), &st); err != nil {
		ns.Close()
		return nil, fmt.Errorf("statfs %s: %w", ns.Name(), err)
	}
	if st.Type != unix.NSFS_MAGIC {
		ns.Close()
		return nil, nil
	}
	return ns, nil
}
