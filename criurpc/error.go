package criurpc

import (
	"errors"
	"syscall"
)

// Op is a request of criu.
type Op string

// The requests.
const (
	OpVersion      Op = "version"
	OpCheck        Op = "check"
	OpFeatures     Op = "feature check"
	OpDump         Op = "dump"
	OpPreDump      Op = "pre-dump"
	OpRestore      Op = "restore"
	OpPageServer   Op = "page server"
	OpWaitPid      Op = "wait for the page server"
	OpLazyPages    Op = "lazy pages"
	OpCPUInfoDump  Op = "dump of cpu information"
	OpCPUInfoCheck Op = "check of cpu information"
	OpStart        Op = "start"
)

// Error is a request that has failed.
type Error struct {
	// Op is the request.
	Op Op

	// Stage is the last that criu had told, "" if there was none.
	Stage Stage

	// Errno is criu's cr_errno, 0 if it gave none. It is not in the chain of errors.Is: an
	// ENOENT of criu may be that of any file.
	Errno syscall.Errno

	// Log are the last lines of criu's log that begin with "Error", the oldest first.
	Log []string

	// Killed says that criu was killed because it did not answer in time.
	Killed bool

	// Advice tells what to do, "" if nothing is known.
	Advice string

	// Err is the cause: a *Refusal, the context's error, how criu has ended, or what was
	// wrong with its answer. Without criu it is an exec.ErrNotFound or os.ErrNotExist. It is
	// ErrFailed if criu answered that it has failed.
	Err error
}

// ErrFailed says that criu itself has answered that it has failed.
var ErrFailed = errors.New("criu has failed")

func (e *Error) Error() string { return "" }

func (e *Error) Unwrap() error { return e.Err }

// Refusal is a stage that Request.Notify has refused.
type Refusal struct {
	Stage Stage
	Err   error
}

func (r *Refusal) Error() string { return "" }

func (r *Refusal) Unwrap() error { return r.Err }
