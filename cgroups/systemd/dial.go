//go:build linux

package systemd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/godbus/dbus/v5"
)

// bootedDir is a real directory where systemd is the init system, see sd_booted(3).
const bootedDir = "/run/systemd/system"

// errNoSystemd says that systemd could not be reached.
var errNoSystemd = errors.New("connect to systemd")

// errNotBooted is what wraps the errors of a machine without systemd.
var errNotBooted = errors.New("systemd is not the init system here; use the cgroupfs manager (libcontainer.Cgroupfs)")

// UseSystemd reports whether Manager can be used on this machine by this process:
// systemd is its init system and answers, for root on the system's bus and
// for others on the user's own.
func UseSystemd() bool {
	if booted() != nil {
		return false
	}
	_, err := shared().facts(context.Background())
	return err == nil
}

func booted() error {
	info, err := os.Lstat(bootedDir)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errNotBooted, err)
	case !info.IsDir():
		return fmt.Errorf("%w: %s is not a directory", errNotBooted, bootedDir)
	}
	return nil
}

// address is where systemd may be reached.
type address struct {
	name string

	// direct is systemd's own socket, with no bus.
	direct bool
}

// dialSystemd connects to the system's systemd if this process is root, and else
// to the user's.
func dialSystemd() (*link, error) {
	if err := booted(); err != nil {
		return nil, err
	}
	uid, user, err := whoami()
	if err != nil {
		return nil, err
	}
	addresses := systemAddresses()
	if user {
		addresses = userAddresses(uid, os.Getenv)
	}
	return dialFirst(addresses, uid, user)
}

// dialFirst connects to the first address at which there is systemd.
func dialFirst(addresses []address, uid int, user bool) (*link, error) {
	var errs error
	for _, a := range addresses {
		l, err := newLink(func() (*dbus.Conn, error) { return open(a, uid) }, a.direct, user)
		if err == nil {
			return l, nil
		}
		if err = fmt.Errorf("%s: %w", a.name, err); errs != nil {
			err = fmt.Errorf("%w; %w", errs, err)
		}
		errs = err
	}
	return nil, fmt.Errorf("%w: %w", errNoSystemd, errs)
}

func systemAddresses() []address {
	bus := os.Getenv("DBUS_SYSTEM_BUS_ADDRESS")
	if bus == "" {
		bus = "unix:path=/var/run/dbus/system_bus_socket"
	}
	return []address{{name: bus}, {name: "unix:path=/run/systemd/private", direct: true}}
}

// userAddresses are those that the environment names, and the usual ones.
func userAddresses(uid int, getenv func(string) string) (list []address) {
	if bus := getenv("DBUS_SESSION_BUS_ADDRESS"); bus != "" {
		list = append(list, address{name: bus})
	}
	dir := getenv("XDG_RUNTIME_DIR")
	if dir == "" {
		dir = "/run/user/" + strconv.Itoa(uid)
	}
	path := "unix:path=" + dbus.EscapeBusAddressValue(dir)
	return append(list, address{name: path + "/bus"}, address{name: path + "/systemd/private", direct: true})
}

// whoami gives this process's user as the machine knows it, and whether that user
// may only ask the user's own systemd.
func whoami() (uid int, user bool, err error) {
	text, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return 0, false, fmt.Errorf("read own user mapping: %w", err)
	}
	uid = outerID(string(text), os.Geteuid())
	return uid, uid != 0, nil
}

// outerID maps a user id to the outside of its user namespace, see
// user_namespaces(7). One that is not mapped stays.
func outerID(idMap string, id int) int {
	for line := range strings.Lines(idMap) {
		var inside, outside, count int
		if n, err := fmt.Sscan(line, &inside, &outside, &count); n != 3 || err != nil {
			continue
		}
		if id >= inside && id-inside < count {
			return outside + id - inside
		}
	}
	return id
}

// open makes one connection. The user is told by number: looking up a name could
// need programs and libraries of the host.
func open(a address, uid int) (*dbus.Conn, error) {
	ctx, cancel := context.WithCancel(context.Background())
	timer := time.AfterFunc(dialTimeout, cancel)
	conn, err := dbus.Dial(a.name, dbus.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(uid))})
	if err == nil && !a.direct {
		err = conn.Hello()
	}
	if !timer.Stop() {
		err = errors.Join(err, fmt.Errorf("no answer within %v", dialTimeout))
	}
	if err != nil {
		conn.Close()
		cancel()
		return nil, err
	}
	// The context of the connection lives as long as it does.
	context.AfterFunc(conn.Context(), cancel)
	return conn, nil
}
