// Supervisor starts containers, again when they end, and destroys those that are no longer named. They
// are in one network, find each other by name, and may have ports of the host. SIGTERM, a crash or
// an update ends the supervisor alone: the next one adopts what it finds.
//
//	supervisor DIRECTORY /path/to/rootfs [NAME[:HOSTPORT:PORT]='shell command'...]
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/network"
	_ "github.com/libcontainer/libcontainer/nsenter" // makes this program its containers' init
	"github.com/libcontainer/libcontainer/utils"
)

type supervisor struct {
	dir, rootfs string
	commands    map[string]string // by name
	ports       map[string][]network.Port
	runtime     *libcontainer.Runtime
	net         *network.Network
}

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: supervisor DIRECTORY /path/to/rootfs [NAME[:HOSTPORT:PORT]='shell command'...]")
	}
	s := &supervisor{dir: os.Args[1], commands: make(map[string]string), ports: make(map[string][]network.Port)}
	for _, arg := range os.Args[3:] {
		what, command, _ := strings.Cut(arg, "=")
		name, ports, _ := strings.Cut(what, ":")
		if command == "" || s.commands[name] != "" {
			log.Fatalf("%q is not NAME[:HOSTPORT:PORT]=COMMAND, or the name is there twice", arg)
		}
		s.commands[name], s.ports[name] = command, must(network.ParsePorts(ports))
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	s.rootfs = must(utils.ResolveRootfs(os.Args[2]))
	s.runtime = must(libcontainer.Open(filepath.Join(s.dir, "state")))
	// Two would both start what has ended. The kernel drops the lock with the process.
	lock := must(os.Open(s.dir))
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		log.Fatalf("another supervisor works in %s: %v", s.dir, err)
	}
	s.net = must(network.Open(ctx, filepath.Join(s.dir, "net"), network.Config{
		Name: "supervisor", Subnets: []netip.Prefix{netip.MustParsePrefix("10.88.77.0/24")}, OnWarning: func(err error) { log.Print(err) },
	}))
	var live []string
	for _, container := range must(s.runtime.List(ctx)) {
		if id := container.ID(); s.commands[id] != "" {
			live = append(live, id)
		} else {
			check(container.Destroy())
		}
	}
	check(s.net.Collect(ctx, live))
	var all sync.WaitGroup
	for id := range s.commands {
		all.Go(func() { s.supervise(ctx, id) })
	}
	if all.Wait(); len(s.commands) == 0 {
		check(s.net.Remove(ctx))
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func must[T any](v T, err error) T {
	check(err)
	return v
}

// supervise lets a container live again and again until ctx ends. If what it was asked to be is
// wrong, the supervisor ends; the containers that run go on.
func (s *supervisor) supervise(ctx context.Context, id string) {
	for ctx.Err() == nil {
		err := s.live(ctx, id)
		if errors.Is(err, libcontainer.ConfigInvalid) || errors.Is(err, libcontainer.InvalidIdFormat) || errors.Is(err, network.ErrInvalid) {
			log.Fatal(err)
		}
		log.Printf("%s: %v", id, err)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second): // for one that ends at once, again and again
		}
	}
}

// live waits for the end of a container, which it adopts or else starts, and leaves nothing of it;
// nor of one that a supervisor died over while it made it. When ctx ends, the container goes on.
func (s *supervisor) live(ctx context.Context, id string) error {
	container, err := s.runtime.Load(ctx, id)
	if errors.Is(err, libcontainer.ContainerNotExists) {
		container, err = s.start(ctx, id)
	}
	if err != nil {
		return err
	}
	if state, err := container.State(); err == nil {
		log.Printf("%s: runs, pid %d", id, state.InitProcessPid)
	}
	status, err := container.Wait(ctx)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		err = fmt.Errorf("exit status %d", libcontainer.ExitCode(status))
	}
	return errors.Join(err, container.Destroy(), s.net.Detach(ctx, id))
}

func (s *supervisor) start(ctx context.Context, id string) (container *libcontainer.Instance, err error) {
	config := configs.Default()
	config.Rootfs, config.Cgroups.Name = s.rootfs, "supervisor-"+id
	if _, err := s.net.Attach(ctx, id, config, s.ports[id]...); err != nil {
		return nil, err
	}
	// NAME.log is a file, not a pipe to us: it must outlive us.
	out := must(os.OpenFile(filepath.Join(s.dir, id+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600))
	defer out.Close()
	if container, err = s.runtime.Create(ctx, id, config); err == nil {
		if err = container.StartContext(ctx, &libcontainer.Process{
			Args: []string{"/bin/sh", "-c", s.commands[id]}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Stdout: out, Stderr: out,
		}); err == nil {
			return container, nil
		}
		err = errors.Join(err, container.Destroy())
	}
	return nil, errors.Join(err, s.net.Detach(ctx, id))
}
