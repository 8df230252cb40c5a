package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/libcontainer/libcontainer"
)

// A container cannot send to the service manager's socket: it may not see it, and its pids are
// others. It gets a socket of its own, and this command passes on that it is ready, see
// sd_notify(3).
const (
	notifyVariable = "NOTIFY_SOCKET"
	notifyDir      = "/run/notify" // in the container
	notifySocket   = "notify.sock"
)

// planNotify lets the bundle's container have the socket, if this command has one.
func (a *app) planNotify(id string, spec *specs.Spec) (dir string) {
	if os.Getenv(notifyVariable) == "" || spec.Process == nil {
		return ""
	}
	dir = filepath.Join(a.root, "@notify-"+id) // which is nobody's id
	spec.Mounts = append(spec.Mounts, specs.Mount{
		Destination: notifyDir, Type: "bind", Source: dir, Options: []string{"bind", "nosuid", "noexec", "nodev", "ro"},
	})
	env := []string{notifyVariable + "=" + notifyDir + "/" + notifySocket}
	for _, text := range spec.Process.Env {
		if !strings.HasPrefix(text, notifyVariable+"=") {
			env = append(env, text)
		}
	}
	spec.Process.Env = env
	return dir
}

func makeNotify(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s: %w", notifyVariable, err)
	}
	return os.Chmod(dir, 0o755) // whatever the umask
}

func removeNotify(dir string) error {
	if dir == "" {
		return nil
	}
	return os.RemoveAll(dir)
}

// notifier listens on the container's socket.
type notifier struct {
	conn *net.UnixConn
	host string
}

// listenNotify makes the socket in the directory; nil if there is nobody to be told.
func listenNotify(dir string) (*notifier, error) {
	host := os.Getenv(notifyVariable)
	if dir == "" || host == "" {
		return nil, nil
	}
	path := filepath.Join(dir, notifySocket)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) { // of a command that was killed
		return nil, fmt.Errorf("%s: %w", notifyVariable, err)
	}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", notifyVariable, err)
	}
	if err := os.Chmod(path, 0o777); err != nil { // whoever the container's user is
		conn.Close()
		return nil, fmt.Errorf("%s: %w", notifyVariable, err)
	}
	return &notifier{conn, host}, nil
}

// pass waits until the container says that it is ready, or ends, and passes that on with the pid of its
// first process.
func (n *notifier) pass(c *libcontainer.Instance, pid int) error {
	if n == nil {
		return nil
	}
	defer n.conn.Close()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		_, _ = c.Wait(ctx)
		_ = n.conn.SetReadDeadline(time.Unix(1, 0)) // what has arrived before is read all the same
	}()
	buffer := make([]byte, 4096)
	for {
		size, _, err := n.conn.ReadFromUnix(buffer)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", notifyVariable, err)
		}
		for line := range bytes.Lines(buffer[:size]) {
			if bytes.Equal(bytes.TrimSpace(line), []byte("READY=1")) {
				return n.send("MAINPID="+strconv.Itoa(pid), "READY=1")
			}
		}
	}
}

func (n *notifier) send(lines ...string) error {
	name := n.host
	if strings.HasPrefix(name, "@") { // of the abstract namespace, unix(7)
		name = "\x00" + name[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("%s: %w", notifyVariable, err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte(strings.Join(lines, "\n") + "\n")); err != nil {
		return fmt.Errorf("%s: %w", notifyVariable, err)
	}
	return nil
}
