package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/libcontainer/libcontainer"
	"github.com/libcontainer/libcontainer/configs"
)

// createOnLayers makes a container with ids of a pool, on a root of two layers whose ids
// are mapped.
func (b *bench) createOnLayers() (libcontainer.Container, error) {
	top := filepath.Join(filepath.Dir(b.root), "top")
	if err := os.MkdirAll(top, 0o755); err != nil {
		return nil, fmt.Errorf("make a layer: %w", err)
	}
	config := b.config()
	config.Overlay = &configs.Overlay{Lower: []string{top, b.rootfs}, Memory: 1 << 20}
	config.Rootfs = ""
	config.Namespaces.Add(configs.NEWUSER, "")
	config.IDs = &configs.IDPool{First: 400000, Size: 65536, Count: 3}
	config.RootIDMapping = configs.IDMapMount
	return b.factory.Create("faults", config)
}

// runOnLayers tells of the root's mount, and tries it.
func runOnLayers(c libcontainer.Container) error {
	p := process("/bin/sh", "-c", "grep ' / / ' /proc/self/mountinfo; head -n1 /etc/passwd && touch /new && rm /bin/vi && stat -c %u:%a /new /")
	p.Env = []string{"PATH=/bin:/usr/bin"}
	p.Stdout, p.Stderr = os.Stdout, os.Stderr
	instance, _ := libcontainer.From(c)
	result, err := instance.Run(context.Background(), p)
	if err == nil && result.ExitCode != 0 {
		err = fmt.Errorf("exit code %d", result.ExitCode)
	}
	return err
}
