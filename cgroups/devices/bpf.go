//go:build linux

package devices

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The structures below are parts of the kernel's union bpf_attr, see bpf(2) and
// linux/bpf.h. The kernel takes what is left out at the end as zero. Pointers are
// 64 bits there, as on the machines that this library supports.

type loadAttr struct {
	kind    uint32
	count   uint32
	code    unsafe.Pointer
	license unsafe.Pointer
	_       [24]byte // the verifier's log, the kernel's version, flags
	name    [unix.BPF_OBJ_NAME_LEN]byte
}

type attachAttr struct {
	target   uint32
	program  uint32
	kind     uint32
	flags    uint32
	replaced uint32
}

type queryAttr struct {
	target   uint32
	kind     uint32
	_        [2]uint32 // flags
	programs unsafe.Pointer
	count    uint32
	_        uint32
}

type openAttr struct {
	id uint32
}

type infoAttr struct {
	program uint32
	size    uint32
	info    unsafe.Pointer
}

// programInfo is the beginning of the kernel's struct bpf_prog_info.
type programInfo struct {
	kind uint32
	_    [60]byte
	name [unix.BPF_OBJ_NAME_LEN]byte
}

// bpf is bpf(2), with one of the structures above.
func bpf[attr any](command int, a *attr) (int, error) {
	for {
		n, _, errno := unix.Syscall(unix.SYS_BPF, uintptr(command), uintptr(unsafe.Pointer(a)), unsafe.Sizeof(*a))
		runtime.KeepAlive(a)
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR, unix.EAGAIN: // the verifier gives up at a signal
			continue
		}
		return -1, errno
	}
}

// program is a file descriptor of a loaded program. The kernel makes all of them
// close-on-exec.
type program int

func (p program) close() {
	unix.Close(int(p))
}

func closeAll(programs []program) {
	for _, p := range programs {
		p.close()
	}
}

// load gives a program to the kernel. It needs no helper functions of the kernel,
// so that its license does not matter to it.
func load(name string, code []instruction) (program, error) {
	license := []byte("Apache-2.0\x00")
	a := loadAttr{
		kind:    unix.BPF_PROG_TYPE_CGROUP_DEVICE,
		count:   uint32(len(code)),
		code:    unsafe.Pointer(unsafe.SliceData(code)),
		license: unsafe.Pointer(unsafe.SliceData(license)),
	}
	copy(a.name[:len(a.name)-1], name)
	fd, err := bpf(unix.BPF_PROG_LOAD, &a)
	runtime.KeepAlive(code)
	runtime.KeepAlive(license)
	if err != nil {
		return -1, fmt.Errorf("load an eBPF program of %d instructions: %w", len(code), explain(err))
	}
	return program(fd), nil
}

// attach adds a program to those of a cgroup, or puts it in the place of one of
// them if replaced is not negative.
func attach(dirFd int, p, replaced program) error {
	a := attachAttr{target: uint32(dirFd), program: uint32(p), kind: unix.BPF_CGROUP_DEVICE, flags: unix.BPF_F_ALLOW_MULTI}
	if replaced >= 0 {
		a.flags |= unix.BPF_F_REPLACE
		a.replaced = uint32(replaced)
	}
	_, err := bpf(unix.BPF_PROG_ATTACH, &a)
	if errors.Is(err, unix.EPERM) {
		// Who may not attach may not load either, and has not come here.
		err = fmt.Errorf("%w (somebody's program in the cgroup or one above admits no others beside it)", err)
	}
	if err != nil {
		return fmt.Errorf("attach the eBPF program to the cgroup: %w", err)
	}
	return nil
}

func detach(dirFd int, p program) error {
	_, err := bpf(unix.BPF_PROG_DETACH, &attachAttr{target: uint32(dirFd), program: uint32(p), kind: unix.BPF_CGROUP_DEVICE})
	if err != nil {
		return fmt.Errorf("detach the eBPF program from the cgroup: %w", explain(err))
	}
	return nil
}

// query returns the ids of the programs that are attached to a cgroup itself.
func query(dirFd int) ([]uint32, error) {
	ids := make([]uint32, 64) // as many as the kernel lets attach to one cgroup
	a := queryAttr{
		target:   uint32(dirFd),
		kind:     unix.BPF_CGROUP_DEVICE,
		programs: unsafe.Pointer(unsafe.SliceData(ids)),
		count:    uint32(len(ids)),
	}
	_, err := bpf(unix.BPF_PROG_QUERY, &a)
	runtime.KeepAlive(ids)
	if err != nil {
		return nil, fmt.Errorf("query the eBPF programs of the cgroup: %w", explain(err))
	}
	return ids[:min(int(a.count), len(ids))], nil
}

// openAll opens the programs among ids that are called name.
func openAll(ids []uint32, name string) ([]program, error) {
	var found []program
	for _, id := range ids {
		p, err := openNamed(id, name)
		if err != nil {
			closeAll(found)
			return nil, fmt.Errorf("find out whose eBPF program %d is: %w", id, err)
		}
		if p >= 0 {
			found = append(found, p)
		}
	}
	return found, nil
}

// openNamed opens the program with an id. It returns -1 if the program has
// another name, or is gone.
func openNamed(id uint32, name string) (program, error) {
	fd, err := bpf(unix.BPF_PROG_GET_FD_BY_ID, &openAttr{id: id})
	if errors.Is(err, unix.ENOENT) {
		return -1, nil
	}
	if err != nil {
		return -1, explain(err)
	}
	p := program(fd)
	var info programInfo
	_, err = bpf(unix.BPF_OBJ_GET_INFO_BY_FD, &infoAttr{program: uint32(fd), size: uint32(unsafe.Sizeof(info)), info: unsafe.Pointer(&info)})
	if err != nil {
		p.close()
		return -1, err
	}
	found, _, _ := bytes.Cut(info.name[:], []byte{0})
	if string(found) != name {
		p.close()
		return -1, nil
	}
	return p, nil
}

// explain adds to an error of bpf(2) what the call needs.
func explain(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w (this needs CAP_SYS_ADMIN in the initial user namespace)", err)
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%w (this needs a kernel with CONFIG_BPF_SYSCALL and CONFIG_CGROUP_BPF)", err)
	}
	return err
}
