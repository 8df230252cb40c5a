// Rootless is a host without privileges: its container has a user namespace, and
// no cgroups where it may not make them. The arguments after the third say what
// to do:
//
//	ids         map the ids of /etc/subuid and /etc/subgid besides the user's own
//	others      map those ids alone: the container's root is another user
//	pool        map ids of them that a pool gives
//	layers      make the root of a layer, which is the root file system, and memory
//	mapped      map the ids of the root, which it may not
//	strict      insist on cgroups
//	limits      set limits of memory and processes
//	life        exec, load, stop and destroy
//	measure     report cgroups, statistics, processes and a pause
//	program X   run the shell's program X
//	terminal X  run a program on a terminal of the container, X being first or further
//	deadline    start a program within a second, and say why that has failed
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/integration/testdata/hosts/internal/run"
	"github.com/libcontainer/libcontainer/internal/unixsock"
	_ "github.com/libcontainer/libcontainer/nsenter"
)

const script = "echo $(id -u) $(id -g) $(hostname); awk '{print $1, $2, $3}' /proc/self/uid_map; echo x >/dev/null; x=\"$(ps)\"; echo \"$x\" | wc -l"

func main() {
	if err := rootless(); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
}

func asked(what string) bool { return slices.Contains(os.Args[4:], what) }

func rootless() (err error) {
	factory, err := libcontainer.New(os.Args[2], tested.Manager)
	if err != nil {
		return err
	}
	c, err := factory.Create("rootless", config())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Destroy()) }()
	switch {
	case asked("life"):
		return life(c)
	case asked("measure"):
		return measure(c)
	case asked("deadline"):
		return deadline(c)
	case asked("terminal"):
		return terminal(c, os.Args[slices.Index(os.Args, "terminal")+1])
	case asked("program"):
		return program(c, os.Args[slices.Index(os.Args, "program")+1])
	}
	return program(c, script)
}

func program(c libcontainer.Container, script string) error {
	p := &libcontainer.Process{Args: []string{"/bin/sh", "-c", script}, Stdout: os.Stdout, Stderr: os.Stderr}
	if err := c.Start(p); err != nil {
		return err
	}
	_, err := p.Wait()
	return err
}

// terminal runs a program on a terminal, which it serves itself.
func terminal(c libcontainer.Container, kind string) error {
	if kind == "further" {
		first, err := blocked(c)
		if err != nil {
			return err
		}
		defer func() {
			_ = first.Signal(syscall.SIGKILL)
			_, _ = first.Wait()
		}()
	}
	dir, err := os.MkdirTemp("", "lct") // the address of a socket is short
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "socket")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return err
	}
	defer listener.Close()
	p := &libcontainer.Process{Args: []string{"/bin/sh", "-c", `stty -echo -onlcr; tty; stat -c "%u:%g %a" $(tty); echo to tty >/dev/tty`}}
	if err := p.NewConsoleSocket(0, path); err != nil {
		return err
	}
	if err := c.Start(p); err != nil {
		return err
	}
	conn, err := listener.AcceptUnix()
	if err != nil {
		return err
	}
	defer conn.Close()
	socket, err := conn.File()
	if err != nil {
		return err
	}
	defer socket.Close()
	_, files, err := unixsock.Recv(context.Background(), socket, make([]byte, 64), 1)
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return fmt.Errorf("%d descriptors came for a terminal", len(files))
	}
	defer files[0].Close()
	if _, err := io.Copy(os.Stdout, files[0]); !errors.Is(err, syscall.EIO) {
		return fmt.Errorf("the terminal ended with %v, want EIO", err)
	}
	_, err = p.Wait()
	return err
}

func deadline(c libcontainer.Container) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	p := &libcontainer.Process{Args: []string{"/bin/true"}}
	err := c.(libcontainer.LinuxContainer).StartContext(ctx, p)
	if !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("start: %w", err)
	}
	fmt.Println("start:", context.DeadlineExceeded)
	return nil
}

// blocked starts a program that waits to be killed.
func blocked(c libcontainer.Container) (*libcontainer.Process, error) {
	p := &libcontainer.Process{Args: []string{"/bin/sleep", "1000000"}}
	return p, c.Start(p)
}

func life(c libcontainer.Container) error {
	first, err := blocked(c)
	if err != nil {
		return err
	}
	if err := program(c, script); err != nil {
		return fmt.Errorf("exec: %w", err)
	}
	factory, err := libcontainer.New(os.Args[2], tested.Manager)
	if err != nil {
		return err
	}
	loaded, err := factory.Load("rootless")
	if err != nil {
		return err
	}
	if err := program(loaded, "echo loaded $(hostname)"); err != nil {
		return fmt.Errorf("exec in the loaded: %w", err)
	}
	pids, err := loaded.Processes()
	if err != nil {
		return err
	}
	fmt.Println(len(pids), "processes")
	if err := loaded.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	state, err := first.Wait()
	if state == nil {
		return err
	}
	fmt.Println(state)
	status, err := c.Status()
	if err != nil {
		return err
	}
	fmt.Println(status)
	return loaded.Destroy()
}

func measure(c libcontainer.Container) error {
	p, err := blocked(c)
	if err != nil {
		return err
	}
	defer func() {
		_ = p.Signal(syscall.SIGKILL)
		_, _ = p.Wait()
	}()
	state, err := c.State()
	if err != nil {
		return err
	}
	fmt.Printf("cgroups %q\n", slices.Sorted(maps.Keys(state.CgroupPaths)))
	stats, err := c.Stats()
	if err != nil {
		fmt.Println(err)
	} else {
		fmt.Println("limit", stats.CgroupStats.MemoryStats.Usage.Limit)
	}
	pids, err := c.Processes()
	if err != nil {
		return err
	}
	fmt.Println(len(pids), "processes")
	if err := c.Pause(); err != nil {
		fmt.Println(err)
		return nil
	}
	status, err := c.Status()
	if err != nil {
		return err
	}
	fmt.Println(status)
	return c.Resume()
}

func config() *configs.Config {
	config := run.Config()
	config.Hostname = "rootless"
	config.Cgroups.Optional = !asked("strict")
	config.Cgroups.Resources = &configs.Resources{AllowAllDevices: true, MemorySwappiness: -1}
	if asked("limits") {
		config.Cgroups.Memory, config.Cgroups.PidsLimit = 32<<20, 4
	}
	config.Namespaces.Add(configs.NEWUSER, "")
	if asked("layers") {
		config.Overlay = &configs.Overlay{Lower: []string{config.Rootfs}, Memory: 1 << 20}
		config.Rootfs = ""
	}
	if asked("mapped") {
		config.RootIDMapping = configs.IDMapMount
	}
	if asked("pool") {
		config.IDs = &configs.IDPool{First: 200000, Size: 500, Count: 2}
		return config
	}
	config.UidMappings = []configs.IDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	config.GidMappings = []configs.IDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	if asked("others") {
		config.UidMappings = []configs.IDMap{{ContainerID: 0, HostID: 200000, Size: 1000}}
		config.GidMappings = config.UidMappings
		return config
	}
	if asked("ids") {
		more := configs.IDMap{ContainerID: 1, HostID: 200000, Size: 600}
		split := configs.IDMap{ContainerID: 1000, HostID: 200700, Size: 300}
		config.UidMappings = append(config.UidMappings, more, split)
		config.GidMappings = append(config.GidMappings, more, split)
		return config
	}
	for _, m := range config.Mounts {
		if m.Device == "devpts" {
			m.Data = "newinstance,ptmxmode=0666" // there is no group tty
		}
	}
	return config
}
