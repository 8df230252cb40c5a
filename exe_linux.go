// The sealed copy of an init program of the embedder's own.

package libcontainer

import (
	"os"
	"sync"

	"github.com/libcontainer/libcontainer/internal/image"
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
	f, err := image.Copy(path)
	if err != nil {
		return nil, err
	}
	s.file = f
	return f, nil
}
