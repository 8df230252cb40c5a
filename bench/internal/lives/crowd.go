package lives

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/libcontainer/libcontainer"
)

// ResidentProgram reads its standard input, which gets nothing: it runs until whoever holds the
// other end has ended, in whatever way.
var ResidentProgram = []string{"/bin/cat"}

// Keeping is such a standard input.
type Keeping struct {
	Stdin, held *os.File
}

// NewKeeping makes one.
func NewKeeping() (*Keeping, error) {
	stdin, held, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &Keeping{stdin, held}, nil
}

// Close ends all programs that read it.
func (k *Keeping) Close() error { return errors.Join(k.Stdin.Close(), k.held.Close()) }

// StartResident makes a container that runs until it is destroyed.
func StartResident(factory libcontainer.Factory, rootfs, id string, k *Keeping) (libcontainer.Container, error) {
	container, err := factory.Create(id, Config(rootfs, id))
	if err != nil {
		return nil, fmt.Errorf("create: %w", err)
	}
	process := &libcontainer.Process{Args: ResidentProgram, Env: Environment, Stdin: k.Stdin}
	if err := container.Start(process); err != nil {
		return nil, errors.Join(fmt.Errorf("start: %w", err), container.Destroy())
	}
	return container, nil
}

// Crowd is containers that run.
type Crowd struct {
	factory    libcontainer.Factory
	rootfs     string
	use        string
	keeping    *Keeping
	containers []libcontainer.Container
}

// NewCrowd is one of none.
func NewCrowd(work, rootfs, use string) (*Crowd, error) {
	factory, err := NewFactory(work)
	if err != nil {
		return nil, err
	}
	k, err := NewKeeping()
	if err != nil {
		return nil, err
	}
	return &Crowd{factory: factory, rootfs: rootfs, use: use, keeping: k}, nil
}

// Resize starts or destroys as many as are too few or too many.
func (c *Crowd) Resize(ctx context.Context, size int) error {
	for len(c.containers) < size {
		if err := ctx.Err(); err != nil {
			return err
		}
		container, err := StartResident(c.factory, c.rootfs, NewID(c.use, len(c.containers)), c.keeping)
		if err != nil {
			return fmt.Errorf("container %d of %d: %w", len(c.containers)+1, size, err)
		}
		c.containers = append(c.containers, container)
	}
	var errs []error
	for len(c.containers) > size {
		last := len(c.containers) - 1
		errs = append(errs, c.containers[last].Destroy())
		c.containers = c.containers[:last]
	}
	return errors.Join(errs...)
}

// Close destroys all.
func (c *Crowd) Close() error {
	return errors.Join(c.Resize(context.Background(), 0), c.keeping.Close())
}
