package criurpc

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/checkpoint-restore/go-criu/v8/rpc"

	"github.com/libcontainer/libcontainer/internal/descriptor"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// PageServer is a criu that receives the memory of a dump and writes it into its images.
type PageServer struct {
	Pid  int // of the process that receives
	Port int // where it listens

	criu   *Process
	server *pidfd.Process
	log    *os.File
}

// PageServer starts one (PAGE_SERVER_CHLD) at the address and port of Opts.Ps. For the port 0
// criu chooses one. The server ends after one connection, and the caller calls Wait or Close.
func (c *Criu) PageServer(ctx context.Context, r *Request) (*PageServer, error) {
	var s *PageServer
	err := c.with(ctx, OpPageServer, r, func(p *Process, ctx context.Context, r *Request) (err error) {
		s, err = p.pageServer(ctx, r)
		return err
	})
	return s, err
}

func (p *Process) pageServer(ctx context.Context, r *Request) (*PageServer, error) {
	resp, err := p.ask(ctx, OpPageServer, rpc.CriuReqType_PAGE_SERVER_CHLD, r, true)
	if err != nil {
		return nil, err
	}
	s := &PageServer{Pid: int(resp.GetPs().GetPid()), Port: int(resp.GetPs().GetPort()), criu: p}
	// It is a child of criu, which does not reap it before it is asked to.
	if s.server, err = pidfd.Open(s.Pid); err == nil {
		s.log, err = reopen(p.log)
	}
	if err != nil {
		s.server.Close()
		p.Close()
		return nil, &Error{Op: OpPageServer, Err: err}
	}
	return s, nil
}

// Wait waits until the server has ended: it has got all the memory of a dump, or has failed. If
// the context ends before, the server is ended. Wait is called once.
func (s *PageServer) Wait(ctx context.Context) error {
	defer s.Close()
	defer context.AfterFunc(ctx, func() { _ = s.server.Signal(unix.SIGKILL) })()
	kind, pid := rpc.CriuReqType_WAIT_PID, uint32(s.Pid)
	c := &call{p: s.criu, op: OpWaitPid}
	// Not with ctx: criu answers when the server has ended, which cannot take long then.
	resp, err := c.do(context.WithoutCancel(ctx), &rpc.CriuReq{Type: &kind, Pid: &pid})
	status := unix.WaitStatus(resp.GetStatus())
	if err == nil && status == 0 {
		return nil
	}
	e := &Error{Op: OpWaitPid}
	switch {
	case ctx.Err() != nil:
		e.Err = ended(ctx)
	case err != nil:
		return err
	case status.Signaled():
		e.Err = fmt.Errorf("%w: the page server has got the signal: %v", ErrFailed, status.Signal())
	default:
		e.Err = fmt.Errorf("%w: the page server has ended with exit status %d", ErrFailed, status.ExitStatus())
	}
	e.quote(s.log, nil, "")
	return e
}

// Close ends the server if it still runs.
func (s *PageServer) Close() error {
	_ = s.server.Signal(unix.SIGKILL)
	s.server.Close()
	s.log.Close()
	return s.criu.Close()
}

// reopen gives another descriptor of a file.
func reopen(f *os.File) (*os.File, error) {
	fd, err := descriptor.Duplicate(f)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
