// Package unixsock passes descriptors to other programs, and gets some from them, over
// unix sockets: SCM_RIGHTS in unix(7).
package unixsock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
)

// ErrTruncated says that more has come than was asked for, or than there is room for: the
// kernel closes descriptors for which this process has no number free.
var ErrTruncated = errors.New("the message has more data or descriptors than expected, or than this process may have open")

// past is a deadline for those whose context has ended.
var past = time.Unix(1, 0)

// Send sends all of the data, at least one byte, and with its first byte the files,
// which stay open here.
//
// The socket is a non-blocking one, so that it waits in the runtime's poller. If the
// context ends, its deadline for writing has passed from then on, and some of the data
// may have been sent.
func Send(ctx context.Context, socket *os.File, data []byte, files ...*os.File) error {
	err := send(ctx, socket, data, files)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	if len(files) > 0 {
		return fmt.Errorf("send descriptors: %w", err)
	}
	return fmt.Errorf("send: %w", err)
}

func send(ctx context.Context, socket *os.File, data []byte, files []*os.File) error {
	conn, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	rights, err := encode(files)
	if err != nil {
		return err
	}
	defer runtime.KeepAlive(files)
	defer context.AfterFunc(ctx, func() { _ = socket.SetWriteDeadline(past) })()
	for {
		var n int
		var sendErr error
		err := conn.Write(func(fd uintptr) bool {
			n, sendErr = descriptor.Retry(func() (int, error) { return unix.SendmsgN(int(fd), data, rights, nil, unix.MSG_NOSIGNAL) })
			return !errors.Is(sendErr, unix.EAGAIN)
		})
		if err = errors.Join(err, sendErr); err != nil {
			return err
		}
		if data, rights = data[n:], nil; len(data) == 0 {
			return nil
		}
	}
}

// encode gives the control message for files.
func encode(files []*os.File) ([]byte, error) {
	if len(files) == 0 {
		return nil, nil
	}
	fds := make([]int, len(files))
	for i, f := range files {
		err := descriptor.Control(f, func(fd int) error {
			fds[i] = fd
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("descriptor of %s: %w", f.Name(), err)
		}
	}
	return unix.UnixRights(fds...), nil
}

// Recv receives what has come, up to the length of data, and the files that came with
// it, of which there may be so many. At the end of the stream the error is io.EOF. If
// there is an error, no file has stayed open.
//
// For the socket, and the context, see Send.
func Recv(ctx context.Context, socket *os.File, data []byte, most int) (n int, files []*os.File, err error) {
	n, fds, err := RecvFds(ctx, socket, data, most)
	if err != nil {
		return 0, nil, err
	}
	for _, fd := range fds {
		files = append(files, os.NewFile(uintptr(fd), "received descriptor"))
	}
	return n, files, nil
}

// RecvFds is Recv for those who want numbers, which are theirs to close. With
// ErrTruncated it tells how much of the data has come nevertheless.
func RecvFds(ctx context.Context, socket *os.File, data []byte, most int) (n int, fds []int, err error) {
	n, fds, err = recv(ctx, socket, data, most)
	if err == nil && len(fds) > most {
		err = ErrTruncated // the room for one may hold two
	}
	if err == nil && n == 0 && len(fds) == 0 && len(data) > 0 {
		return 0, nil, io.EOF
	}
	if err != nil {
		for _, fd := range fds {
			unix.Close(fd)
		}
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if !errors.Is(err, ErrTruncated) {
			n = 0
		}
		return n, nil, fmt.Errorf("receive descriptors: %w", err)
	}
	return n, fds, nil
}

// recv returns the descriptors that have come also if there is an error.
func recv(ctx context.Context, socket *os.File, data []byte, most int) (n int, fds []int, err error) {
	conn, err := socket.SyscallConn()
	if err != nil {
		return 0, nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(past) })()
	var control []byte
	if most > 0 {
		control = make([]byte, unix.CmsgSpace(4*most))
	}
	var controlLen, flags int
	var recvErr error
	err = conn.Read(func(fd uintptr) bool {
		n, recvErr = descriptor.Retry(func() (n int, err error) {
			n, controlLen, flags, _, err = unix.Recvmsg(int(fd), data, control, unix.MSG_CMSG_CLOEXEC)
			return n, err
		})
		return !errors.Is(recvErr, unix.EAGAIN)
	})
	if err = errors.Join(err, recvErr); err != nil {
		return 0, nil, err
	}
	fds, err = decode(control[:controlLen])
	if err == nil && flags&(unix.MSG_CTRUNC|unix.MSG_TRUNC) != 0 {
		err = ErrTruncated
	}
	return n, fds, err
}

// decode returns the descriptors of control messages. One that cannot be read does
// not hide the others.
func decode(control []byte) (fds []int, err error) {
	messages, err := unix.ParseSocketControlMessage(control)
	for i := range messages {
		rights, rightsErr := unix.ParseUnixRights(&messages[i])
		fds, err = append(fds, rights...), errors.Join(err, rightsErr)
	}
	return fds, err
}

// connectSlice bounds a single connect(2).
const connectSlice = 100 * time.Millisecond

// SendTo connects to the unix socket of that path and sends it one message: the data,
// with the file.
func SendTo(ctx context.Context, path string, data []byte, file *os.File) error {
	fd, err := connect(ctx, path)
	if err != nil {
		return fmt.Errorf("connect to socket %s: %w", path, err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return fmt.Errorf("connect to socket %s: %w", path, err)
	}
	socket := os.NewFile(uintptr(fd), path)
	defer socket.Close()
	if err := Send(ctx, socket, data, file); err != nil {
		return fmt.Errorf("socket %s: %w", path, err)
	}
	return nil
}

// connect waits for a place in the queue of connections. There is no polling for that
// (a non-blocking unix socket just says EAGAIN): the call gives up from time to time,
// to see whether the context has ended.
func connect(ctx context.Context, path string) (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	slice := unix.NsecToTimeval(int64(connectSlice))
	err = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &slice)
	for err == nil {
		if err = context.Cause(ctx); err != nil {
			break
		}
		_, err = descriptor.Retry(func() (int, error) { return 0, unix.Connect(fd, &unix.SockaddrUnix{Name: path}) })
		if err == nil {
			return fd, nil
		}
		if errors.Is(err, unix.EAGAIN) {
			err = nil
		}
	}
	unix.Close(fd)
	return -1, err
}
