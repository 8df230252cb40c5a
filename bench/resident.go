package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/libcontainer/libcontainer"
)

// residentProgram reads its standard input, which gets nothing: it runs until whoever holds the
// other end has ended, in whatever way.
var residentProgram = []string{"/bin/cat"}

// keeping is such a standard input.
type keeping struct {
	stdin, held *os.File
}

func newKeeping() (*keeping, error) {
	stdin, held, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &keeping{stdin, held}, nil
}

func (k *keeping) close() error { return errors.Join(k.stdin.Close(), k.held.Close()) }

// startResident makes a container that runs until it is destroyed.
func startResident(factory libcontainer.Factory, rootfs, id string, k *keeping) (libcontainer.Container, error) {
	container, err := factory.Create(id, containerConfig(rootfs, id))
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	process := &libcontainer.Process{Args: residentProgram, Env: environment, Stdin: k.stdin}
	if err := container.Start(process); err != nil {
		return nil, errors.Join(fmt.Errorf("start: %w", err), container.Destroy())
	}
	return container, nil
}

// initPid is the pid of a container's first process.
func initPid(container libcontainer.Container) (int, error) {
	state, err := container.State()
	if err != nil {
		return 0, err
	}
	return state.InitProcessPid, nil
}

// newID gives an id, and name of cgroups, that containers of no other use or number have.
func newID(use string, number int) string {
	return fmt.Sprintf("lctest-bench-%s-%d-%d", use, os.Getpid(), number)
}

// floorExecArgs are floor-exec's arguments for a container.
func floorExecArgs(container libcontainer.Container) ([]string, error) {
	pid, err := initPid(container)
	return []string{strconv.Itoa(pid), container.ID()}, err
}
