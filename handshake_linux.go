// The host's side: the frames that the host exchanges with the preamble and with
// init while a process starts.

package libcontainer

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/initproc"
	"github.com/libcontainer/libcontainer/internal/pidfd"
	"github.com/libcontainer/libcontainer/internal/unixsock"
)

// awaitInit serves the preamble until it has cloned init.
func (l *launch) awaitInit() error {
	if err := l.deadline(time.Now().Add(helloTimeout)); err != nil {
		return err
	}
	for {
		kind, payload, err := l.read()
		if err != nil {
			return err
		}
		switch kind {
		case initproc.KindMapIDs:
			if err := writeIDMaps(l.stage.Pid, l.config, l.denySetgroups); err != nil {
				return err
			}
			if err := l.write(initproc.KindGo, nil); err != nil {
				return err
			}
		case initproc.KindPid:
			return l.adoptInit(payload)
		default:
			return fmt.Errorf("unexpected frame %d from the preamble", kind)
		}
	}
}

// adoptInit takes the process that the preamble has cloned as our child.
func (l *launch) adoptInit(payload []byte) error {
	if len(payload) != 8 {
		return fmt.Errorf("the preamble's report has %d bytes, want 8", len(payload))
	}
	pid := int(int32(binary.NativeEndian.Uint32(payload)))
	l.hook = binary.NativeEndian.Uint32(payload[4:]) != 0
	var err error
	if l.init, err = os.FindProcess(pid); err != nil {
		return fmt.Errorf("find init process %d: %w", pid, err)
	}
	if l.ref, err = pidfd.Open(pid); err != nil {
		return err
	}
	if !l.join {
		l.c.m.Lock()
		l.c.init = l.ref
		l.c.m.Unlock()
	}
	return l.chownStdio()
}

// chownStdio looks up root in the user namespace that init has come to be in,
// which may be one that it has joined.
func (l *launch) chownStdio() error {
	if !l.config.Namespaces.Contains(configs.NEWUSER) {
		return nil
	}
	uid, err := hostRootID(l.ref.Pid(), "uid_map")
	if err != nil {
		return err
	}
	gid, err := hostRootID(l.ref.Pid(), "gid_map")
	if err != nil {
		return err
	}
	return l.stdio.chown(uid, gid)
}

// handshake leads init to the user's program.
func (l *launch) handshake(payload []byte) error {
	l.step = stepBoot
	if !l.join { // while Go boots in init:
		if err := l.setUpNetworks(); err != nil {
			return err
		}
	}
	early := l.entersEarly()
	if early {
		if err := l.enterEarly(); err != nil {
			return err
		}
	}
	if err := l.writeWith(initproc.KindConfig, payload, l.joins.all()); err != nil {
		return err
	}
	if !l.join {
		// Init runs no program before we let it, and dies if we do.
		if err := l.c.saveState(); err != nil {
			return err
		}
	}
	if !l.hook {
		// The deadline of awaitInit holds until here.
		if err := l.expect(initproc.KindHello); err != nil {
			return err
		}
	}
	if err := l.deadline(time.Time{}); err != nil {
		return err
	}
	l.step = stepSetUp
	if !early {
		if err := l.enterCgroups(cgroups.StageSetup); err != nil {
			return err
		}
	}
	if err := setOomScoreAdj(l.ref.Pid(), l.config.OomScoreAdj); err != nil {
		return err
	}
	if err := l.awaitReady(); err != nil {
		return err
	}
	if err := l.enterCgroups(cgroups.StageExec); err != nil {
		return err
	}
	if l.process.handOver != nil {
		if err := l.process.handOver(l.ctx); err != nil {
			return err
		}
	}
	if l.prepare {
		if err := l.write(initproc.KindGo, nil); err != nil {
			return err
		}
		return l.expect(initproc.KindPrepared)
	}
	return l.execute()
}

// execute lets an init that is ready, or prepared, become the user's program.
func (l *launch) execute() error {
	l.step = stepExec
	if err := l.write(initproc.KindGo, nil); err != nil {
		return err
	}
	if err := l.expect(initproc.KindExec); err != nil {
		return err
	}
	return l.awaitExec()
}

// awaitReady serves init until it has set up the container.
func (l *launch) awaitReady() error {
	for {
		kind, payload, err := l.read()
		if err != nil {
			return err
		}
		switch kind {
		case initproc.KindReady:
			return nil
		case initproc.KindHooks:
			if err := l.runCreateHooks(); err != nil {
				return err
			}
			if err := l.write(initproc.KindGo, nil); err != nil {
				return err
			}
		case initproc.KindMapMount:
			if err := l.mapMount(payload); err != nil {
				return err
			}
		default:
			return fmt.Errorf("unexpected frame %d from init, want that it is ready", kind)
		}
	}
}

// entersEarly tells whether init enters its cgroups before it knows of them.
func (l *launch) entersEarly() bool {
	return !l.join && l.c.cgroups.EntersEarly()
}

// enterEarly moves init into its cgroups while it boots. One that has died of
// something else could not enter, and that is not the reason.
func (l *launch) enterEarly() error {
	err := l.enterCgroups(cgroups.StageSetup)
	if err == nil || !l.ref.Ended() {
		return err
	}
	if _, _, err := l.read(); err != nil {
		return err
	}
	return errDied
}

// enterCgroups moves init into its cgroups.
func (l *launch) enterCgroups(stage cgroups.Stage) error {
	if len(l.joins.all()) > 0 {
		return nil // it does so by itself
	}
	before := l.c.cgroups.GetPaths()
	if err := l.c.cgroups.Enter(l.ref.Pid(), stage); err != nil {
		return err
	}
	if l.join || maps.Equal(before, l.c.cgroups.GetPaths()) {
		return nil
	}
	return l.c.saveState() // an optional one could not be entered, or they are made only now
}

// retrier gives what has been read of a frame again, when a deadline has passed in
// the middle of it: the frame may be the one that tells of a process which must be
// reaped. It reads no byte more than it is asked for.
type retrier struct {
	read []byte
	next int
}

func (r *retrier) from(src io.Reader) io.Reader {
	return readerFunc(func(p []byte) (n int, err error) {
		if r.next == len(r.read) {
			n, err = src.Read(p)
			r.read = append(r.read, p[:n]...)
		} else {
			n = copy(p, r.read[r.next:])
		}
		r.next += n
		return n, err
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// readFrame reads a frame, from its beginning if the last one failed.
func (l *launch) readFrame() (initproc.Kind, []byte, error) {
	l.frame.next = 0
	kind, payload, err := initproc.ReadFrame(l.frame.from(l.pipe))
	if err == nil {
		l.frame.read = l.frame.read[:0]
	}
	return kind, payload, err
}

// read reads a frame. A failure that the other side reports, and its end, come
// back as errors.
func (l *launch) read() (initproc.Kind, []byte, error) {
	kind, payload, err := l.readFrame()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, syscall.ECONNRESET):
		return 0, nil, errDied
	case err != nil:
		return 0, nil, fmt.Errorf("read from init pipe: %w", err)
	case kind == initproc.KindError:
		return 0, nil, preambleError(payload)
	case kind == initproc.KindFailed:
		failure := new(initproc.Failure)
		if err := json.Unmarshal(payload, failure); err != nil {
			return 0, nil, fmt.Errorf("decode failure of init: %w", err)
		}
		if failure.Invalid {
			return 0, nil, invalid(failure)
		}
		return 0, nil, failure
	}
	return kind, payload, nil
}

func (l *launch) expect(want initproc.Kind) error {
	kind, _, err := l.read()
	if err != nil {
		return err
	}
	if kind != want {
		return fmt.Errorf("unexpected frame %d from init, want %d", kind, want)
	}
	return nil
}

func (l *launch) write(kind initproc.Kind, payload []byte) error {
	return l.writeWith(kind, payload, nil)
}

// writeWith writes a frame, with files. If init is dead, what it said before says more
// than the broken pipe.
func (l *launch) writeWith(kind initproc.Kind, payload []byte, files []*os.File) error {
	socket := writerFunc(func(b []byte) (int, error) { return len(b), unixsock.Send(l.ctx, l.pipe, b, files...) })
	err := initproc.WriteFrame(socket, kind, payload)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		if _, _, rerr := l.read(); rerr != nil {
			return rerr
		}
		return errDied
	}
	if err != nil {
		return fmt.Errorf("write to init pipe: %w", err)
	}
	return nil
}

// preambleError decodes the C side's report: an errno and the step's text.
func preambleError(payload []byte) error {
	if len(payload) < 4 {
		return errors.New("the preamble failed and did not say why")
	}
	errno := syscall.Errno(binary.NativeEndian.Uint32(payload))
	return fmt.Errorf("%s: %w", strings.ToValidUTF8(string(payload[4:]), "?"), errno)
}
