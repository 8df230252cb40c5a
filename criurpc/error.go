package criurpc

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// Op is what was asked of criu.
type Op string

// The requests.
const (
	OpStart        Op = "start"
	OpVersion      Op = "version"
	OpCheck        Op = "check"
	OpFeatures     Op = "feature check"
	OpDump         Op = "dump"
	OpPreDump      Op = "pre-dump"
	OpRestore      Op = "restore"
	OpPageServer   Op = "page server"
	OpWaitPid      Op = "wait for the page server"
	OpLazyPages    Op = "lazy pages"
	OpCPUInfoDump  Op = "dump of CPU information"
	OpCPUInfoCheck Op = "check of CPU information"
)

var (
	// ErrFailed says that criu has answered that it has failed. Error.Log tells why.
	ErrFailed = errors.New("it has failed")

	// ErrDied says that criu has ended without an answer.
	ErrDied = errors.New("it has ended without an answer")

	// ErrProtocol says that what criu has sent is no answer to the request.
	ErrProtocol = errors.New("its answer cannot be understood")
)

// Error is a request that has failed.
type Error struct {
	// Op is the request.
	Op Op

	// Stage is the last that criu had told, "" if there was none.
	Stage Stage

	// Errno is criu's cr_errno, 0 if it gave none. It is not in the chain of errors.Is: an
	// ENOENT of criu's may be that of any file.
	Errno syscall.Errno

	// Log are the last lines of criu's log that tell errors, the oldest first. If it has no
	// log, they are the last that it has written to its standard error, and if there is nothing
	// either, the message that it has sent. There are none when criu has taken back what it did
	// because it was told to.
	Log []string

	// Killed says that criu was killed, because it had not answered in time. It then has taken
	// nothing back: a dump leaves the network locked and has thawed the tasks, a restore leaves
	// what it has mounted.
	Killed bool

	// Done says that criu has done the request nevertheless. What was refused was a stage at
	// which it does not go back.
	Done bool

	// Advice tells what to do, "" if nothing is known.
	Advice string

	// Err is the cause: a *Refusal, the context's error, ErrFailed, ErrDied or ErrProtocol. If
	// there is no criu, it is exec.ErrNotFound or os.ErrNotExist.
	Err error
}

func (e *Error) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "criu %s", e.Op)
	if refusal := (*Refusal)(nil); e.Stage != "" && !errors.As(e.Err, &refusal) {
		fmt.Fprintf(&text, ", stage %s", e.Stage)
	}
	fmt.Fprintf(&text, ": %v", e.Err)
	if e.Killed {
		text.WriteString(" (criu was killed, for it did not answer)")
	}
	if e.Done {
		text.WriteString(" (criu has done it nevertheless)")
	}
	if e.Errno != 0 {
		fmt.Fprintf(&text, ": errno %d, %v", int(e.Errno), e.Errno)
	}
	if len(e.Log) > 0 {
		fmt.Fprintf(&text, ": %s", strings.TrimRight(strings.Join(e.Log, "; "), "."))
	}
	if e.Advice != "" {
		fmt.Fprintf(&text, ": %s", e.Advice)
	}
	return text.String()
}

func (e *Error) Unwrap() error { return e.Err }

// Refusal is a stage that Request.Notify has refused.
type Refusal struct {
	Stage Stage
	Err   error // what Notify has returned
}

func (r *Refusal) Error() string { return fmt.Sprintf("refused at %s: %v", r.Stage, r.Err) }

func (r *Refusal) Unwrap() error { return r.Err }
