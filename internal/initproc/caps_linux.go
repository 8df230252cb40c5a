// The container's side: capabilities and credentials of the calling thread.

package initproc

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

func setgroups(gids []int) error {
	list := make([]uint32, len(gids)+1) // never empty: its address is taken
	for i, gid := range gids {
		list[i] = uint32(gid)
	}
	_, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(gids)), uintptr(unsafe.Pointer(&list[0])), 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// dropBounding takes all capabilities but those of the mask from the bounding
// set. It needs CAP_SETPCAP and so comes before the user changes.
func dropBounding(mask uint64) error {
	for c := range uintptr(64) {
		if mask&(1<<c) != 0 {
			continue
		}
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) {
			return nil // beyond the kernel's last capability
		}
		if err != nil {
			return fmt.Errorf("drop capability %d from the bounding set: %w", c, err)
		}
	}
	return nil
}

func setCapabilities(m CapabilityMasks) error {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	for i := range data {
		shift := 32 * i
		data[i] = unix.CapUserData{
			Effective:   uint32(m.Effective >> shift),
			Permitted:   uint32(m.Permitted >> shift),
			Inheritable: uint32(m.Inheritable >> shift),
		}
	}
	if err := unix.Capset(&hdr, &data[0]); err != nil {
		return fmt.Errorf("set capabilities (permitted %#x): %w", m.Permitted, err)
	}
	for c := range uintptr(64) {
		if m.Ambient&(1<<c) == 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c, 0, 0); err != nil {
			return fmt.Errorf("raise ambient capability %d: %w", c, err)
		}
	}
	return nil
}
