// Making and finding containers, without type assertions and with contexts.

package libcontainer

import (
	"context"
	"errors"
	"fmt"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/criurpc"
)

// Runtime makes containers and finds those that exist, as a Factory does: it has one, and its
// methods return the type Instance instead of the interface Container, and take contexts.
// It is safe for concurrent use.
type Runtime struct{ factory *LinuxFactory }

// Open returns a Runtime whose containers have their state below the root directory. It
// takes the options that New takes, and treats the directory as New does.
//
// errors:
// ConfigInvalid - others may write to the directory,
// SystemError - System error; an option has failed.
func Open(root string, options ...func(*LinuxFactory) error) (*Runtime, error) {
	l, err := newFactory(root, options)
	if err != nil {
		return nil, err
	}
	return &Runtime{l}, nil
}

// Factory returns the factory that makes the containers, for code that wants the classic
// type. Its fields must not be changed any more.
func (r *Runtime) Factory() *LinuxFactory { return r.factory }

// Create checks the configuration and claims the id for a new container, and ids of its users
// if Config.IDs asks for that; nothing runs yet. See Factory.Create for what an id may be, and
// the errors.
func (r *Runtime) Create(ctx context.Context, id string, config *configs.Config) (*Instance, error) {
	if err := over(ctx, "create", id); err != nil {
		return nil, err
	}
	return r.factory.create(ctx, id, config, nil)
}

// CreateWithRecord is Create, and keeps a record with the container, see
// LinuxFactory.CreateWithRecord.
func (r *Runtime) CreateWithRecord(ctx context.Context, id string, config *configs.Config, record []byte) (*Instance, error) {
	if err := over(ctx, "create", id); err != nil {
		return nil, err
	}
	return r.factory.create(ctx, id, config, append([]byte{}, record...))
}

// Load returns an existing container as its state on disk tells, whoever has made it and
// whether it runs or not. See Factory.Load for the errors.
func (r *Runtime) Load(ctx context.Context, id string) (*Instance, error) {
	if err := over(ctx, "load", id); err != nil {
		return nil, err
	}
	return r.factory.load(id)
}

// List returns all containers in the order of their ids, whoever has made them and in
// whatever state they are. If some cannot be loaded it returns the others, and an error
// that says which and why. Like a file of package os, an Instance that is not used any more
// gives up its descriptor of the container's initial process when it is garbage.
//
// errors:
// ConfigInvalid - the runtime has no root directory,
// SystemError - System error; ctx has ended.
func (r *Runtime) List(ctx context.Context) ([]*Instance, error) {
	ids, err := r.factory.List()
	if err != nil {
		return nil, err
	}
	var list []*Instance
	var failed []error
	for _, id := range ids {
		c, err := r.Load(ctx, id)
		switch {
		case ctx.Err() != nil:
			return nil, newSystemError(fmt.Errorf("list containers: %w", context.Cause(ctx)))
		case errors.Is(err, ContainerNotExists): // it has been destroyed meanwhile
		case err != nil:
			failed = append(failed, err)
		default:
			list = append(list, c)
		}
	}
	return list, newSystemError(errors.Join(failed...))
}

// CriuFeatures tells what Checkpoint and Restore can do on this machine, see
// LinuxFactory.CriuFeatures.
func (r *Runtime) CriuFeatures(ctx context.Context) (*criurpc.Features, error) {
	return r.factory.CriuFeatures(ctx)
}

// From returns what a Container is, if it is one of a LinuxFactory or a Runtime.
func From(container Container) (*Instance, bool) {
	c, ok := container.(*Instance)
	return c, ok && c != nil
}

// over is the error of a call whose context has ended before it.
func over(ctx context.Context, step, id string) error {
	if ctx.Err() == nil {
		return nil
	}
	return newSystemError(fmt.Errorf("%s container %q: %w", step, id, context.Cause(ctx)))
}
