//go:build linux

package systemd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	sd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

const (
	systemdName = "org.freedesktop.systemd1"
	systemdPath = "/org/freedesktop/systemd1"
	managerFace = "org.freedesktop.systemd1.Manager"
	unitFace    = "org.freedesktop.systemd1.Unit"
	getProperty = "org.freedesktop.DBus.Properties.Get"
)

// errLost says that the connection dropped while something was waited for.
var errLost = errors.New("the connection to systemd was lost")

// link is one connection to systemd.
type link struct {
	conn *sd.Conn

	// raw are the connections in conn: one for calls and one for signals.
	raw []*dbus.Conn

	// direct tells that there is no bus between us and systemd.
	direct bool

	known facts
}

// newLink connects with open, which is called once for calls and once for signals.
func newLink(open func() (*dbus.Conn, error), direct, user bool) (*link, error) {
	l := &link{direct: direct, known: facts{user: user}}
	conn, err := sd.NewConnection(func() (*dbus.Conn, error) {
		c, err := open()
		if err == nil {
			l.raw = append(l.raw, c)
		}
		return c, err
	})
	if err != nil {
		return nil, err
	}
	l.conn = conn
	if err := l.introduce(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// introduce asks systemd who it is, and the bus to tell when it comes and goes.
func (l *link) introduce() error {
	ctx, cancel := context.WithTimeout(context.Background(), dialTimeout)
	defer cancel()
	var version string
	if err := l.managerProperty(ctx, "Version", &version); err != nil {
		return err
	}
	if err := l.managerProperty(ctx, "ControlGroup", &l.known.root); err != nil {
		return err
	}
	var err error
	if l.known.version, err = parseVersion(version); err != nil {
		return err
	}
	l.known.root = strings.TrimSuffix(l.known.root, "/")
	if l.direct {
		return nil
	}
	return l.signals().AddMatchSignalContext(ctx, dbus.WithMatchInterface("org.freedesktop.DBus"),
		dbus.WithMatchMember("NameOwnerChanged"), dbus.WithMatchArg(0, systemdName))
}

func (l *link) managerProperty(ctx context.Context, name string, value any) error {
	err := l.raw[0].Object(systemdName, systemdPath).CallWithContext(ctx, getProperty, 0, managerFace, name).Store(value)
	if err != nil {
		return fmt.Errorf("ask systemd for its %s: %w", name, err)
	}
	return nil
}

// parseVersion takes the number at the start of "257.8-1~deb13u1" or "v245".
func parseVersion(text string) (int, error) {
	digits := strings.TrimPrefix(text, "v")
	end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
	if end >= 0 {
		digits = digits[:end]
	}
	version, err := strconv.Atoi(digits)
	if err != nil {
		return 0, fmt.Errorf("systemd's version %q does not start with a number", text)
	}
	return version, nil
}

func (l *link) signals() *dbus.Conn { return l.raw[1] }

func (l *link) up() bool { return l.conn.Connected() }

func (l *link) close() { l.conn.Close() }

// call calls a method of systemd's that takes a unit and returns nothing.
func (l *link) call(ctx context.Context, method, unit string) error {
	return l.raw[0].Object(systemdName, systemdPath).CallWithContext(ctx, managerFace+"."+method, 0, unit).Store()
}

// unitProperty reads a property of the interface that all units have.
func (l *link) unitProperty(ctx context.Context, unit, name string) (any, error) {
	var path dbus.ObjectPath
	manager := l.raw[0].Object(systemdName, systemdPath)
	// An object's path alone would make systemd load a unit of that name.
	if err := manager.CallWithContext(ctx, managerFace+".GetUnit", 0, unit).Store(&path); err != nil {
		return nil, err
	}
	var value dbus.Variant
	err := l.raw[0].Object(systemdName, path).CallWithContext(ctx, getProperty, 0, unitFace, name).Store(&value)
	return value.Value(), err
}

// runJob begins a job that brings the unit to the state wanted, "active" or
// "inactive", and waits for its end.
func (l *link) runJob(ctx context.Context, unit, wanted string, begin func(done chan<- string) error) error {
	owner := make(chan *dbus.Signal, 16)
	l.signals().Signal(owner)
	defer l.signals().RemoveSignal(owner)
	done := make(chan string, 1)
	if err := begin(done); err != nil {
		return err
	}
	for {
		select {
		case result := <-done:
			if result == "done" {
				return nil
			}
			return fmt.Errorf("systemd's job for the unit ended with %q", result)
		case s, ok := <-owner:
			// A systemd that executes itself anew may forget whom to tell.
			if ok && !returned(s) {
				continue
			}
			if !ok {
				return errLost
			}
			if settled, err := l.settled(ctx, unit, wanted); settled {
				return err
			}
		case <-l.raw[0].Context().Done():
			return errLost
		case <-l.signals().Context().Done():
			return errLost
		case <-ctx.Done():
			// The channel would be kept for a job that may never end.
			l.close()
			return fmt.Errorf("systemd's job for the unit has not ended: %w", context.Cause(ctx))
		}
	}
}

// returned tells whether a signal says that systemd is there, after it was not.
func returned(s *dbus.Signal) bool {
	if s.Name != "org.freedesktop.DBus.NameOwnerChanged" || len(s.Body) != 3 {
		return false
	}
	name, _ := s.Body[0].(string)
	owner, _ := s.Body[2].(string)
	return name == systemdName && owner != ""
}

// settled tells whether there is no job any more, and if the state is not the one
// wanted that is an error.
func (l *link) settled(ctx context.Context, unit, wanted string) (bool, error) {
	job, err := l.unitProperty(ctx, unit, "Job")
	if isBusError(err, errNoSuchUnit) {
		if wanted == "inactive" {
			return true, nil
		}
		return true, err
	}
	if err != nil {
		return true, err
	}
	if pair, ok := job.([]any); ok && len(pair) == 2 && pair[0] != uint32(0) {
		return false, nil
	}
	state, err := l.unitProperty(ctx, unit, "ActiveState")
	if err == nil && state != wanted {
		err = fmt.Errorf("the unit is %v, want %s", state, wanted)
	}
	return true, err
}

// awaitSystemd waits until systemd is on the bus.
func (l *link) awaitSystemd(ctx context.Context) error {
	if l.direct {
		return nil
	}
	owner := make(chan *dbus.Signal, 16)
	l.signals().Signal(owner)
	defer l.signals().RemoveSignal(owner)
	var name string
	if l.raw[0].BusObject().CallWithContext(ctx, "org.freedesktop.DBus.GetNameOwner", 0, systemdName).Store(&name) == nil {
		return nil
	}
	for {
		select {
		case s, ok := <-owner:
			if !ok {
				return errLost
			}
			if returned(s) {
				return nil
			}
		case <-ctx.Done():
			return fmt.Errorf("systemd has not come back to the bus: %w", ctx.Err())
		}
	}
}
