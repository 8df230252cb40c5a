// The host's side: handing descriptors to another program, see SCM_RIGHTS in
// unix(7).

package libcontainer

import (
	"context"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// sendFile connects to the unix socket of that path and sends it one message: the
// payload, with the file. It gives up with the context.
func sendFile(ctx context.Context, path string, payload []byte, f *os.File) error {
	fail := func(err error) error { return fmt.Errorf("send descriptor to socket %s: %w", path, err) }
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	if err != nil {
		return fail(err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	raw, err := f.SyscallConn()
	if err != nil {
		return fail(err)
	}
	var sendErr error
	err = raw.Control(func(fd uintptr) {
		_, _, sendErr = conn.(*net.UnixConn).WriteMsgUnix(payload, unix.UnixRights(int(fd)), nil)
	})
	switch {
	case context.Cause(ctx) != nil:
		return fail(context.Cause(ctx))
	case err != nil:
		return fail(err)
	case sendErr != nil:
		return fail(sendErr)
	}
	return nil
}
