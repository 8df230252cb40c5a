// The host's side: what state.json says.

package libcontainer

import (
	"encoding/json"
	"fmt"

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

// namespacePaths gives the paths of all namespaces of a process.
func namespacePaths(pid int) map[configs.NamespaceType]string {
	paths := make(map[configs.NamespaceType]string)
	for _, t := range configs.NamespaceTypes() {
		ns := configs.Namespace{Type: t}
		paths[t] = ns.GetPath(pid)
	}
	return paths
}
