package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	bootTries = 3
	// bootTime is how long a boot may take. It is ten times what one takes on a
	// machine that has other work too.
	bootTime = 2 * time.Minute
)

// errNoBoot says that a machine didn't get as far as the command.
var errNoBoot = errors.New("the machine did not boot")

// A job is one command for one machine.
type job struct {
	image   image
	world   world
	cpus    int
	source  string        // the directory that is /src there, and the command's own
	command string        // for the shell, as root
	timeout time.Duration // for the command alone
	output  io.Writer     // gets what the command writes, as it comes
	console string        // file for the console's messages
}

// run boots a machine, runs the command and returns its exit status. What it
// writes to the disk is gone afterwards.
func (j job) run(ctx context.Context) (status int, err error) {
	dir, err := os.MkdirTemp("", "libcontainer-vm-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := os.WriteFile(filepath.Join(dir, "command"), []byte(j.command+"\n"), 0o644); err != nil {
		return 0, err
	}
	for range bootTries {
		status, err = j.boot(ctx, dir)
		if !errors.Is(err, errNoBoot) {
			break
		}
	}
	return status, err
}

// boot does what run does, in one try.
func (j job) boot(ctx context.Context, dir string) (status int, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	outputHost, outputGuest, err := socketPair()
	if err != nil {
		return 0, err
	}
	defer outputHost.Close()
	controlHost, controlGuest, err := socketPair()
	if err != nil {
		return 0, errors.Join(err, outputGuest.Close())
	}
	defer controlHost.Close()

	var stderr bytes.Buffer
	qemu := exec.CommandContext(ctx, j.image.qemu(), j.qemuArgs(dir)...)
	qemu.ExtraFiles = []*os.File{outputGuest, controlGuest}
	qemu.Stderr = &stderr
	wait, err := start(qemu)
	outputGuest.Close()
	controlGuest.Close()
	if err != nil {
		return 0, err
	}

	var copied sync.WaitGroup
	copied.Go(func() { _, _ = io.Copy(j.output, outputHost) })
	timer := time.AfterFunc(bootTime, func() { cancel(errNoBoot) })
	defer timer.Stop()
	started, status, controlErr := readControl(controlHost, func() {
		timer.Stop()
		timer = time.AfterFunc(j.timeout, func() { cancel(fmt.Errorf("the command took more than %v", j.timeout)) })
	})
	exitErr := wait()
	copied.Wait()
	switch {
	case context.Cause(ctx) != nil:
		err = context.Cause(ctx)
	case !started:
		err = errNoBoot
	case controlErr != nil:
		err = fmt.Errorf("the machine ended in the middle of the command: %w", controlErr)
	default:
		return status, nil
	}
	return 0, fmt.Errorf("%w (QEMU: %v %s)%s", err, exitErr, bytes.TrimSpace(stderr.Bytes()), j.lastMessages())
}

// readControl follows what the guest says of its command: that it has started,
// then its exit status.
func readControl(r io.Reader, onStart func()) (started bool, status int, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if lines.Text() == "started" {
			started = true
			onStart()
		} else if s, ok := strings.CutPrefix(lines.Text(), "exited "); ok {
			status, err := strconv.Atoi(s)
			return started, status, err
		}
	}
	if err := lines.Err(); err != nil {
		return started, 0, err
	}
	return started, 0, io.ErrUnexpectedEOF
}

// start starts a process that does not outlive this one, however that ends. The
// kernel's promise is about the thread that started it, so that one is kept.
func start(cmd *exec.Cmd) (wait func() error, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, ended := make(chan error), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	return func() error { return <-ended }, <-started
}

// qemuArgs gives QEMU's arguments. Descriptors 3 and 4 are the sockets for the
// command's output and for what the guest says of it.
func (j job) qemuArgs(dir string) []string {
	return []string{
		"-machine", "q35,usb=off", "-accel", "tcg,thread=multi", "-cpu", "max,la57=off",
		"-smp", strconv.Itoa(j.cpus), "-m", "4096",
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-kernel", j.image.kernel(j.world.suite), "-initrd", j.image.initramfs(j.world.suite),
		"-append", j.world.kernelCommandLine(),
		"-serial", "file:" + escape(j.console),
		"-drive", "if=virtio,format=raw,snapshot=on,cache=unsafe,file=" + escape(j.image.disk()),
		"-virtfs", share("src", j.source), "-virtfs", share("job", dir),
		"-chardev", "socket,id=output,fd=3", "-chardev", "socket,id=control,fd=4",
		"-device", "virtio-serial", "-device", "virtserialport,nr=1,chardev=output",
		"-device", "virtserialport,nr=2,chardev=control",
	}
}

func share(tag, dir string) string {
	return "local,readonly=on,security_model=none,multidevs=remap,mount_tag=" + tag + ",path=" + escape(dir)
}

// escape writes a value in a list of QEMU's options.
func escape(s string) string { return strings.ReplaceAll(s, ",", ",,") }

// lastMessages gives the end of what the kernel wrote to the console.
func (j job) lastMessages() string {
	console, err := os.ReadFile(j.console)
	if err != nil || len(console) == 0 {
		return ""
	}
	const most = 2000
	return "; the console's last messages:\n" + string(console[max(0, len(console)-most):])
}

// socketPair gives the two ends of a stream, the first one for this process.
func socketPair() (own, other *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	return os.NewFile(uintptr(fds[0]), "host's end"), os.NewFile(uintptr(fds[1]), "guest's end"), nil
}
