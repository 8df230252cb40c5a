// Both sides: the frames on the init pipe.

package initproc

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Kind is the type of a frame on the init pipe. The first four are known to the
// C preamble too (preamble.h).
type Kind uint32

const (
	KindPid    Kind = 1  // to the host: pid of init, whether the hook is linked
	KindError  Kind = 2  // to the host: errno and text of the step that failed in the preamble
	KindMapIDs Kind = 3  // to the host: write the id mappings
	KindGo     Kind = 4  // to init: go on
	KindConfig Kind = 5  // to init: what to set up, see Config.Encode
	KindReady  Kind = 6  // to the host: all is set up that needs no cgroup
	KindFailed Kind = 7  // to the host: a Failure, as JSON
	KindExec   Kind = 8  // to the host: execve comes next
	KindHooks  Kind = 10 // to the host: run the hooks that come before the root changes
	KindHello  Kind = 9  // to the host: a program without the hook calls StartInitialization

	KindPrepared Kind = 11 // to the host: waits to be released, see Config.ReleaseFd
	KindListener Kind = 14 // to the host: give the seccomp listener, whose descriptor comes next, to the agent
	KindMapMount Kind = 15 // to the host: map the ids of a mount, whose descriptor comes next
)

// maxFrame bounds what a reader allocates for a frame that the other side, or
// somebody who got hold of it, announces.
const maxFrame = 64 << 20

// WriteFrame writes one frame with a single write.
func WriteFrame(w io.Writer, kind Kind, payload []byte) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("frame %d: %d bytes are over the limit of %d", kind, len(payload), maxFrame)
	}
	buf := make([]byte, 8, 8+len(payload))
	binary.NativeEndian.PutUint32(buf, uint32(kind))
	binary.NativeEndian.PutUint32(buf[4:], uint32(len(payload)))
	_, err := w.Write(append(buf, payload...))
	return err
}

// ReadFrame reads one frame. At the end of the stream it returns io.EOF, in the
// middle of a frame io.ErrUnexpectedEOF.
func ReadFrame(r io.Reader) (Kind, []byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	kind := Kind(binary.NativeEndian.Uint32(head[:]))
	n := binary.NativeEndian.Uint32(head[4:])
	if n > maxFrame {
		return 0, nil, fmt.Errorf("frame %d: length %d is over the limit of %d", kind, n, maxFrame)
	}
	if n == 0 {
		return kind, nil, nil
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(r, payload); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, nil, err
	}
	return kind, payload, nil
}
