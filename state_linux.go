// The host's side: what state.json says.

package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

func decodeState(data []byte) (*State, error) {
	state := new(State)
	if err := json.Unmarshal(data, state); err != nil {
		return nil, fmt.Errorf("decode state: %w", err)
	}
	if state.InitProcessPid < 0 {
		return nil, fmt.Errorf("decode state: init_process_pid %d is negative", state.InitProcessPid)
	}
	return state, nil
}

// checkCgroupPaths refuses a state whose cgroups are no cgroups: the processes that are
// named there are killed by Destroy, and the directories removed. Those that are gone are no
// error.
func checkCgroupPaths(state *State) error {
	for key, path := range state.CgroupPaths {
		if err := checkCgroupPath(path); err != nil {
			return fmt.Errorf("cgroup_paths[%q]: %w", key, err)
		}
	}
	for _, path := range state.CgroupParents {
		if err := checkCgroupPath(path); err != nil {
			return fmt.Errorf("cgroup_parents: %w", err)
		}
	}
	return nil
}

func checkCgroupPath(path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path {
		return fmt.Errorf("%q is not the absolute path of a cgroup", path)
	}
	var st unix.Statfs_t
	err := unix.Statfs(path, &st)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ENODEV):
		return nil
	case err != nil:
		return &os.PathError{Op: "statfs", Path: path, Err: err}
	case st.Type != unix.CGROUP_SUPER_MAGIC && st.Type != unix.CGROUP2_SUPER_MAGIC:
		return fmt.Errorf("%q is not a cgroup", path)
	}
	return nil
}

// namespacePaths gives the paths of all namespaces of a process.
func namespacePaths(pid int) map[configs.NamespaceType]string {
	paths := make(map[configs.NamespaceType]string)
	for _, t := range configs.NamespaceTypes() {
		ns := configs.Namespace{Type: t}
		paths[t] = ns.GetPath(pid)
	}
	return paths
}
