// The host's side: what this machine's criu and kernel can do.

package libcontainer

import (
	"context"
	"fmt"

	"github.com/libcontainer/libcontainer/criurpc"
)

// CriuFeatures tells, without a container, what Checkpoint and Restore can do on this machine:
// the versions of criu and of the kernel, whether memory can be saved in rounds (MemTrack, for
// PreDump) or restored when it is touched (LazyPages), and which programs criu would call and
// finds. [criurpc.Features.Missing] says in words what is missing for a purpose, and what
// to do. Checkpoint and Restore ask by themselves, and refuse what cannot be done before
// anything is frozen or made.
//
// It executes criu some times, which takes some tenths of a second, and keeps nothing: the answer is
// of now.
//
// errors:
// SystemError - System error; there is no criu (os.ErrNotExist), or it gives no answer
// (*criurpc.Error). A criu that answers, and is too old or does not go together with the kernel, is
// no error: see Features.Version and Features.Problem.
func (l *LinuxFactory) CriuFeatures(ctx context.Context) (*criurpc.Features, error) {
	features, err := l.criu().Probe(ctx)
	if err != nil {
		return nil, newSystemError(fmt.Errorf("ask criu what it can do: %w", err))
	}
	return features, nil
}
