package criurpc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"github.com/checkpoint-restore/go-criu/v8/rpc"

	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/internal/unixsock"
)

// maxMessage bounds what criu can say at once.
const maxMessage = 128 << 10

// errSilent is why criu is killed.
var errSilent = errors.New("no answer in time")

// call is a request, from its sending to its answer.
type call struct {
	p      *Process
	op     Op
	notify func(*Notification) error

	stage   Stage          // the last that criu has told
	refused error          // what a stage has been refused with
	late    error          // what Notify has returned at a stage that cannot be refused
	first   *pidfd.Process // the first task of a restore
	buf     []byte
}

// do sends a request and gives the answer, which tells success. The process has ended then, unless
// criu is to wait for another request.
//
// If both are there, the answer and an error, criu has done what it was asked for
// nevertheless.
func (c *call) do(ctx context.Context, req *rpc.CriuReq) (resp *rpc.CriuResp, err error) {
	defer func() { c.first.Close() }()
	kept := false
	defer func() {
		if !kept { // also if Notify panics
			c.p.criu.kill()
			c.p.finish(true)
		}
	}()
	resp, err = c.exchange(ctx, req)
	if err == nil && resp.GetSuccess() {
		if kept = true; !req.GetKeepOpen() {
			c.p.finish(false)
		}
		return resp, c.doneNevertheless()
	}
	return nil, c.fail(resp, err)
}

// doneNevertheless is the error of a request that has succeeded although a stage was refused.
func (c *call) doneNevertheless() error {
	err := c.refused
	if err == nil {
		err = c.late
	}
	if err == nil {
		return nil
	}
	return &Error{Op: c.op, Stage: c.stage, Err: err, Done: true}
}

// fail waits for criu's end, leaves nothing of it, and tells what has happened.
func (c *call) fail(resp *rpc.CriuResp, err error) error {
	silent := errors.Is(err, errSilent)
	if silent || errors.Is(err, errDying) { // nothing else makes it go on
		c.p.criu.kill()
	}
	c.p.hangUp() // as good as a refusal of whatever it tells next
	end := c.p.criu.reap(true)
	e := &Error{Op: c.op, Stage: c.stage, Killed: silent || errors.Is(err, errDying) || c.p.criu.killed}
	if c.first != nil {
		endTask(c.first, c.p.criu.grace)
	}
	switch {
	case c.refused != nil: // all else has come of that
		e.Err = c.refused
	case errors.Is(err, io.EOF) && end != nil:
		e.Err = fmt.Errorf("%w: %w", ErrDied, end)
	case errors.Is(err, io.EOF):
		e.Err = ErrDied
	case err != nil:
		e.Err = err
	default:
		e.Err = ErrFailed
		e.Errno = syscall.Errno(max(0, resp.GetCrErrno()))
	}
	if c.refused == nil || e.Killed {
		e.quote(c.p.log, c.p.criu.output(), resp.GetCrErrmsg())
	}
	c.p.finish(true)
	return e
}

// quote fills in what criu itself tells of its errors.
func (e *Error) quote(log *os.File, output []byte, message string) {
	if log != nil {
		e.Log = errorLines(tail(log))
	}
	if len(e.Log) == 0 {
		e.Log = errorLines(output)
	}
	if len(e.Log) == 0 {
		e.Log = anyLines(output)
	}
	// The message is the first of the log's, often a warning of something else.
	if len(e.Log) == 0 && message != "" {
		e.Log = []string{clean([]byte(message))}
	}
	e.Advice = advise(e.Errno, e.Log)
}

// exchange sends a request, answers what criu asks, and returns the answer.
func (c *call) exchange(ctx context.Context, req *rpc.CriuReq) (*rpc.CriuResp, error) {
	if ctx.Err() != nil {
		return nil, ended(ctx)
	}
	if err := c.send(req); err != nil {
		return nil, err
	}
	for {
		resp, file, err := c.receive(ctx)
		if err != nil {
			return nil, err
		}
		if resp.GetType() != rpc.CriuReqType_NOTIFY {
			if file != nil {
				file.Close()
			}
			return resp, checkType(req, resp)
		}
		if !req.GetOpts().GetNotifyScripts() {
			if file != nil {
				file.Close()
			}
			return nil, fmt.Errorf("%w: it tells a stage, which nobody asked for", ErrProtocol)
		}
		accept := c.answer(ctx, resp.GetNotify(), file)
		kind := rpc.CriuReqType_NOTIFY
		if err := c.send(&rpc.CriuReq{Type: &kind, NotifySuccess: &accept}); err != nil {
			return nil, err
		}
	}
}

// ended tells that a context has ended, and why.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// checkType makes sure that an answer is one to the request. A page server that is a child answers
// as one that is not, and if criu cannot read the request at all, the answer is EMPTY.
func checkType(req *rpc.CriuReq, resp *rpc.CriuResp) error {
	got, want := resp.GetType(), req.GetType()
	switch {
	case got == want,
		got == rpc.CriuReqType_PAGE_SERVER && want == rpc.CriuReqType_PAGE_SERVER_CHLD,
		got == rpc.CriuReqType_EMPTY && !resp.GetSuccess():
		return nil
	}
	return fmt.Errorf("%w: it has the type %v, want %v", ErrProtocol, got, want)
}

// send never waits for long: criu has read all that came before.
func (c *call) send(req *rpc.CriuReq) error {
	data, err := req.MarshalVT()
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	err = unixsock.Send(context.Background(), c.p.socket, data)
	if errors.Is(err, syscall.EPIPE) {
		// criu has ended, or has hung up: what it has said before tells more.
		return nil
	}
	return err
}

// receive waits for what criu says next. When the context has ended, or a stage was refused, it
// waits for the grace period only.
func (c *call) receive(ctx context.Context) (*rpc.CriuResp, *os.File, error) {
	wait, giveUp := context.WithCancelCause(context.Background())
	defer giveUp(nil)
	hurry, hurryUp := context.WithCancel(ctx)
	defer hurryUp()
	if c.refused != nil {
		hurryUp()
	}
	defer context.AfterFunc(hurry, func() {
		timer := time.NewTimer(c.p.criu.grace)
		defer timer.Stop()
		select {
		case <-timer.C:
			if c.refused == nil {
				giveUp(fmt.Errorf("%w: %w", ended(ctx), errSilent))
			} else {
				giveUp(errSilent)
			}
		case <-wait.Done():
		}
	})()
	defer c.watchFirst(wait, giveUp)()
	if c.buf == nil {
		c.buf = make([]byte, maxMessage)
	}
	n, files, err := unixsock.Recv(wait, c.p.socket, c.buf, 1)
	switch {
	case errors.Is(err, unixsock.ErrTruncated):
		return nil, nil, fmt.Errorf("%w: more than %d bytes or one descriptor: %w", ErrProtocol, maxMessage, err)
	case errors.Is(err, syscall.ECONNRESET):
		return nil, nil, io.EOF // criu has ended without reading all
	case err != nil:
		return nil, nil, err
	}
	var file *os.File
	if len(files) > 0 {
		file = files[0]
	}
	resp := new(rpc.CriuResp)
	if err := resp.UnmarshalVT(c.buf[:n]); err != nil {
		if file != nil {
			file.Close()
		}
		return nil, nil, fmt.Errorf("%w: %d bytes: %w", ErrProtocol, n, err)
	}
	return resp, file, nil
}

// A restore that has failed can hang: criu kills the first task and waits for it, which as
// init of a pid namespace waits for others to be reaped (pid_namespaces(7)), and those criu traces,
// and does not reap. The kernel tells of no task that it is dying, only when it has died.
const (
	dyingInterval = 50 * time.Millisecond
	dyingTimeout  = 500 * time.Millisecond
)

var errDying = errors.New("the first task has been dying for too long")

// watchFirst gives up when the first task of a restore is dying and criu says nothing, until the returned
// function is called.
func (c *call) watchFirst(ctx context.Context, giveUp context.CancelCauseFunc) (stop func()) {
	first := c.first.Clone()
	if first == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer first.Close()
		tick := time.NewTicker(dyingInterval)
		defer tick.Stop()
		for since := time.Duration(0); since < dyingTimeout; {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if dying, err := first.Dying(); err == nil && dying {
				since += dyingInterval
			}
		}
		giveUp(errDying)
	}()
	return func() {
		cancel()
		<-done
	}
}

// answer tells whether criu may go on. It closes the file.
func (c *call) answer(ctx context.Context, note *rpc.CriuNotify, file *os.File) bool {
	n := &Notification{Stage: Stage(clean([]byte(note.GetScript()))), Pid: int(max(0, note.GetPid())), File: file}
	defer func() {
		if n.File != nil {
			n.File.Close()
		}
	}()
	if c.refused != nil {
		return n.Stage.final() // that what is being taken back may go on
	}
	c.stage = n.Stage
	if c.op == OpRestore && n.Pid > 0 && c.first == nil {
		c.first = c.p.criu.task(n.Pid)
	}
	if n.Stage.final() {
		if c.notify != nil {
			if err := c.notify(n); err != nil && c.late == nil {
				c.late = &Refusal{n.Stage, err}
			}
		}
		return true
	}
	if ctx.Err() == nil && c.notify != nil {
		if err := c.notify(n); err != nil {
			c.refused = &Refusal{n.Stage, err}
		}
	}
	if c.refused == nil && ctx.Err() != nil {
		c.refused = ended(ctx)
	}
	return c.refused == nil
}
