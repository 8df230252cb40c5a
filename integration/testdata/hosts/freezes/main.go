// Freezes is a host whose containers are frozen while it starts something:
//
//	freezes ROOTFS STATE CGROUP parent   the parent of the container's cgroup is frozen
//	freezes ROOTFS STATE CGROUP itself   the container freezes itself when it sees a
//	                                     further process come
//
// It says what returns, line by line, so that who waits for it knows where it hangs.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/integration/testdata/hosts/internal/run"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

func main() {
	var err error
	switch how := os.Args[4]; how {
	case "parent":
		err = frozenParent()
	case "itself":
		err = freezesItself()
	default:
		err = fmt.Errorf("unknown way %q", how)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func create(config *configs.Config) (libcontainer.LinuxContainer, error) {
	factory, err := libcontainer.New(os.Args[2], tested.Manager)
	if err != nil {
		return nil, err
	}
	c, err := factory.Create("freezes", config)
	if err != nil {
		return nil, err
	}
	return c.(libcontainer.LinuxContainer), nil
}

// startBounded starts a process, for as long as a deadline says. Meanwhile the garbage
// collector, which stops all goroutines, must not wait for anything either.
func startBounded(c libcontainer.LinuxContainer, p *libcontainer.Process) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.StartContext(ctx, p) }()
	<-ctx.Done()
	runtime.GC()
	fmt.Println("the garbage was collected")
	return <-done
}

func frozenParent() error {
	c, err := create(run.Config())
	if err != nil {
		return err
	}
	p := &libcontainer.Process{Args: []string{"/bin/true"}}
	if err := startBounded(c, p); err == nil {
		return errors.New("a process was started below a frozen cgroup")
	}
	fmt.Println("start returned")
	if err := c.Destroy(); err != nil {
		return fmt.Errorf("destroy: %w", err)
	}
	fmt.Println("destroyed")
	return nil
}

// The container counts the processes of its cgroup, which it sees at /sys/fs/cgroup,
// and freezes itself when there is one that it has not made.
const freezer = `
	for d in /sys/fs/cgroup /sys/fs/cgroup/freezer; do
		[ -e $d/cgroup.freeze ] && file=$d/cgroup.freeze value=1 dir=$d
		[ -e $d/freezer.state ] && file=$d/freezer.state value=FROZEN dir=$d
	done
	[ -n "$file" ] || { echo no freezer; exit 1; }
	echo ready
	while :; do
		n=0
		while read pid; do n=$((n+1)); done <$dir/cgroup.procs
		[ $n -gt 1 ] && echo $value >$file
	done`

// endFrozen waits until the container has frozen itself, and kills the process.
func endFrozen(c libcontainer.LinuxContainer, p *libcontainer.Process) error {
	for until := time.Now().Add(time.Minute); ; {
		status, err := c.Status()
		if err != nil {
			return fmt.Errorf("status: %w", err)
		}
		if status == libcontainer.Paused {
			break
		}
		if time.Now().After(until) {
			return fmt.Errorf("the container, which is to freeze itself, is %v", status)
		}
	}
	if err := p.Signal(unix.SIGKILL); err != nil {
		return fmt.Errorf("kill: %w", err)
	}
	return nil
}

// thawed thaws the container until the process that it has seen has ended: before that it
// may freeze itself once more.
func thawed(c libcontainer.LinuxContainer) error {
	for until := time.Now().Add(time.Minute); ; {
		if err := c.Resume(); err != nil {
			return fmt.Errorf("resume: %w", err)
		}
		pids, err := c.Processes()
		if err != nil {
			return fmt.Errorf("processes: %w", err)
		}
		if len(pids) == 1 {
			return nil
		}
		if time.Now().After(until) {
			return fmt.Errorf("the processes %v are in the container still", pids)
		}
	}
}

func freezesItself() (err error) {
	config := run.Config()
	// At the root of a cgroup namespace the kernel lets nobody write cgroup.freeze, if
	// cgroup2 is mounted with nsdelegate (cgroups(7)), as systemd does.
	config.Namespaces.Remove(configs.NEWCGROUP)
	config.Mounts = append(config.Mounts, &configs.Mount{Source: "cgroup", Destination: "/sys/fs/cgroup", Device: "cgroup"})
	c, err := create(config)
	if err != nil {
		return err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	first := &libcontainer.Process{Args: []string{"/bin/sh", "-c", freezer}, Stdout: w, Stderr: os.Stderr}
	err = c.Start(first)
	w.Close()
	if err != nil {
		return err
	}
	if lines := bufio.NewScanner(r); !lines.Scan() || lines.Text() != "ready" {
		return errors.Join(fmt.Errorf("the container said %q", lines.Text()), c.Destroy())
	}
	for range 5 {
		// It stays until the container has seen it.
		p := &libcontainer.Process{Args: []string{"/bin/sleep", "1000000"}}
		err := startBounded(c, p)
		fmt.Println("start returned")
		if err == nil {
			err = endFrozen(c, p)
		} else if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, libcontainer.ContainerPaused) {
			err = nil // it was frozen before, or meanwhile
		}
		if err == nil {
			err = thawed(c)
		}
		if err != nil {
			return errors.Join(err, c.Destroy()) // its processes hold this program's output
		}
	}
	if err := c.Destroy(); err != nil {
		return fmt.Errorf("destroy: %w", err)
	}
	fmt.Println("destroyed")
	return nil
}
