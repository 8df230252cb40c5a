// The container's side: waiting, as the last thing but the program's start, until
// somebody on the host releases the process.

package initproc

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// awaitRelease waits at the socket for a connection through which a KindGo
// comes, and makes it the init pipe: from then on errors go to the one who
// released us, who need not be the one who started us. A connection that ends
// without a word, as of a process that died or only looked whether we wait, does
// nothing.
func awaitRelease(p pipe, listener int) error {
	if err := WriteFrame(p, KindPrepared, nil); err != nil {
		return fmt.Errorf("report that the process is prepared: %w", err)
	}
	for {
		conn, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC)
		if errors.Is(err, unix.EINTR) || errors.Is(err, unix.ECONNABORTED) {
			continue
		}
		if err != nil {
			return fmt.Errorf("wait to be released: accept: %w", err)
		}
		if waitGo(pipe(conn)) != nil {
			unix.Close(conn)
			continue
		}
		// The socket goes first: when it is gone, the release has begun.
		return errors.Join(unix.Close(listener), become(conn, int(p)))
	}
}

// become moves a descriptor to the number of another one.
func become(fd, number int) error {
	if err := unix.Dup3(fd, number, unix.O_CLOEXEC); err != nil {
		return fmt.Errorf("take over the init pipe: %w", err)
	}
	return unix.Close(fd)
}
