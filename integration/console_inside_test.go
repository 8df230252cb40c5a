//world:any

package integration

import (
	"bufio"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// terminalServer is another program that serves terminals.
type terminalServer struct {
	path     string // of its socket
	listener *net.UnixListener
	masters  chan *os.File
}

// serveTerminal serves one terminal.
func serveTerminal(t *testing.T) *terminalServer {
	t.Helper()
	dir, err := os.MkdirTemp("", "lct") // the address of a socket is short
	if err != nil {
		t.Fatal(err)
	}
	s := &terminalServer{path: dir + "/socket", masters: make(chan *os.File, 1)}
	listener, err := net.Listen("unix", s.path)
	if err != nil {
		t.Fatal(err)
	}
	s.listener = listener.(*net.UnixListener)
	go func() {
		defer close(s.masters)
		conn, err := listener.Accept()
		if err != nil {
			return // nobody came
		}
		defer conn.Close()
		s.masters <- receiveMaster(t, conn.(*net.UnixConn))
	}()
	t.Cleanup(func() {
		if master := s.stop(); master != nil {
			master.Close()
		}
		os.RemoveAll(dir)
	})
	return s
}

// stop ends the service, and gives the terminal that has come and has not been taken.
func (s *terminalServer) stop() *os.File {
	s.listener.Close()
	return <-s.masters
}

// master takes the terminal, which comes soon.
func (s *terminalServer) master(t *testing.T) *os.File {
	t.Helper()
	if err := s.listener.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Error(err)
	}
	master := <-s.masters
	if master == nil {
		t.Fatal("no terminal was sent")
	}
	return master
}

// onServedConsole starts a script on a terminal that is served by somebody else, and
// gives the lines that it writes until its end.
func onServedConsole(t *testing.T, container libcontainer.Container, user, script string) (said []string, err error) {
	t.Helper()
	server := serveTerminal(t)
	p := &libcontainer.Process{Args: []string{"/bin/sh", "-c", "stty -echo; " + script + "; status=$?; echo over; read over; exit $status"}, User: user, Env: []string{defaultEnv}}
	if err := p.NewConsoleSocket(0, server.path); err != nil {
		t.Fatal(err)
	}
	if err := container.Start(p); err != nil {
		if master := server.stop(); master != nil {
			master.Close()
		}
		return nil, err
	}
	master := server.master(t)
	defer master.Close()
	all := make(chan []string, 1)
	go func() {
		var said []string
		for lines := bufio.NewScanner(master); lines.Scan(); {
			line := strings.TrimRight(lines.Text(), "\r")
			if line == "over" {
				allRead(t, master)
				continue
			}
			said = append(said, line)
		}
		all <- said
	}()
	if _, err := p.Wait(); err != nil {
		t.Errorf("wait: %v", err)
	}
	select {
	case said = <-all:
	case <-time.After(20 * time.Second):
		t.Error("the process has ended, and somebody has its terminal still")
		master.Close()
		said = <-all
	}
	server.listener.Close()
	return said, nil
}

// receiveMaster is receiveConsole with a file that Close wakes the reader of.
func receiveMaster(t *testing.T, conn *net.UnixConn) *os.File {
	t.Helper()
	blocking, path := receiveConsole(t, conn)
	defer blocking.Close()
	fd, err := unix.FcntlInt(blocking.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	return os.NewFile(uintptr(fd), path)
}

// A terminal is one of the container's own: it has a name there, and the group and mode
// that the container's devpts gives.
func TestTerminalIsTheContainersOwn(t *testing.T) {
	for name, edit := range map[string]func(*configs.Config){
		"default":        func(*configs.Config) {},
		"user namespace": func(c *configs.Config) { withUserNS(t, c, 100000) },
		"no pid":         func(c *configs.Config) { c.Namespaces.Remove(configs.NEWPID) },
	} {
		for _, kind := range []string{"first", "further"} {
			for _, user := range []string{"", "daemon"} {
				t.Run(name+", "+kind+", "+user, func(t *testing.T) {
					config := newConfig(t)
					edit(config)
					container := newContainer(t, config)
					if kind == "further" {
						startBlocked(t, container)
					}
					said, err := onServedConsole(t, container, user, `name=$(tty); echo $name
						stat -c "%U:%g %a" $name; [ "$(stat -c %r:%d:%i $name)" = "$(stat -L -c %r:%d:%i /proc/self/fd/0)" ] && echo same
						ls -1 /dev/pts; echo to tty >/dev/tty`)
					if err != nil {
						t.Fatalf("start: %v", err)
					}
					owner := "root"
					if user != "" {
						owner = user
					}
					want := []string{"/dev/pts/0", owner + ":5 620", "same", "0", "ptmx", "to tty"}
					if strings.Join(said, "\n") != strings.Join(want, "\n") {
						t.Errorf("the terminal said %q, want %q", said, want)
					}
				})
			}
		}
	}
}

// In a user namespace that is joined, nobody of the host may be the owner.
func TestTerminalInAJoinedUserNamespace(t *testing.T) {
	first := newConfig(t)
	withUserNS(t, first, 100000)
	owner := newContainer(t, first)
	startBlocked(t, owner)
	state, err := owner.State()
	if err != nil {
		t.Fatal(err)
	}
	config := newConfig(t)
	config.Cgroups.Name += "-second"
	config.Networks = nil
	for _, typ := range []configs.NamespaceType{configs.NEWUSER, configs.NEWNET, configs.NEWIPC, configs.NEWUTS} {
		config.Namespaces.Add(typ, state.NamespacePaths[typ])
	}
	second, err := newFactory(t).Create("second", config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := second.Destroy(); err != nil {
			t.Error(err)
		}
	}()
	said, err := onServedConsole(t, second, "", `tty; stat -c "%u:%g" $(tty)`)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	if strings.Join(said, " ") != "/dev/pts/0 0:5" {
		t.Errorf("the terminal said %q", said)
	}
}

// What an image has at /dev/pts is no terminal of the container's, unless it is a devpts.
func TestTerminalOnAFakeDevpts(t *testing.T) {
	for name, prepare := range map[string]func(t *testing.T, config *configs.Config){
		"the host's": func(t *testing.T, config *configs.Config) {
			mknod(t, unix.S_IFCHR|0o666, unix.Mkdev(5, 2), config.Rootfs, "dev/pts/ptmx")
		},
		"a link out": func(t *testing.T, config *configs.Config) {
			link(t, "/proc/self/root/dev/ptmx", config.Rootfs, "dev/pts/ptmx")
		},
		"another device": func(t *testing.T, config *configs.Config) {
			mknod(t, unix.S_IFCHR|0o666, unix.Mkdev(1, 5), config.Rootfs, "dev/pts/ptmx")
		},
		"a fifo": func(t *testing.T, config *configs.Config) {
			mknod(t, unix.S_IFIFO|0o666, 0, config.Rootfs, "dev/pts/ptmx")
		},
		"a file": func(t *testing.T, config *configs.Config) { write(t, "", config.Rootfs, "dev/pts/ptmx") },
		"nothing": func(t *testing.T, config *configs.Config) {
			remove(t, config.Rootfs+"/dev/pts")
		},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			dropDevMounts(config)
			config.Devices = nil
			prepare(t, config)
			container := newContainer(t, config)
			said, err := onServedConsole(t, container, "", `test -t 0 && echo terminal; settings=$(stty -g) && echo works`)
			if err != nil {
				if !strings.Contains(err.Error(), "/dev/") {
					t.Errorf("error %q does not say which file is none", err)
				}
				return
			}
			if strings.Join(said, " ") != "terminal works" {
				t.Errorf("the terminal said %q", said)
			}
		})
	}
}
