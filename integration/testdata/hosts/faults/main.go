// Faults has the n-th system call of an operation fail, for one n after the other, and
// says after each whether the error names a step, and whether something is left:
//
//	faults SOCKET ROOT ROOTFS CGROUP OPERATION FIRST STRIDE
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/internal/pidfd"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

func main() {
	var err error
	if socket, aerr := strconv.Atoi(os.Args[1]); aerr == nil {
		err = underSupervision(socket, append([]string{"run"}, os.Args[2:]...))
	} else {
		err = run(os.Args[2:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// errnos are what the calls fail with, in turn.
var errnos = []syscall.Errno{unix.EMFILE, unix.ENOSPC, unix.ENOMEM, unix.EACCES, unix.EINTR}

// bench is where the operations are tried.
type bench struct {
	factory libcontainer.Factory
	root    string
	rootfs  string
	cgroup  string
	count   int
}

// operation is tried with a container of its own: ready makes it, try is what fails, and
// settle looks at what came of it. Of one without try it is ready that fails.
type operation struct {
	ready  func(b *bench) (libcontainer.Container, error)
	try    func(c libcontainer.Container) error
	settle func(c libcontainer.Container, err error) error
}

var operations = map[string]operation{
	"create":  {(*bench).create, nil, nil},
	"record":  {(*bench).createWithRecord, nil, nil},
	"start":   {(*bench).create, start, settleStart},
	"exec":    {(*bench).started, exec, settleExec},
	"set":     {(*bench).started, set, settleSet},
	"destroy": {(*bench).started, libcontainer.Container.Destroy, nil},

	// With fields that take system calls of their own.
	"start with fields": {(*bench).createWithFields, startWithFields, thenClose(settleStart)},
	"exec with fields":  {(*bench).started, execWithFields, thenClose(settleExec)},

	"create with ids": {(*bench).createOnLayers, nil, nil},
	"start on layers": {(*bench).createOnLayers, start, settleStart},

	// For who only watches them.
	"run on layers":     {(*bench).createOnLayers, runOnLayers, wantNone},
	"start as a user":   {(*bench).create, startAsUser, show},
	"prepare as a user": {(*bench).create, prepareAsUser, nil},
	"exec as a user":    {(*bench).started, execAsUser, nil},
}

func run(args []string) error {
	root, rootfs, cgroup, name := args[0], args[1], args[2], args[3]
	first, err := strconv.Atoi(args[4])
	if err != nil {
		return err
	}
	stride, err := strconv.Atoi(args[5])
	if err != nil {
		return err
	}
	factory, err := libcontainer.New(root, tested.Manager)
	if err != nil {
		return err
	}
	b := &bench{factory: factory, root: root, rootfs: rootfs, cgroup: cgroup}
	op := operations[name]
	if err := b.once(op, 1<<20, unix.EACCES); err != nil { // nothing fails, and all is warm
		return err
	}
	for n := first; ; n += stride {
		errno := errnos[(n+n/len(errnos))%len(errnos)]
		before := seen()
		if err := b.once(op, n, errno); err != nil {
			return fmt.Errorf("call %d fails with %v: %w", n, errno, err)
		}
		if err := awaitSeen(b, before); err != nil {
			return fmt.Errorf("call %d fails with %v: %w", n, errno, err)
		}
		if b.count < n {
			fmt.Printf("%d calls\n", b.count)
			return nil
		}
	}
}

// once tries the operation, and leaves no container.
func (b *bench) once(op operation, n int, errno syscall.Errno) error {
	if op.try == nil {
		return b.createOnce(op.ready, n, errno)
	}
	c, err := op.ready(b)
	if err != nil {
		return err
	}
	fail(n, errno)
	err = op.try(c)
	b.count = fail(0, 0)
	if err := check(err); err != nil {
		return errors.Join(err, c.Destroy())
	}
	if op.settle != nil {
		if serr := op.settle(c, err); serr != nil {
			return errors.Join(fmt.Errorf("after the error %w: %w", err, serr), c.Destroy())
		}
	}
	if derr := c.Destroy(); derr != nil {
		return fmt.Errorf("after the error %w: destroy: %w", err, derr)
	}
	return nil
}

func (b *bench) createOnce(create func(b *bench) (libcontainer.Container, error), n int, errno syscall.Errno) error {
	fail(n, errno)
	c, err := create(b)
	b.count = fail(0, 0)
	if err != nil {
		return check(err)
	}
	return c.Destroy()
}

// check wants an error of the library that says more than a number.
func check(err error) error {
	if err == nil {
		return nil
	}
	var lerr libcontainer.Error
	if !errors.As(err, &lerr) {
		return fmt.Errorf("the error is none of the library's: %w", err)
	}
	if !strings.Contains(err.Error(), ": ") {
		return fmt.Errorf("the error has no step: %w", err)
	}
	return nil
}

func (b *bench) config() *configs.Config {
	config := configs.Default()
	config.Rootfs = b.rootfs
	config.Cgroups.Name = "faults"
	config.Cgroups.Parent = b.cgroup
	config.Cgroups.Resources.PidsLimit = 100
	return config
}

func (b *bench) create() (libcontainer.Container, error) {
	return b.factory.Create("faults", b.config())
}

func (b *bench) createWithRecord() (libcontainer.Container, error) {
	return b.factory.(*libcontainer.LinuxFactory).CreateWithRecord("faults", b.config(), []byte("a record"))
}

func process(args ...string) *libcontainer.Process { return &libcontainer.Process{Args: args} }

func (b *bench) started() (libcontainer.Container, error) {
	c, err := b.create()
	if err != nil {
		return nil, err
	}
	if err := start(c); err != nil {
		return nil, errors.Join(err, c.Destroy())
	}
	return c, nil
}

func start(c libcontainer.Container) error { return c.Start(process("/bin/sleep", "1000000")) }

func processOfUser() *libcontainer.Process {
	p := process("/bin/true")
	p.User = "5000:6000"
	return p
}

func startAsUser(c libcontainer.Container) error { return c.Start(processOfUser()) }

// wantNone wants no error.
func wantNone(_ libcontainer.Container, err error) error { return err }

// show tells the error, if there is one.
func show(_ libcontainer.Container, err error) error {
	if err != nil {
		fmt.Println(err)
	}
	return nil
}

func prepareAsUser(c libcontainer.Container) error {
	prepared := processOfUser()
	linux := c.(libcontainer.LinuxContainer)
	if err := linux.Prepare(context.Background(), prepared); err != nil {
		return err
	}
	if err := linux.Release(context.Background()); err != nil {
		return err
	}
	_, err := prepared.Wait()
	return err
}

func execAsUser(c libcontainer.Container) error {
	p := processOfUser()
	if err := c.Start(p); err != nil {
		return err
	}
	_, err := p.Wait()
	return err
}

// settleStart wants a container that runs, or one that is as it was.
func settleStart(c libcontainer.Container, err error) error {
	want := libcontainer.Running
	if err != nil {
		want = libcontainer.Created
	}
	got, serr := c.Status()
	if serr != nil {
		return serr
	}
	if got != want {
		return fmt.Errorf("the container is %v, not %v", got, want)
	}
	if err == nil {
		return nil
	}
	return start(c)
}

var execed *libcontainer.Process

func exec(c libcontainer.Container) error {
	execed = process("/bin/true")
	return c.Start(execed)
}

// settleExec wants a process that ran, or none, and a container that takes another one.
func settleExec(c libcontainer.Container, err error) error {
	if err != nil {
		pids, err := c.Processes()
		if err != nil || len(pids) != 1 {
			return fmt.Errorf("the container has the processes %v, error %w", pids, err)
		}
		if err := exec(c); err != nil {
			return err
		}
	}
	if _, err := execed.Wait(); err != nil {
		return fmt.Errorf("wait: %w", err)
	}
	return nil
}

const newLimit = 77

func set(c libcontainer.Container) error {
	config := c.Config()
	resources := *config.Cgroups.Resources
	resources.PidsLimit, resources.CpuShares = newLimit, 512
	cgroup := *config.Cgroups
	cgroup.Resources = &resources
	config.Cgroups = &cgroup
	return c.Set(config)
}

// settleSet wants the new limit, or after an error the former one.
func settleSet(c libcontainer.Container, err error) error {
	want := uint64(newLimit)
	if err != nil {
		want = 100
	}
	stats, serr := c.Stats()
	if serr != nil {
		return serr
	}
	if got := stats.CgroupStats.PidsStats.Limit; got != want {
		return fmt.Errorf("the limit is %d, not %d", got, want)
	}
	if got := c.Config().Cgroups.Resources.PidsLimit; uint64(got) != want {
		return fmt.Errorf("the configuration says %d, not %d", got, want)
	}
	return nil
}

// things are what could be left: descriptors, children, mounts.
type things struct{ fds, mounts []string }

func seen() (t things) {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			t.fds = append(t.fds, e.Name()+" "+to)
		}
	}
	text, _ := os.ReadFile("/proc/self/mountinfo")
	t.mounts = strings.Split(string(text), "\n")
	return t
}

// awaitSeen waits for what ends later: a process is reaped when it has died, and its
// descriptors are closed then.
func awaitSeen(b *bench, before things) (err error) {
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); {
		if err = b.compare(before, seen()); err == nil {
			return nil
		}
	}
	return err
}

func (b *bench) compare(before, after things) error {
	if children := pidfd.Children(os.Getpid()); len(children) > 0 {
		return fmt.Errorf("children are left: %v", children)
	}
	left := func(kind string, before, after []string) error {
		after = slices.DeleteFunc(slices.Clone(after), func(s string) bool { return slices.Contains(before, s) })
		if len(after) > 0 {
			return fmt.Errorf("%s left: %q", kind, after)
		}
		return nil
	}
	if err := cmp.Or(left("descriptors", before.fds, after.fds), left("mounts", before.mounts, after.mounts)); err != nil {
		return err
	}
	entries, err := os.ReadDir(b.root)
	if err != nil || len(entries) > 0 {
		return fmt.Errorf("state left: %v, %w", entries, err)
	}
	return b.noCgroups()
}

func (b *bench) noCgroups() error {
	for _, pattern := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/*"} {
		dirs, err := filepath.Glob(pattern + b.cgroup + "/faults")
		if err != nil || len(dirs) > 0 {
			return fmt.Errorf("cgroups left: %v, %w", dirs, err)
		}
	}
	return nil
}
