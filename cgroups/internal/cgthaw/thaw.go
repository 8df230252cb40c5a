//go:build linux

// Package cgthaw lets the processes that the freezer of cgroup v1 has stopped go on,
// wherever in a tree of cgroups. Only then do they die of a SIGKILL, see the kernel's
// document cgroup-v1/freezer-subsystem.
package cgthaw

import (
	"fmt"
	"strings"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
)

const (
	file   = "freezer.state"
	thawed = "THAWED"
)

// Tree thaws the cgroup v1 directory path and all below it. One that has gone is no
// error, and neither is one that stays frozen, because a cgroup above path is, or somebody
// has frozen it again.
func Tree(path string, kind cgdir.Kind) error {
	dir, err := cgdir.Open(path, kind)
	if err == nil {
		defer dir.Close()
		err = dir.Walk(thaw)
	}
	if err == nil || cgdir.IsGone(err) {
		return nil
	}
	return fmt.Errorf("thaw all cgroups below %s: %w", path, err)
}

// thaw writes only where it is needed: it takes a lock of the kernel that all share.
func thaw(dir *cgdir.Dir) error {
	state, err := dir.ReadFile(file)
	if err != nil || strings.TrimSpace(state) == thawed {
		return err
	}
	return dir.WriteFile(file, thawed)
}
