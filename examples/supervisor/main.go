// Supervisor starts containers, again when they end, and destroys those that are no longer named.
// SIGTERM, a crash or an update ends the supervisor alone: the next one adopts what it finds.
//
//	supervisor DIRECTORY /path/to/rootfs [NAME='shell command'...]
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
	_ "github.com/libcontainer/libcontainer/nsenter" // makes this program its containers' init
	"github.com/libcontainer/libcontainer/utils"
)

type supervisor struct {
	dir, rootfs string
	runtime     *libcontainer.Runtime
}

func main() {
	if len(os.Args) < 3 {
		log.Fatal("usage: supervisor DIRECTORY /path/to/rootfs [NAME='shell command'...]")
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	commands := make(map[string]string)
	for _, arg := range os.Args[3:] {
		name, command, found := strings.Cut(arg, "=")
		if !found || command == "" || commands[name] != "" {
			log.Fatalf("%q is not NAME=COMMAND, or the name is there twice", arg)
		}
		commands[name] = command
	}
	if err := run(ctx, os.Args[1], os.Args[2], commands); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dir, rootfs string, commands map[string]string) error {
	rootfs, err := utils.ResolveRootfs(rootfs)
	if err != nil {
		return err
	}
	runtime, err := libcontainer.Open(filepath.Join(dir, "state"))
	if err != nil {
		return err
	}
	s := &supervisor{dir, rootfs, runtime}
	// Two would both start what has ended. The kernel drops the lock with the process.
	lock, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return fmt.Errorf("another supervisor works in %s: %w", dir, err)
	}
	containers, err := s.runtime.List(ctx)
	for _, container := range containers {
		if commands[container.ID()] == "" {
			err = errors.Join(err, container.Destroy())
		}
	}
	if err != nil {
		return err
	}
	var all sync.WaitGroup
	for id, command := range commands {
		all.Go(func() { s.supervise(ctx, id, command) })
	}
	all.Wait()
	return nil
}

// supervise lets a container live again and again until ctx ends. If what it was asked to be is
// wrong, the supervisor ends; the containers that run go on.
func (s *supervisor) supervise(ctx context.Context, id, command string) {
	for ctx.Err() == nil {
		err := s.live(ctx, id, command)
		if errors.Is(err, libcontainer.ConfigInvalid) || errors.Is(err, libcontainer.InvalidIdFormat) {
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
func (s *supervisor) live(ctx context.Context, id, command string) error {
	container, err := s.runtime.Load(ctx, id)
	if errors.Is(err, libcontainer.ContainerNotExists) {
		container, err = s.start(ctx, id, command)
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
	return errors.Join(err, container.Destroy())
}

func (s *supervisor) start(ctx context.Context, id, command string) (*libcontainer.Instance, error) {
	config := configs.Default()
	config.Rootfs = s.rootfs
	config.Cgroups.Name = "supervisor-" + id
	container, err := s.runtime.Create(ctx, id, config)
	if err != nil {
		return nil, err
	}
	// NAME.log is a file, not a pipe to us: it must outlive us.
	out, err := os.OpenFile(filepath.Join(s.dir, id+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err == nil {
		defer out.Close()
		err = container.StartContext(ctx, &libcontainer.Process{
			Args:   []string{"/bin/sh", "-c", command},
			Env:    []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
			Stdout: out, Stderr: out,
		})
	}
	if err != nil {
		return nil, errors.Join(err, container.Destroy())
	}
	return container, nil
}
