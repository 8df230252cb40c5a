// The host's side: what is looked at of images before anything is made of them.

package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/criurpc"
	"github.com/libcontainer/libcontainer/internal/criuimage"
)

// examine looks at the images, before anything is made. It leaves nothing open if it fails.
func (r *restore) examine() (err error) {
	v := r.c.view()
	if err := checkRestorableRoot(v.config); err != nil {
		return err
	}
	if err := r.opts.checkConfigFile(); err != nil {
		return err
	}
	if r.images, err = criuimage.Open(r.opts.ImagesDirectory); err != nil {
		return fmt.Errorf("directory of images: %w", err)
	}
	defer func() {
		if err != nil {
			r.work.Close()
			r.images.Close()
		}
	}()
	if r.work, err = openWork(r.opts, r.images); err != nil {
		return err
	}
	if err := criuimage.Sweep(r.work); err != nil {
		return fmt.Errorf("work directory: %w", err)
	}
	if err := r.images.Check(imageOwners(v.config)); err != nil {
		return err
	}
	manifest, err := r.images.Verify(r.opts.Key)
	if err != nil {
		return err
	}
	r.record = new(checkpointRecord)
	if err := json.Unmarshal(manifest.Record, r.record); err != nil {
		return fmt.Errorf("what the images are of: %w: %w", criuimage.ErrUntrusted, err)
	}
	if err := r.compareConfig(v.config); err != nil {
		return err
	}
	if err := r.compareTree(v.config); err != nil {
		return err
	}
	if manifest.Machine.Architecture != runtime.GOARCH {
		return fmt.Errorf("the images are of an %s machine: %w", manifest.Machine.Architecture, errors.ErrUnsupported)
	}
	if r.features, err = r.c.factory.criu().Probe(r.ctx); err != nil {
		return err
	}
	return r.features.Missing(criurpc.Needs{
		LazyPages:        r.opts.LazyPages,
		NetworkNamespace: v.config.Namespaces.Contains(configs.NEWNET),
		Tmpfs:            slices.ContainsFunc(r.record.Mounts, func(m checkpointMount) bool { return m.Type == "tmpfs" && !m.External }),
		NetworkLock:      r.opts.NetworkLock.method(),
	})
}

// imageOwners are the users whose images are restored: that of this program, and the root user
// of the container's user namespace, to whom a checkpoint gives the directory.
func imageOwners(config *configs.Config) []int {
	owners := []int{os.Geteuid()}
	if config.Namespaces.Contains(configs.NEWUSER) {
		if uid, err := config.HostUID(); err == nil {
			owners = append(owners, uid)
		}
	}
	return owners
}

// compareConfig refuses images of a container of another kind. What is different the processes
// would not have, whatever this container's configuration says.
func (r *restore) compareConfig(config *configs.Config) error {
	want, err := configDigests(config)
	if err != nil {
		return err
	}
	ignored := []string{}
	if r.opts.LsmProfile != "" {
		ignored = append(ignored, "apparmor_profile", "process_label")
	}
	if r.opts.LsmMountContext != "" {
		ignored = append(ignored, "mount_label")
	}
	diff := slices.DeleteFunc(differences(r.record.Config, want), func(name string) bool { return slices.Contains(ignored, name) })
	if len(diff) > 0 {
		return invalid(fmt.Errorf("the images are of a container whose configuration differs in %s", strings.Join(diff, ", ")))
	}
	return nil
}

// compareTree refuses images of processes that were not in namespaces of their own where
// the configuration asks for such: criu would make them in the host's.
func (r *restore) compareTree(config *configs.Config) error {
	tree, err := r.images.ReadTree()
	if err != nil {
		return err
	}
	if config.Namespaces.Creates(configs.NEWPID) && tree.Processes[0].Pid != 1 {
		return fmt.Errorf("%w: the first process has pid %d in them, and not 1", criuimage.ErrUntrusted, tree.Processes[0].Pid)
	}
	for _, p := range tree.Processes {
		for _, t := range configs.NamespaceTypes() {
			if config.Namespaces.Contains(t) && !p.Own[t] {
				return fmt.Errorf("%w: process %d in them is in the host's %s namespace, and the container has its own",
					criuimage.ErrUntrusted, p.Pid, nsName(t))
			}
		}
	}
	return nil
}
