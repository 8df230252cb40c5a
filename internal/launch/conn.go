package launch

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/internal/descriptor"
	"github.com/libcontainer/libcontainer/internal/program"
	"github.com/libcontainer/libcontainer/internal/unixsock"
)

var (
	// ErrClosed says that the other end is closed: the process has become another
	// program, or has died.
	ErrClosed = errors.New("the init pipe is closed")

	// ErrStop is what a handler returns to end Serve without an error.
	ErrStop = errors.New("stop serving")
)

// maxMessage is the largest message that is accepted.
const maxMessage = 1 << 20

// Conn is the host's end of an init pipe. It is used by one goroutine at a time.
type Conn struct {
	pipe  *os.File
	ctx   context.Context
	seq   uint32
	lists map[uint32]*program.Program
	known map[uint32]program.Handler

	head []byte // of a message, as far as it has been read
	fds  []int  // that have come with it
	lost bool   // descriptors have come with it for which this process had no room
	buf  []byte
}

// NewPipe makes an init pipe: the host's end, and the child's, which is close-on-exec.
func NewPipe() (host, child *os.File, err error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("make init pipe: %w", err)
	}
	// Non-blocking, so that the runtime's poller waits and deadlines work.
	if err := unix.SetNonblock(pair[0], true); err != nil {
		unix.Close(pair[0])
		unix.Close(pair[1])
		return nil, nil, fmt.Errorf("make init pipe: %w", err)
	}
	host, child = os.NewFile(uintptr(pair[0]), "init pipe"), os.NewFile(uintptr(pair[1]), "init pipe")
	// os.NewFile gives a file without the poller where anything fails.
	if err := host.SetDeadline(time.Time{}); err != nil {
		host.Close()
		child.Close()
		return nil, nil, fmt.Errorf("make init pipe: %w", err)
	}
	return host, child, nil
}

// NewConn makes a connection of the host's end of an init pipe, which it then owns.
// All that waits at it fails when the context ends.
func NewConn(ctx context.Context, pipe *os.File) *Conn {
	return &Conn{pipe: pipe, ctx: ctx, lists: make(map[uint32]*program.Program)}
}

// Handle serves the messages with that id, of whatever list.
func (c *Conn) Handle(id uint32, h program.Handler) {
	if c.known == nil {
		c.known = make(map[uint32]program.Handler)
	}
	c.known[id] = h
}

// Keep makes the connection know a list that another one has sent, by its number.
func (c *Conn) Keep(seq uint32, p *program.Program) { c.lists[seq] = p }

// Close closes the pipe.
func (c *Conn) Close() error {
	c.drop()
	for _, list := range c.lists {
		list.Forget()
	}
	clear(c.lists)
	return c.pipe.Close()
}

func (c *Conn) drop() {
	for _, fd := range c.fds {
		unix.Close(fd)
	}
	c.fds = nil
}

// Watch makes all that waits fail when the context ends. The returned function ends
// that.
func (c *Conn) Watch() (stop func()) {
	done := make(chan struct{})
	stopped := context.AfterFunc(c.ctx, func() {
		defer close(done)
		_ = c.pipe.SetDeadline(time.Unix(1, 0))
	})
	return func() {
		if !stopped() {
			<-done
		}
	}
}

// Until bounds the reads, whether the context has ended or not.
func (c *Conn) Until(t time.Time) { _ = c.pipe.SetReadDeadline(t) }

// Bound bounds the reads; the zero time is no bound.
func (c *Conn) Bound(t time.Time) error {
	if err := c.pipe.SetReadDeadline(t); err != nil {
		return fmt.Errorf("set deadline of init pipe: %w", err)
	}
	// The context may have set its own just before.
	return context.Cause(c.ctx)
}

// Send sends a list.
func (c *Conn) Send(p *program.Program) error {
	c.seq++
	c.lists[c.seq] = p
	list, files := p.Message(c.seq)
	defer p.Sent()
	return c.Write(list, files...)
}

// CloseWrite ends what the other end can read.
func (c *Conn) CloseWrite() error {
	return descriptor.Control(c.pipe, func(fd int) error { return unix.Shutdown(fd, unix.SHUT_WR) })
}

// Drain serves messages until the other end is closed or the time has come, whatever
// the handlers say, and whether the context has ended or not.
func (c *Conn) Drain(until time.Time) {
	if err := c.pipe.SetReadDeadline(until); err != nil {
		return
	}
	for {
		kind, payload, fds, lost, err := c.read()
		if err != nil {
			return
		}
		_ = c.serve(kind, payload, fds, lost)
	}
}

// Seq is the number of the list that was sent last.
func (c *Conn) Seq() uint32 { return c.seq }

// Last is the list that was sent last.
func (c *Conn) Last() *program.Program { return c.lists[c.seq] }

// Write sends bytes, with the first of them the files. If the other end is closed,
// what it has said before that is the better error.
func (c *Conn) Write(b []byte, files ...*os.File) error {
	// Watch sets the deadlines that end this; Drain wants to go on after the context.
	err := unixsock.Send(context.Background(), c.pipe, b, files...)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		if rerr := c.Serve(); rerr != nil {
			return rerr
		}
		return ErrClosed
	}
	if err != nil {
		return fmt.Errorf("write to init pipe: %w", c.caused(err))
	}
	return nil
}

// caused gives the context's cause for an error of a deadline that it has set.
func (c *Conn) caused(err error) error {
	if cause := context.Cause(c.ctx); cause != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return cause
	}
	return err
}

// Serve serves messages until a handler stops it, a failure is reported, or the other
// end is closed: then the error is ErrClosed.
func (c *Conn) Serve() error {
	for {
		kind, payload, fds, lost, err := c.read()
		if err != nil {
			return err
		}
		err = c.serve(kind, payload, fds, lost)
		if errors.Is(err, ErrStop) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// serve handles a message, some descriptors of which may have been lost: then the handler
// gets none, and the error is EMFILE besides what the handler says.
func (c *Conn) serve(kind uint32, payload []byte, fds []int, lost bool) error {
	handed := false
	defer func() {
		if !handed {
			closeAll(fds)
		}
	}()
	order := binary.NativeEndian
	switch {
	case kind == program.KindFailed && len(payload) == 12:
		errno, seq, index := syscall.Errno(order.Uint32(payload)), order.Uint32(payload[4:]), order.Uint32(payload[8:])
		if errno > 4095 {
			errno = syscall.EINVAL
		}
		list := c.lists[seq]
		if list == nil {
			return fmt.Errorf("read list %d of system calls: %w", seq, errno)
		}
		return list.Error(index, errno)
	case kind == program.KindAsk && len(payload) >= 8:
		seq, id := order.Uint32(payload), order.Uint32(payload[4:])
		h := c.known[id]
		if list := c.lists[seq]; h == nil && list != nil {
			h = list.Handler(id)
		}
		if h == nil {
			return fmt.Errorf("unexpected request %d of list %d on the init pipe", id, seq)
		}
		handed = true
		answer, err := h(payload[8:], fds)
		if lost {
			return errors.Join(err, fmt.Errorf("receive descriptors from the init pipe: %w", syscall.EMFILE))
		}
		if err != nil {
			return err
		}
		if answer == nil {
			return nil
		}
		return c.Send(answer)
	}
	return fmt.Errorf("unexpected message of kind %d and %d bytes on the init pipe", kind, len(payload))
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}

// read reads a message. What has been read of one when a deadline passes is kept for
// the next call.
func (c *Conn) read() (kind uint32, payload []byte, fds []int, lost bool, err error) {
	for len(c.head) < program.MessageHeader {
		if err := c.more(program.MessageHeader - len(c.head)); err != nil {
			return 0, nil, nil, false, err
		}
	}
	length := int(binary.NativeEndian.Uint32(c.head[4:]))
	if length > maxMessage {
		return 0, nil, nil, false, fmt.Errorf("a message of %d bytes on the init pipe is over the limit of %d", length, maxMessage)
	}
	for len(c.head) < program.MessageHeader+length {
		if err := c.more(program.MessageHeader + length - len(c.head)); err != nil {
			return 0, nil, nil, false, err
		}
	}
	kind = binary.NativeEndian.Uint32(c.head)
	payload = append([]byte(nil), c.head[program.MessageHeader:]...)
	fds, lost = c.fds, c.lost
	c.head, c.fds, c.lost = c.head[:0], nil, false
	return kind, payload, fds, lost, nil
}

// maxPassed is how many descriptors may come with a message.
const maxPassed = 8

// more reads up to n bytes more of a message, and the descriptors that come with them.
func (c *Conn) more(n int) error {
	if cap(c.buf) < n {
		c.buf = make([]byte, max(n, 4096))
	}
	got, fds, err := unixsock.RecvFds(context.Background(), c.pipe, c.buf[:n], maxPassed)
	c.fds = append(c.fds, fds...)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return ErrClosed
	case errors.Is(err, unixsock.ErrTruncated) && got > 0:
		c.lost = true // what the message says may matter all the same
	case err != nil:
		return fmt.Errorf("read from init pipe: %w", c.caused(err))
	case len(c.fds) > maxPassed:
		c.drop()
		return fmt.Errorf("read from init pipe: more than %d descriptors came with one message: %w", maxPassed, io.ErrShortBuffer)
	}
	c.head = append(c.head, c.buf[:got]...)
	return nil
}

// Fill reads what comes without the form of a message, as from a program of the classic
// protocol, until b has n bytes. What has come before an error is in the result, too.
func (c *Conn) Fill(b []byte, n int) ([]byte, error) {
	for len(b) < n {
		chunk := make([]byte, n-len(b))
		got, err := c.pipe.Read(chunk)
		b = append(b, chunk[:got]...)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET):
			return b, ErrClosed
		case err != nil:
			return b, fmt.Errorf("read from init pipe: %w", c.caused(err))
		}
	}
	return b, nil
}
