// The host's side: the sealed copy of the program that init is.

package libcontainer

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// sealedCopies are copies of init programs of the embedder's own, which all starts
// share. A copy, because a container that runs as root could otherwise open
// /proc/self/exe of its init and write to the program; sealed, so that not even the copy
// can be changed (memfd_create(2), fcntl(2) F_ADD_SEALS). A failure is not kept: the
// program may be there the next time.
type sealedCopies struct {
	mu   sync.Mutex
	file *os.File
}

func (s *sealedCopies) get(path string) (*os.File, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.file != nil {
		return s.file, nil
	}
	f, err := sealedCopy(path)
	if err != nil {
		return nil, err
	}
	s.file = f
	return f, nil
}

// sealedName is the name of a copy, see memfd_create(2).
const sealedName = "libcontainer-init"

func sealedCopy(path string) (*os.File, error) {
	src, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("make sealed copy of the init program: %w", err)
	}
	defer src.Close()
	fd, err := memfdExec(sealedName)
	if err != nil {
		return nil, fmt.Errorf("make sealed copy of %s: memfd_create: %w", path, err)
	}
	memfd := os.NewFile(uintptr(fd), sealedName)
	if _, err := io.Copy(memfd, src); err != nil {
		memfd.Close()
		return nil, fmt.Errorf("make sealed copy of %s: %w", path, err)
	}
	if err := memfd.Chmod(0o555); err != nil {
		memfd.Close()
		return nil, fmt.Errorf("make sealed copy of %s: %w", path, err)
	}
	seals := unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	if _, err := unix.FcntlInt(memfd.Fd(), unix.F_ADD_SEALS, seals); err != nil {
		memfd.Close()
		return nil, fmt.Errorf("seal the copy of %s: %w", path, err)
	}
	return memfd, nil
}

// memfdExec asks for an executable memfd in so many words, which Linux 6.3 and
// later want where the sysctl vm.memfd_noexec is 1; older kernels know no other.
func memfdExec(name string) (int, error) {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	fd, err := unix.MemfdCreate(name, flags|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) {
		return unix.MemfdCreate(name, flags)
	}
	return fd, err
}
