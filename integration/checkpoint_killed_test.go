package integration

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/netsetup"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// The stages of a dump that lets the container go on, and those of a restore. Those after
// which criu does not go back come last.
var (
	dumpStages         = []string{"pre-dump", "network-lock", "post-dump", "network-unlock"}
	finalDumpStages    = []string{"network-unlock"}
	restoreStages      = []string{"pre-restore", "setup-namespaces", "post-setup-namespaces", "post-restore", "pre-resume", "post-resume"}
	finalRestoreStages = []string{"pre-resume", "post-resume"}
)

// at gives a function for CriuOpts.Progress that calls another one at a stage, and a check
// that it was reached.
func at(t *testing.T, stage string, call func()) (progress func(libcontainer.CriuProgress), reached func()) {
	calls := 0
	return func(p libcontainer.CriuProgress) {
			if p.Stage == stage {
				calls++
				call()
			}
		}, func() {
			t.Helper()
			if calls != 1 {
				t.Errorf("stage %s was reached %d times", stage, calls)
			}
		}
}

// runningCrius lists those that serve a request.
func runningCrius(t *testing.T) (list []*pidfd.Process) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		// Criu changes its arguments to what it does, if it was built with libbsd: setproctitle(3bsd).
		args, _ := os.ReadFile("/proc/" + e.Name() + "/cmdline")
		if !slices.Contains(strings.Split(string(args), "\x00"), "swrk") && !strings.HasPrefix(string(args), "criu: ") {
			continue
		}
		if ref, err := pidfd.Open(pid); err == nil {
			list = append(list, ref)
		}
	}
	return list
}

// killCriu kills the criu that serves a request of this program, and all of its session
// if that is asked for.
func killCriu(t *testing.T, session bool) {
	t.Helper()
	killed := 0
	for _, ref := range runningCrius(t) {
		stat, err := pidfd.ReadStat(ref.Pid())
		// The first process of a restore looks like criu for a while, but is in the container.
		ns, _ := os.Readlink("/proc/" + itoa(ref.Pid()) + "/ns/pid")
		own, _ := os.Readlink("/proc/self/ns/pid")
		if err == nil && stat.Parent == os.Getpid() && stat.Session == ref.Pid() && ns == own {
			killed++
			if session {
				killSession(t, ref.Pid())
			}
			if err := ref.Signal(unix.SIGKILL); err != nil {
				t.Error(err)
			}
		}
		ref.Close()
	}
	if killed != 1 {
		t.Errorf("%d crius were killed", killed)
	}
}

func killSession(t *testing.T, leader int) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == leader {
			continue
		}
		ref, err := pidfd.Open(pid)
		if err != nil {
			continue
		}
		if stat, err := pidfd.ReadStat(pid); err == nil && stat.Session == leader {
			if err := ref.Signal(unix.SIGKILL); err != nil {
				t.Error(err)
			}
		}
		ref.Close()
	}
}

// networks are the ways in which a container has a network namespace.
var networks = map[string]func(t *testing.T, config *configs.Config){
	"own":    func(*testing.T, *configs.Config) {},
	"joined": func(t *testing.T, config *configs.Config) { config.Namespaces.Add(configs.NEWNET, newNetwork(t)) },
	"host": func(_ *testing.T, config *configs.Config) {
		config.Namespaces.Remove(configs.NEWNET)
		config.Networks = nil
	},
}

// newNetwork makes a network namespace, in which criu must have left no lock when the test ends.
func newNetwork(t *testing.T) string {
	t.Helper()
	cmd := exec.Command("cat")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	path := "/proc/" + itoa(cmd.Process.Pid) + "/ns/net"
	t.Cleanup(func() {
		ns, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if names, err := netsetup.CriuTables(ns); err != nil || len(names) > 0 {
			t.Errorf("criu has left %v in the network namespace, error %v", names, err)
		}
		ns.Close()
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	})
	return path
}

// Whatever ends a dump, and whenever, the container is as it was.
func TestCheckpointBrokenOff(t *testing.T) {
	for name, network := range networks {
		if testing.Short() && name != "own" {
			continue
		}
		t.Run(name+" network", func(t *testing.T) {
			checkLeaks(t)
			config := newConfig(t)
			network(t, config)
			c := startCounting(t, config)
			for _, paused := range []bool{false, true} {
				if paused {
					if err := c.Pause(); err != nil {
						t.Fatal(err)
					}
				}
				for _, stage := range dumpStages {
					if name == "host" && strings.HasPrefix(stage, "network-") {
						continue // it is not locked
					}
					t.Run(map[bool]string{true: "paused ", false: ""}[paused]+stage, func(t *testing.T) { c.breakOff(t, stage, paused) })
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

func (c *counting) breakOff(t *testing.T, stage string, paused bool) {
	for name, end := range map[string]func(cancel func()){
		"cancelled":      func(cancel func()) { cancel() },
		"killed":         func(func()) { killCriu(t, false) },
		"session killed": func(func()) { killCriu(t, true) },
	} {
		t.Run(name, func(t *testing.T) {
			checkLeaks(t)
			images := filepath.Join(publicTempDir(t), "images")
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			opts := &libcontainer.CriuOpts{ImagesDirectory: images, LeaveRunning: true}
			progress, reached := at(t, stage, func() { end(cancel) })
			opts.Progress = progress
			err := c.CheckpointContext(ctx, opts)
			reached()
			switch {
			case name == "cancelled" && slices.Contains(finalDumpStages, stage):
				if err != nil {
					t.Error(err)
				}
			case name == "cancelled":
				if !errors.Is(err, context.Canceled) {
					t.Errorf("error %v", err)
				}
				onlyLogs(t, images)
			default:
				checkError(t, err, libcontainer.SystemError, "signal: killed")
				onlyLogs(t, images)
			}
			if paused {
				c.staysPaused(t)
			} else {
				c.goesOn(t)
			}
		})
	}
}

// Whatever ends a restore, and whenever, nothing is left of it, and the container is what
// it was before: created, or checkpointed.
func TestRestoreBrokenOff(t *testing.T) {
	for network, set := range networks {
		if testing.Short() && network != "own" {
			continue
		}
		t.Run(network+" network", func(t *testing.T) {
			checkLeaks(t)
			config := newConfig(t)
			set(t, config)
			c := startCounting(t, config)
			images := filepath.Join(publicTempDir(t), "images")
			if err := c.Checkpoint(&libcontainer.CriuOpts{ImagesDirectory: images}); err != nil {
				t.Fatal(err)
			}
			other := *config
			cgroup := *config.Cgroups
			cgroup.Name += "-other"
			other.Cgroups = &cgroup
			created, err := c.factory.Create("created", &other)
			if err != nil {
				t.Fatal(err)
			}
			defer created.Destroy()
			for _, stage := range restoreStages {
				t.Run(stage, func(t *testing.T) {
					for name, end := range map[string]func(cancel func()){
						"cancelled":      func(cancel func()) { cancel() },
						"killed":         func(func()) { killCriu(t, false) },
						"session killed": func(func()) { killCriu(t, true) },
					} {
						if name == "cancelled" && slices.Contains(finalRestoreStages, stage) {
							continue // criu goes on
						}
						if name != "killed" && network != "own" {
							continue // it has nothing to do with the network
						}
						t.Run(name, func(t *testing.T) {
							breakOffRestore(t, c, images, stage, end, libcontainer.Checkpointed)
							breakOffRestore(t, linux(created), images, stage, end, libcontainer.Created)
						})
					}
				})
			}
			q := new(libcontainer.Process)
			after := newNumbers(t, q)
			if err := c.Restore(q, &libcontainer.CriuOpts{ImagesDirectory: images}); err != nil {
				t.Fatal(err)
			}
			c.numbers = after
			after.next()
			c.goesOn(t)
		})
	}
}

func breakOffRestore(t *testing.T, c libcontainer.LinuxContainer, images, stage string, end func(cancel func()), want libcontainer.Status) {
	t.Helper()
	before := takeSnapshot(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	progress, reached := at(t, stage, func() { end(cancel) })
	out := new(bytes.Buffer)
	p := &libcontainer.Process{Stdout: out}
	err := c.RestoreContext(ctx, p, &libcontainer.CriuOpts{ImagesDirectory: images, Progress: progress})
	reached()
	switch {
	case err == nil:
		t.Error("it was restored")
	case ctx.Err() != nil && !errors.Is(err, context.Canceled),
		ctx.Err() == nil && !strings.Contains(err.Error(), "signal: killed"):
		t.Errorf("error %v", err)
	}
	wantStatus(t, c, want)
	if pids, err := c.Processes(); err != nil || len(pids) > 0 {
		t.Errorf("processes are left: %v, error %v", pids, err)
	}
	if left := added(before.children, children(t)); len(left) > 0 {
		t.Errorf("children are left: %v", left)
	}
	if left := added(before.fds, openFds(t)); len(left) > 0 {
		t.Errorf("descriptors are left: %v", left)
	}
	if left, err := filepath.Glob(filepath.Join(images, ".criu*")); err != nil || len(left) > 0 {
		t.Errorf("left among the images: %v, error %v", left, err)
	}
	if left := added(before.mounts, lines(t, "/proc/self/mountinfo")); len(left) > 0 {
		t.Errorf("mounts are left: %v", left)
	}
	if left := added(before.cgroups, ownCgroups(t)); len(left) > 0 {
		t.Errorf("cgroups are left: %v", left)
	}
}

// dieAt runs a host that kills itself at a stage, and returns what the container writes.
func dieAt(t *testing.T, rootfs, state, what, images, stage string) *numbers {
	t.Helper()
	p := new(libcontainer.Process)
	n := newNumbers(t, p)
	cmd := exec.Command(buildProgram(t, "dies"), rootfs, state, cgroupParent, what, images, stage)
	cmd.Stdout, cmd.Stderr = p.Stdout, os.Stderr
	err := cmd.Run()
	p.Stdout.(*os.File).Close()
	var end *exec.ExitError
	if !errors.As(err, &end) || end.Sys().(syscall.WaitStatus).Signal() != unix.SIGKILL {
		t.Fatalf("the host has ended with %v", err)
	}
	return n
}

// awaitCrius waits for the end of those that work on the images: they notice that who has asked
// has ended, and take back what they have done.
func awaitCrius(t *testing.T, images string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, ref := range runningCrius(t) {
		links, _ := filepath.Glob("/proc/" + itoa(ref.Pid()) + "/fd/*")
		if !slices.ContainsFunc(links, func(link string) bool {
			target, _ := os.Readlink(link)
			return target == images
		}) {
			ref.Close()
			continue // another one's
		}
		if err := ref.Await(ctx); err != nil {
			t.Errorf("criu %d goes on: %v", ref.Pid(), err)
		}
		ref.Close()
	}
}

func loadDied(t *testing.T, state string) libcontainer.LinuxContainer {
	t.Helper()
	factory, err := newFactoryIn(state)
	if err != nil {
		t.Fatal(err)
	}
	container, err := factory.Load("dies")
	if err != nil {
		t.Fatal(err)
	}
	return linux(container)
}

// When the program is killed that dumps a container, it goes on, and another one can destroy it.
func TestHostDiesInCheckpoint(t *testing.T) {
	checkLeaks(t)
	checkCriuLeaks(t)
	rootfs := newRootfs(t)
	for _, stage := range dumpStages {
		for _, atOnce := range []bool{false, true} {
			t.Run(stage+map[bool]string{true: ", destroyed at once"}[atOnce], func(t *testing.T) {
				checkLeaks(t)
				state, images := publicTempDir(t), filepath.Join(publicTempDir(t), "images")
				n := dieAt(t, rootfs, state, "dump", images, stage)
				if atOnce {
					if err := loadDied(t, state).Destroy(); err != nil {
						t.Fatal(err)
					}
					awaitCrius(t, images)
					return
				}
				awaitCrius(t, images)
				c := &counting{LinuxContainer: loadDied(t, state), numbers: n}
				c.goesOn(t)
				if err := c.Destroy(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// When the program is killed that restores a container, nothing runs that Load and Destroy would
// not find.
func TestHostDiesInRestore(t *testing.T) {
	checkLeaks(t)
	checkCriuLeaks(t)
	config := newConfig(t)
	c := startCounting(t, config)
	images := filepath.Join(publicTempDir(t), "images")
	if err := c.Checkpoint(&libcontainer.CriuOpts{ImagesDirectory: images}); err != nil {
		t.Fatal(err)
	}
	defer func() {
		c.restore(t, &libcontainer.CriuOpts{ImagesDirectory: images})
	}()
	for _, stage := range restoreStages {
		for _, wait := range []bool{false, true} {
			t.Run(stage+map[bool]string{true: ", destroyed later"}[wait], func(t *testing.T) {
				checkLeaks(t)
				state := publicTempDir(t)
				n := dieAt(t, config.Rootfs, state, "restore", images, stage)
				if wait {
					awaitCrius(t, images)
				}
				container := loadDied(t, state)
				if err := container.Destroy(); err != nil {
					t.Fatal(err)
				}
				awaitCrius(t, images)
				n.drainAll() // until nobody has the other end
				// Destroy kills a criu that works still. What that leaves the next restore removes.
				if left, err := filepath.Glob(filepath.Join(images, ".criu*")); wait && (err != nil || len(left) > 0) {
					t.Errorf("left among the images: %v, error %v", left, err)
				}
			})
		}
	}
}

// drainAll reads until nobody is left who could write.
func (n *numbers) drainAll() {
	n.t.Helper()
	if err := n.read.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		n.t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, n.in); err != nil {
		n.t.Errorf("somebody can still write: %v", err)
	}
}

// The death of init in a restore is seen at once: criu, which waits for it, would wait for ever.
func TestInitDiesInRestore(t *testing.T) {
	checkLeaks(t)
	checkCriuLeaks(t)
	config := newConfig(t)
	init, killAt := 0, ""
	reached := func(stage string) {
		if stage == killAt {
			if err := unix.Kill(init, unix.SIGKILL); err != nil {
				t.Error(err)
			}
		}
	}
	config.Hooks = &configs.Hooks{Prestart: []configs.Hook{configs.NewFunctionHook(func(s configs.HookState) error {
		init = s.Pid
		reached("prestart")
		return nil
	})}}
	container := createIn(t, newCriuFactory(t), "test", config)
	p, said := startCounter(t, container, "sleep 1000 & sleep 1000 &")
	opts := newImages(t)
	checkpoint(t, container, opts)
	closeFiles(p)
	said.drain()
	opts.Progress = func(p libcontainer.CriuProgress) { reached(p.Stage) }
	for _, killAt = range []string{"prestart", "post-setup-namespaces", "post-restore", "pre-resume"} {
		since := time.Now()
		err := container.Restore(new(libcontainer.Process), opts)
		checkError(t, err, libcontainer.SystemError)
		took := time.Since(since)
		t.Logf("%s: %v: %v", killAt, took, err)
		if took > 8*time.Second {
			t.Errorf("a restore whose init dies at %s takes %v", killAt, took)
		}
		wantStatus(t, container, libcontainer.Checkpointed)
	}
	killAt = ""
	restore(t, container, opts, said)
}
