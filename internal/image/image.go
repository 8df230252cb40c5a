package image

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// The file's layout. Both segments are mapped from it, each at an address of its
// own; stateOffset and stateAddr are the same modulo the largest page size.
const (
	headerBytes = 64
	segments    = 3
	codeOffset  = headerBytes + 56*segments
	textAddr    = 0x10000000
	stateOffset = 0x1000
	stateAddr   = 0x20001000 // STATE of layout.h
	stateSize   = 0x1000
	pageAlign   = 0x10000
)

// elf returns the file of an init whose pipe is that descriptor: it is the first of
// the interpreter's registers, which begin the second segment.
func elf(pipe int) []byte {
	code := code()
	f := make([]byte, stateOffset+8)
	order := binary.LittleEndian
	// elf(5), Elf64_Ehdr
	copy(f, []byte{0x7f, 'E', 'L', 'F', 2 /* ELFCLASS64 */, 1 /* ELFDATA2LSB */, 1 /* EV_CURRENT */})
	order.PutUint16(f[16:], 2) // ET_EXEC
	order.PutUint16(f[18:], machine())
	order.PutUint32(f[20:], 1)
	order.PutUint64(f[24:], textAddr+codeOffset) // e_entry
	order.PutUint64(f[32:], headerBytes)         // e_phoff
	order.PutUint16(f[52:], headerBytes)
	order.PutUint16(f[54:], 56)
	order.PutUint16(f[56:], segments)

	const load, gnuStack, x, w, r = 1, 0x6474e551, 1, 2, 4
	segment := func(i int, typ, flags uint32, offset, addr, fileSize, memSize, align uint64) {
		p := f[headerBytes+56*i:] // Elf64_Phdr
		order.PutUint32(p, typ)
		order.PutUint32(p[4:], flags)
		order.PutUint64(p[8:], offset)
		order.PutUint64(p[16:], addr)
		order.PutUint64(p[24:], addr)
		order.PutUint64(p[32:], fileSize)
		order.PutUint64(p[40:], memSize)
		order.PutUint64(p[48:], align)
	}
	text := uint64(codeOffset + len(code))
	segment(0, load, r|x, 0, textAddr, text, text, pageAlign)
	segment(1, load, r|w, stateOffset, stateAddr, 8, stateSize, pageAlign)
	segment(2, gnuStack, r|w, 0, 0, 0, 0, 16)

	copy(f[codeOffset:], code)
	order.PutUint64(f[stateOffset:], uint64(pipe))
	return f
}

func machine() uint16 {
	if runtime.GOARCH == "arm64" {
		return 183 // EM_AARCH64
	}
	return 62 // EM_X86_64
}

// New makes the file of an init whose pipe will be that descriptor, which nobody can
// change any more. The descriptor is close-on-exec. The caller closes it.
func New(pipe int) (*os.File, error) {
	f, err := sealed(func(f *os.File) error {
		_, err := f.Write(elf(pipe))
		return err
	})
	if errors.Is(err, unix.EACCES) {
		// The sysctl vm.memfd_noexec is 2.
		return newOnTmpfs(pipe)
	}
	if err != nil {
		return nil, fmt.Errorf("make init image: %w", err)
	}
	return f, nil
}

// Copy makes a copy, in memory, of the program at a path, which nobody can change any
// more. The descriptor is close-on-exec. The caller closes it.
func Copy(path string) (*os.File, error) {
	src, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("make sealed copy of the init program: %w", err)
	}
	defer src.Close()
	f, err := sealed(func(f *os.File) error {
		if _, err := io.Copy(f, src); err != nil {
			return err
		}
		return f.Chmod(0o555)
	})
	if err != nil {
		return nil, fmt.Errorf("make sealed copy of %s: %w", path, err)
	}
	return f, nil
}

// sealed makes an executable file in memory that fill fills, and seals it against every
// change (fcntl(2), F_ADD_SEALS).
func sealed(fill func(*os.File) error) (*os.File, error) {
	fd, err := memfd()
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := fill(f); err != nil {
		f.Close()
		return nil, err
	}
	if err := seal(fd); err != nil {
		f.Close()
		return nil, fmt.Errorf("seal: %w", err)
	}
	return f, nil
}

// name is what /proc shows as the name of the file.
const name = "libcontainer-init"

// memfd asks for an executable file in so many words, which Linux 6.3 and later want
// where the sysctl vm.memfd_noexec is 1; older kernels know no other.
func memfd() (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		return unix.MemfdCreate(name, flags)
	}
	return fd, err
}

// sealTries is how often it is tried to seal a file whose pages are in use elsewhere, as
// those that the kernel is about to put on its lists are. It waits for about 0.15 seconds
// each time before it says so (EBUSY).
const sealTries = 20

func seal(fd int) (err error) {
	for range sealTries {
		if err = sealOnce(fd); !errors.Is(err, unix.EBUSY) {
			break
		}
	}
	return err
}

func sealOnce(fd int) error {
	const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	// F_SEAL_EXEC, Linux 6.3, fixes the mode.
	_, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals|unix.F_SEAL_EXEC)
	if errors.Is(err, unix.EINVAL) {
		_, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals)
	}
	return err
}
