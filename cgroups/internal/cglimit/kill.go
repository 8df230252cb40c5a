//go:build linux

package cglimit

import (
	"errors"
	"fmt"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cgfeature"
)

// Kill kills all processes in the cgroup v2 directory path and below it, as
// cgroups.Driver has it. The kernel holds up forks meanwhile.
func Kill(path string, kind cgdir.Kind, features *cgfeature.Set) error {
	err := kill(path, kind, features)
	if err == nil || cgdir.IsGone(err) {
		return nil
	}
	return fmt.Errorf("kill all processes of the cgroup: %w", err)
}

func kill(path string, kind cgdir.Kind, features *cgfeature.Set) error {
	dir, err := cgdir.Open(path, kind)
	if err != nil {
		return err
	}
	defer dir.Close()
	if !features.Has(dir, cgfeature.Kill) {
		return fmt.Errorf("%s: %w (it came with Linux %s)", dir.Path(string(cgfeature.Kill)), errors.ErrUnsupported, cgfeature.Kill.Since())
	}
	return dir.WriteFile(string(cgfeature.Kill), "1")
}
