//go:build linux

package systemd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

const (
	// callTimeout bounds a call with all that is waited for: a job's end, or that
	// systemd comes back when it executes itself anew.
	callTimeout = 30 * time.Second

	// dialTimeout bounds the connection's set-up.
	dialTimeout = 10 * time.Second
)

// bus is what a Manager asks systemd for. The methods may be used concurrently.
type bus interface {
	// facts tells what there is to know about systemd.
	facts(ctx context.Context) (facts, error)

	// start makes and starts a transient unit, with others that are made with it,
	// and returns when it is active.
	start(ctx context.Context, unit string, props []sd.Property, aux []sd.PropertyCollection) error

	// stop stops a unit and returns when it is inactive. A unit that is not loaded
	// is no error.
	stop(ctx context.Context, unit string) error

	// set changes properties of a unit until it is stopped: all, or none.
	set(ctx context.Context, unit string, props []sd.Property) error

	// property returns a property that all units have.
	property(ctx context.Context, unit, name string) (any, error)

	// ref keeps systemd from forgetting a unit, until unref. One that it does not
	// have it loads.
	ref(ctx context.Context, unit string) error
	unref(ctx context.Context, unit string) error

	// attach moves processes into a unit's cgroup.
	attach(ctx context.Context, unit string, pid int) error
}

// facts are what the manager that is asked has to say about itself.
type facts struct {
	version int

	// root is the cgroup below which it has all of its own, "" for the root.
	root string

	// user tells a user's manager from the system's.
	user bool
}

// The names of errors that a Manager tells apart.
const (
	errUnitExists = "org.freedesktop.systemd1.UnitExists"
	errNoSuchUnit = "org.freedesktop.systemd1.NoSuchUnit"
)

// isBusError tells whether err is one of the errors with these names.
func isBusError(err error, names ...string) bool {
	var e dbus.Error
	var p *dbus.Error
	if errors.As(err, &p) {
		e = *p
	} else if !errors.As(err, &e) {
		return false
	}
	return slices.Contains(names, e.Name)
}

// denied tells whether systemd, or the bus, refuses the caller.
func denied(err error) bool {
	return isBusError(err, "org.freedesktop.DBus.Error.AccessDenied", "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired")
}

// away tells whether systemd was not there to answer, as while it executes itself
// anew, or died of the call.
func away(err error) bool {
	return isBusError(err, "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.ServiceUnknown",
		"org.freedesktop.DBus.Error.NameHasNoOwner", "org.freedesktop.DBus.Error.Disconnected")
}

// systemBus is a bus that dials when it is first used, and once again when the
// connection has dropped.
type systemBus struct {
	dial func() (*link, error)

	mu   sync.Mutex
	link *link
}

// shared is the process's connection, made when it is first needed and kept, as
// cgroups.CurrentSnapshot keeps the mounts.
var shared = sync.OnceValue(func() *systemBus { return &systemBus{dial: dialSystemd} })

// current returns a connection that is up, as far as one can know.
func (b *systemBus) current() (*link, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.link != nil && b.link.up() {
		return b.link, nil
	}
	if b.link != nil {
		b.link.close()
		b.link = nil
	}
	l, err := b.dial()
	if err != nil {
		return nil, err
	}
	b.link = l
	return l, nil
}

// connect is current, for which it waits no longer than the context lasts. The connection is
// made nevertheless, for the next one.
func (b *systemBus) connect(ctx context.Context) (*link, error) {
	type result struct {
		link *link
		err  error
	}
	made := make(chan result, 1)
	go func() {
		l, err := b.current()
		made <- result{l, err}
	}()
	select {
	case r := <-made:
		return r.link, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("connect to systemd: %w", context.Cause(ctx))
	}
}

// do calls with a connection. If that drops, or systemd goes away, in the middle,
// it calls once more; call has to bear that the first one may have been heard.
func (b *systemBus) do(ctx context.Context, call func(ctx context.Context, l *link) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, callTimeout, fmt.Errorf("nothing came of it within %v: %w", callTimeout, context.DeadlineExceeded))
	defer cancel()
	l, err := b.connect(ctx)
	if err != nil {
		return err
	}
	if err = call(ctx, l); err == nil || ctx.Err() != nil {
		return err
	}
	switch {
	case !l.up():
		if l, err = b.connect(ctx); err != nil {
			return fmt.Errorf("the connection was lost: %w", err)
		}
	case away(err):
		if waitErr := l.awaitSystemd(ctx); waitErr != nil {
			return errors.Join(err, waitErr)
		}
	default:
		return err
	}
	return call(ctx, l)
}

func (b *systemBus) facts(ctx context.Context) (f facts, err error) {
	// What was read when the connection was made still holds, or systemd has
	// been upgraded, and understands no less.
	err = b.do(ctx, func(_ context.Context, l *link) error {
		f = l.known
		return nil
	})
	return f, err
}

func (b *systemBus) start(ctx context.Context, unit string, props []sd.Property, aux []sd.PropertyCollection) error {
	return b.do(ctx, func(ctx context.Context, l *link) error {
		return l.runJob(ctx, unit, "active", func(done chan<- string) error {
			// A slice that is about to be stopped, for nobody needed it, has to stay.
			_, err := l.conn.StartTransientUnitAux(ctx, unit, "replace", props, aux, done)
			return err
		})
	})
}

func (b *systemBus) stop(ctx context.Context, unit string) error {
	err := b.do(ctx, func(ctx context.Context, l *link) error {
		err := l.runJob(ctx, unit, "inactive", func(done chan<- string) error {
			_, err := l.conn.StopUnitContext(ctx, unit, "replace", done)
			return err
		})
		if err != nil || l.known.version >= sinceCollectMode {
			return err
		}
		return l.conn.ResetFailedUnitContext(ctx, unit)
	})
	if isBusError(err, errNoSuchUnit) {
		return nil
	}
	return err
}

func (b *systemBus) set(ctx context.Context, unit string, props []sd.Property) error {
	err := b.do(ctx, func(ctx context.Context, l *link) error {
		return l.conn.SetUnitPropertiesContext(ctx, unit, true, props...)
	})
	if isBusError(err, errNoSuchUnit) {
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	}
	return err
}

func (b *systemBus) property(ctx context.Context, unit, name string) (value any, err error) {
	err = b.do(ctx, func(ctx context.Context, l *link) error {
		value, err = l.unitProperty(ctx, unit, name)
		return err
	})
	return value, err
}

func (b *systemBus) ref(ctx context.Context, unit string) error {
	return b.do(ctx, func(ctx context.Context, l *link) error { return l.call(ctx, "RefUnit", unit) })
}

func (b *systemBus) unref(ctx context.Context, unit string) error {
	return b.do(ctx, func(ctx context.Context, l *link) error { return l.call(ctx, "UnrefUnit", unit) })
}

func (b *systemBus) attach(ctx context.Context, unit string, pid int) error {
	return b.do(ctx, func(ctx context.Context, l *link) error {
		return l.conn.AttachProcessesToUnit(ctx, unit, "", []uint32{uint32(pid)})
	})
}
