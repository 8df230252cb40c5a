package integration

import (
	"bufio"
	"errors"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// Init programs that boot Go get the same terminal.
func TestServedTerminalOfAClassicInit(t *testing.T) {
	checkLeaks(t)
	collectCopies(t)
	for name, edit := range map[string]func(*configs.Config){
		"default":        func(*configs.Config) {},
		"user namespace": func(c *configs.Config) { withUserNS(t, c, 100000) },
	} {
		for _, kind := range []string{"first", "further"} {
			t.Run(name+", "+kind, func(t *testing.T) {
				config := newConfig(t)
				edit(config)
				container, err := newFactory(t, libcontainer.ClassicInit).Create("test", config)
				if err != nil {
					t.Fatal(err)
				}
				defer func() {
					if err := container.Destroy(); err != nil {
						t.Error(err)
					}
				}()
				want := []string{"/dev/pts/0", "daemon:5 620", "to tty"}
				script := `name=$(tty); echo $name; stat -c "%U:%g %a" $name; echo to tty >/dev/tty`
				if kind == "further" {
					_, release := startBlocked(t, container)
					defer release()
				} else {
					script += "; echo to console >/dev/console"
					want = append(want, "to console")
				}
				said, err := onServedConsole(t, container, "daemon", script)
				if err != nil {
					t.Fatalf("start: %v", err)
				}
				if strings.Join(said, "\n") != strings.Join(want, "\n") {
					t.Errorf("the terminal said %q, want %q", said, want)
				}
			})
		}
	}
}

// A container in the host's mount namespace has the devpts that is mounted for it there.
func TestServedTerminalWithoutAMountNamespace(t *testing.T) {
	config := newConfig(t)
	hostMount(t, "devpts", mkdir(t, config.Rootfs, "dev/pts"), "devpts", 0)
	config.Namespaces.Remove(configs.NEWNS)
	config.Mounts, config.Devices, config.MaskPaths, config.ReadonlyPaths = nil, nil, nil, nil
	config.RootPropagation = 0
	for _, kind := range []string{"first", "further"} {
		t.Run(kind, func(t *testing.T) {
			container := newContainer(t, config)
			if kind == "further" {
				startBlocked(t, container)
			}
			// There is no procfs in which tty could look.
			said, err := onServedConsole(t, container, "daemon", `stat -c "%n %U" /dev/pts/[0-9]*; settings=$(stty -g) && echo works`)
			if err != nil {
				t.Fatalf("start: %v", err)
			}
			if strings.Join(said, " ") != "/dev/pts/0 daemon works" {
				t.Errorf("the terminal said %q", said)
			}
		})
	}
}

// Nobody else has the master: when its server closes it, the program is hung up.
func TestServedTerminalHasOneMaster(t *testing.T) {
	for _, kind := range []string{"first", "further", "prepared"} {
		t.Run(kind, func(t *testing.T) {
			container := newContainer(t, newConfig(t))
			if kind == "further" {
				startBlocked(t, container)
			}
			server := serveTerminal(t)
			p := &libcontainer.Process{Env: []string{defaultEnv}, Args: []string{"/bin/sh", "-c",
				`stty -echo; trap "exit 9" HUP; ls -1 /proc/self/fd | wc -l; while :; do sleep 0.01; done`}}
			if err := p.NewConsoleSocket(0, server.path); err != nil {
				t.Fatal(err)
			}
			start := container.Start
			if kind == "prepared" {
				start = func(p *libcontainer.Process) error { return linux(container).Prepare(t.Context(), p) }
			}
			if err := start(p); err != nil {
				t.Fatal(err)
			}
			master := server.master(t)
			defer master.Close()
			if kind == "prepared" {
				if err := linux(container).Release(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			wantLine(t, bufio.NewScanner(master), "4") // the fourth is that of the directory
			master.Close()
			if state, _ := p.Wait(); state.ExitCode() != 9 {
				t.Errorf("the program ended with %v, want exit status 9", state)
			}
		})
	}
}

// Nothing of the image is opened before it is known to be a terminal.
func TestServedTerminalOpensNothingOfTheImage(t *testing.T) {
	for kind, node := range map[string]struct {
		mode uint32
		dev  uint64
	}{
		"ptmx":         {unix.S_IFCHR | 0o666, unix.Mkdev(5, 2)},
		"other device": {unix.S_IFCHR | 0o666, unix.Mkdev(1, 5)},
		"fifo":         {unix.S_IFIFO | 0o666, 0},
		"file":         {unix.S_IFREG | 0o666, 0},
	} {
		t.Run(kind, func(t *testing.T) {
			config := newConfig(t)
			dropMount(config, "/dev")
			dropMount(config, "/dev/pts")
			config.Devices = nil
			count := opens(t, mknod(t, node.mode, node.dev, config.Rootfs, "dev/pts/ptmx"))
			container := newContainer(t, config)
			_, err := onServedConsole(t, container, "", "true")
			checkError(t, err, libcontainer.ConfigInvalid, "/dev/pts is not a devpts")
			if n := count(); n > 0 {
				t.Errorf("the image's /dev/pts/ptmx was opened %d times", n)
			}
		})
	}
}

// What a container mounts there itself, with the privileges for that, is no terminal
// for its further processes.
func TestServedTerminalOfAHostileContainer(t *testing.T) {
	for name, tt := range map[string]struct {
		script, says string
		is           error
	}{
		"a device on ptmx": {"mount --bind /dev/zero /dev/pts/ptmx", "/dev/pts/ptmx", unix.EXDEV},
		"a slave on ptmx":  {"exec 9<>/dev/ptmx; mount --bind /dev/pts/[0-9]* /dev/pts/ptmx", "/dev/pts/ptmx", unix.EXDEV},
		"a tmpfs":          {"mount -t tmpfs tmpfs /dev/pts; mkfifo /dev/pts/ptmx", "/dev/pts is not a devpts", unix.ENODEV},
		"a link":           {"mount -t tmpfs tmpfs /dev; ln -s /etc /dev/pts", "/dev/pts is not a devpts", unix.ENODEV},
		"a magic link":     {"mount -t tmpfs tmpfs /dev; ln -s /proc/1/root/dev/pts /dev/pts", "/dev/pts", unix.ELOOP},
		"nothing":          {"umount /dev/pts; rmdir /dev/pts", "/dev/pts", unix.ENOENT},
	} {
		t.Run(name, func(t *testing.T) {
			config := newConfig(t)
			config.Capabilities = append(config.Capabilities, "CAP_SYS_ADMIN")
			container := newContainer(t, config)
			said, _ := startTalking(t, container, tt.script+"; echo done; read x")
			if got := said(); got != "done" {
				t.Fatalf("the container said %q", got)
			}
			_, err := onServedConsole(t, container, "", "true")
			checkError(t, err, libcontainer.ConfigInvalid, tt.says)
			if !errors.Is(err, tt.is) {
				t.Errorf("error %v is not %v", err, tt.is)
			}
			wantStatus(t, container, libcontainer.Running)
		})
	}
}

func TestServedTerminalOfAFurtherProcessThatNobodyServes(t *testing.T) {
	container := newContainer(t, newConfig(t))
	startBlocked(t, container)
	server := serveTerminal(t)
	server.stop()
	os.Remove(server.path)
	p := &libcontainer.Process{Args: []string{"true"}, Env: []string{defaultEnv}}
	if err := p.NewConsoleSocket(0, server.path); err != nil {
		t.Fatal(err)
	}
	checkError(t, container.Start(p), libcontainer.SystemError, "hand over console", server.path)
	wantOutput(t, execShell(t, container, "ls /dev/pts"), "ptmx")
}

func TestBadConsoleSockets(t *testing.T) {
	p := &libcontainer.Process{Args: []string{"true"}, Env: []string{defaultEnv}}
	checkError(t, p.NewConsoleSocket(0, ""), libcontainer.ConfigInvalid, "socket")
	if err := p.NewConsoleSocket(0, "/nowhere"); err != nil {
		t.Fatal(err)
	}
	checkError(t, p.NewConsoleSocket(0, "/nowhere"), libcontainer.ConsoleExists)
	checkError(t, p.ConsoleFromPath("/dev/tty"), libcontainer.ConsoleExists)
	p.Stdout = os.Stdout
	startFails(t, newConfig(t), p, libcontainer.ConfigInvalid, "Stdout")
}

// Without privileges there may be one id in the container, and no group tty.
func TestRootlessServedTerminal(t *testing.T) {
	for _, kind := range []string{"first", "further"} {
		t.Run(kind, func(t *testing.T) {
			checkLeaks(t)
			out, err := rootlessHost(t, "terminal", kind).CombinedOutput()
			if want := "/dev/pts/0\n0:0 600\nto tty\n"; err != nil || string(out) != want {
				t.Errorf("output %q, error %v; want %q", out, err, want)
			}
		})
		t.Run(kind+", granted ids", func(t *testing.T) {
			checkLeaks(t)
			out, err := withSubIDs(t, rootlessHost(t, "terminal", kind, "ids")).CombinedOutput()
			if want := "/dev/pts/0\n0:5 620\nto tty\n"; err != nil || string(out) != want {
				t.Errorf("output %q, error %v; want %q", out, err, want)
			}
		})
	}
}
