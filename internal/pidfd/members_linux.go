package pidfd

import (
	"errors"

	"golang.org/x/sys/unix"
)

// memberBatch is how many processes have a reference at once: there may be more of them
// than this program has free descriptors.
const memberBatch = 64

// EachMember calls call with references to all processes that list gives, those of a cgroup
// for example, some at a time, which are closed after that. It returns the first error.
//
// A pid on a list may have become that of another process when it is opened. One
// that is on the list again after that is not, or its process has ended.
func EachMember(list func() ([]int, error), call func([]*Process) error) error {
	pids, err := list()
	if err != nil {
		return err
	}
	for len(pids) > 0 {
		opened, tried, err := openSome(pids[:min(len(pids), memberBatch)])
		if err != nil {
			return err
		}
		pids = pids[tried:]
		if err := callWithMembers(opened, list, call); err != nil {
			return err
		}
	}
	return nil
}

// openSome opens references to the first processes of a list, and returns how many of
// the list it has been through. With few free descriptors it leaves half of them.
func openSome(pids []int) (opened []*Process, tried int, err error) {
	var through []int // for each opened one
	for i, pid := range pids {
		p, err := Open(pid)
		if errors.Is(err, ErrNoProcess) {
			continue
		}
		half := len(opened) / 2
		if noDescriptor(err) && half > 0 {
			CloseAll(opened[half:])
			return opened[:half], through[half-1], nil
		}
		if err != nil {
			CloseAll(opened)
			return nil, 0, err
		}
		opened, through = append(opened, p), append(through, i+1)
	}
	return opened, len(pids), nil
}

func noDescriptor(err error) bool { return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) }

// CloseAll gives up references.
func CloseAll(list []*Process) {
	for _, p := range list {
		p.Close()
	}
}

// callWithMembers calls call with those of opened that are on the list, and closes all.
func callWithMembers(opened []*Process, list func() ([]int, error), call func([]*Process) error) error {
	defer CloseAll(opened)
	if len(opened) == 0 {
		return nil
	}
	pids, err := list()
	if err != nil {
		return err
	}
	listed := make(map[int]bool, len(pids))
	for _, pid := range pids {
		listed[pid] = true
	}
	var members []*Process
	for _, p := range opened {
		if listed[p.Pid()] {
			members = append(members, p)
		}
	}
	return call(members)
}
