// Shell gives you a shell in a container, on your terminal: raw mode, window size, job control, exit
// status.
//
//	shell [-user NAME] /path/to/rootfs [PROGRAM [ARGUMENT...]]
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	_ "github.com/libcontainer/libcontainer/nsenter" // makes this program its containers' init
	"github.com/libcontainer/libcontainer/utils"
)

func main() {
	user := flag.String("user", "root", "`user` of the container, NAME or UID:GID")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: shell [-user NAME] /path/to/rootfs [PROGRAM [ARGUMENT...]]")
		os.Exit(2)
	}
	args := flag.Args()[1:]
	if len(args) == 0 {
		args = []string{"/bin/sh", "-l"}
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	code, err := run(ctx, flag.Arg(0), &libcontainer.Process{
		Args: args,
		Env:  []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "TERM=" + os.Getenv("TERM")},
		User: *user,
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "shell:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func run(ctx context.Context, rootfs string, process *libcontainer.Process) (code int, err error) {
	if _, err := unix.IoctlGetTermios(0, unix.TCGETS); err != nil {
		return 0, fmt.Errorf("standard input is not a terminal: %w", err)
	}
	if rootfs, err = utils.ResolveRootfs(rootfs); err != nil {
		return 0, err
	}
	state, err := os.MkdirTemp("", "shell-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.Remove(state)) }()
	runtime, err := libcontainer.Open(state)
	if err != nil {
		return 0, err
	}
	config := configs.Default()
	config.Rootfs = rootfs
	config.Hostname = "shell"
	config.Cgroups.Name = fmt.Sprintf("shell-%d", os.Getpid())
	container, err := runtime.Create(ctx, config.Cgroups.Name, config)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, container.Destroy()) }()
	return runOnTerminal(ctx, container, process)
}

// runOnTerminal starts the process on a terminal of its own, of which ours becomes the window.
func runOnTerminal(ctx context.Context, container *libcontainer.Instance, process *libcontainer.Process) (int, error) {
	console, err := process.NewConsole(0)
	if err != nil {
		return 0, err
	}
	defer console.Close()
	// The program finds the right size from the start. A change between here and there is not lost,
	// for the signal waits in the channel.
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	if err := resize(console); err != nil {
		return 0, err
	}
	if err := container.Start(process); err != nil {
		return 0, err
	}
	defer context.AfterFunc(ctx, func() { _ = container.Signal(syscall.SIGKILL) })()
	go func() {
		for range resized {
			_ = resize(console) // a window that has gone has no size
		}
	}()

	restore, err := makeRaw()
	if err != nil {
		return 0, err
	}
	defer restore()
	// What is typed goes in as it is, also Ctrl-C: the container's terminal makes the signal of it.
	go func() { _, _ = io.Copy(console, os.Stdin) }()
	_, err = io.Copy(os.Stdout, console)
	if err != nil && !errors.Is(err, syscall.EIO) { // EIO: nobody has the container's side open any more
		return 0, errors.Join(err, container.Signal(syscall.SIGKILL))
	}
	status, err := process.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	return libcontainer.ExitCode(status.Sys().(syscall.WaitStatus)), nil
}

// resize gives the container's terminal the size of ours.
func resize(console libcontainer.Console) error {
	size, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
	if err != nil {
		return fmt.Errorf("size of the terminal: %w", err)
	}
	return unix.IoctlSetWinsize(int(console.Fd()), unix.TIOCSWINSZ, size)
}

// makeRaw does what cfmakeraw(3) does, until restore is called.
func makeRaw() (restore func(), err error) {
	old, err := unix.IoctlGetTermios(0, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	raw := *old
	raw.Iflag &^= unix.IGNBRK | unix.BRKINT | unix.PARMRK | unix.ISTRIP | unix.INLCR | unix.IGNCR | unix.ICRNL | unix.IXON
	raw.Oflag &^= unix.OPOST
	raw.Lflag &^= unix.ECHO | unix.ECHONL | unix.ICANON | unix.ISIG | unix.IEXTEN
	raw.Cflag = raw.Cflag&^(unix.CSIZE|unix.PARENB) | unix.CS8
	raw.Cc[unix.VMIN], raw.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(0, unix.TCSETS, &raw); err != nil {
		return nil, fmt.Errorf("make the terminal raw: %w", err)
	}
	return func() { _ = unix.IoctlSetTermios(0, unix.TCSETS, old) }, nil
}
