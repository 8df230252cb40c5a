// Package initproc is the container's side of a start: what the re-executed
// program does inside the container's namespaces, from the first byte that it
// reads from the init pipe until execve(2) of the user's program.
//
// It is a package of its own and not a part of libcontainer, because every
// start of a container pays for the package initialisation of what this one
// imports: nothing here may import the host's side, netlink, D-Bus, protobuf or
// eBPF.
package initproc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// Run is the whole life of the Go side of init: it reads its configuration from
// the init pipe fd, sets up the container and becomes the user's program. It
// returns only when that failed, after it has told the host why.
//
// The caller must hold the main thread (runtime.LockOSThread): credentials,
// capabilities and namespaces belong to threads.
func Run(fd int) error {
	// The process lives for some milliseconds and then its memory is gone.
	debug.SetGCPercent(-1)
	p := pipe(fd)
	err := run(p)
	payload, jsonErr := json.Marshal(newFailure(err))
	if jsonErr != nil {
		payload = []byte("{}")
	}
	if werr := WriteFrame(p, KindFailed, payload); werr != nil {
		return errors.Join(err, fmt.Errorf("report failure to the host: %w", werr))
	}
	return err
}

func run(p pipe) error {
	c, files, err := readConfig(p)
	if err != nil {
		return err
	}
	if err := files.enter(c.SetupCgroups); err != nil {
		return err
	}
	l, err := openLabels(c)
	if err != nil {
		return err
	}
	if err := enterContainer(p, c); err != nil {
		return err
	}
	u, err := lookUpUser(c)
	if err != nil {
		return err
	}
	if c.LimitedTasks {
		makeSpareThreads() // before there are limits to meet
	}
	if err := WriteFrame(p, KindReady, nil); err != nil {
		return fmt.Errorf("report ready: %w", err)
	}
	if err := waitGo(p); err != nil {
		return err
	}
	if err := files.enter(c.ExecCgroups); err != nil {
		return err
	}
	// From here on the process, or the thread that will be all of it, is in its cgroups.
	if !c.Join && c.creates(configs.NEWCGROUP) {
		if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
			return fmt.Errorf("create cgroup namespace: %w", err)
		}
	}
	return becomeProgram(p, c, u, l)
}

// creates tells whether a namespace of type t was made for this container, so
// that what is set in it reaches nobody else.
func (c *Config) creates(t configs.NamespaceType) bool { return c.Container.Namespaces.Creates(t) }

// readConfig reads the configuration and the files that come with it.
func readConfig(p pipe) (*Config, cgroupFiles, error) {
	fail := func(err error) (*Config, cgroupFiles, error) { return nil, nil, err }
	r := &filesReader{pipe: p}
	kind, payload, err := ReadFrame(r)
	if err != nil {
		return fail(fmt.Errorf("read init configuration: %w", err))
	}
	if kind != KindConfig {
		return fail(fmt.Errorf("read init configuration: unexpected frame %d", kind))
	}
	c, err := DecodeConfig(payload)
	if err != nil {
		return fail(fmt.Errorf("decode init configuration: %w", err))
	}
	if len(c.Args) == 0 || c.FdLimit < 3 {
		return fail(errors.New("decode init configuration: args or fd limit is missing"))
	}
	return c, r.files, nil
}

// waitGo waits until the host has moved this process into those of its cgroups that it
// does not enter by itself. The end of the stream means that the host is dead; then so
// are we.
func waitGo(p pipe) error {
	kind, _, err := ReadFrame(p)
	if err != nil {
		return fmt.Errorf("wait for the host: %w", err)
	}
	if kind != KindGo {
		return fmt.Errorf("wait for the host: unexpected frame %d", kind)
	}
	return nil
}

// enterContainer makes the container, or enters the one that runs.
func enterContainer(p pipe, c *Config) error {
	if _, err := unix.Setsid(); err != nil {
		return fmt.Errorf("setsid: %w", err)
	}
	if c.Terminal {
		if err := takeTerminal(); err != nil {
			return err
		}
	}
	r := &Rootfs{
		Config:       c.Container,
		CgroupPaths:  c.CgroupPaths,
		CgroupMounts: c.CgroupMounts,
		InUserNS:     c.InUserNS,
		Terminal:     c.Terminal,
	}
	if c.Join {
		return joinRoot(c, r)
	}
	if err := setUpSystem(c); err != nil {
		return err
	}
	r.BeforePivot = func() error { return beforePivot(p, c) }
	r.MapIDs = func(index, tree int) error { return askToMap(p, index, tree) }
	return r.Prepare()
}

// joinRoot enters the mount namespace of a running container. That is not done
// by the preamble, because Go's runtime reads files of /proc and /sys when it
// boots, and these would be the container's. setns(2) wants that no other thread
// shares our root and working directory; the other threads keep the host's.
func joinRoot(c *Config, r *Rootfs) error {
	if !c.Container.Namespaces.Contains(configs.NEWNS) {
		return r.chroot()
	}
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return fmt.Errorf("unshare root and working directory: %w", err)
	}
	if err := unix.Setns(c.MntFd, unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("join mnt namespace of the container: %w", err)
	}
	if err := unix.Close(c.MntFd); err != nil {
		return fmt.Errorf("close the container's mnt namespace: %w", err)
	}
	return nil
}

// pipe is the init pipe. It is not an os.File: that would register it with the
// poller, and close it when collected.
type pipe int

func (p pipe) Read(b []byte) (int, error) {
	for {
		n, err := unix.Read(int(p), b)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if n == 0 && len(b) > 0 {
			return 0, io.EOF
		}
		return n, nil
	}
}

func (p pipe) Write(b []byte) (int, error) {
	written := 0
	for written < len(b) {
		n, err := unix.SendmsgN(int(p), b[written:], nil, nil, unix.MSG_NOSIGNAL)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return written, err
		}
		written += n
	}
	return written, nil
}

// sendFile sends a descriptor after a frame, in a byte of its own: a plain read(2) of
// the byte that descriptors come with would throw them away.
func (p pipe) sendFile(fd int) error {
	for {
		err := unix.Sendmsg(int(p), []byte{0}, unix.UnixRights(fd), nil, unix.MSG_NOSIGNAL)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// Hello tells the host that a program without the hook of package nsenter has
// come to call StartInitialization: until then the host cannot know that it will.
func Hello(fd int) error {
	if err := WriteFrame(pipe(fd), KindHello, nil); err != nil {
		return fmt.Errorf("greet the host: %w", err)
	}
	return nil
}
