// The host's side: state.json.

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

const stateName = "state.json"

// writeState replaces the state file of the container directory atomically: a
// reader, or a crash, sees the old or the new one whole.
func writeState(dir string, state *State) (fileID, error) {
	data, err := json.Marshal(state)
	if err != nil {
		return fileID{}, fmt.Errorf("encode state: %w", err)
	}
	name := filepath.Join(dir, stateName)
	tmp := name + ".new"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fileID{}, fmt.Errorf("write state: %w", err)
	}
	id, err := identify(tmp)
	if err != nil {
		return fileID{}, fmt.Errorf("write state: %w", err)
	}
	if err := os.Rename(tmp, name); err != nil {
		return fileID{}, fmt.Errorf("replace state: %w", err)
	}
	return id, nil
}

// fileID tells a file or directory from another one that has, or gets, its name.
// The zero value is that of a file which does not exist.
type fileID struct {
	major, minor uint32
	inode        uint64
	born         unix.StatxTimestamp // zero where the file system has no time of birth
	size         uint64
}

// identify returns the identity of what has that name, zero if nothing has. A
// directory is the same whatever is in it.
func identify(name string) (fileID, error) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, name, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_INO|unix.STATX_BTIME|unix.STATX_SIZE, &st)
	if errors.Is(err, unix.ENOENT) {
		return fileID{}, nil
	}
	if err != nil {
		return fileID{}, &os.PathError{Op: "statx", Path: name, Err: err}
	}
	id := fileID{major: st.Dev_major, minor: st.Dev_minor, inode: st.Ino}
	if st.Mask&unix.STATX_BTIME != 0 {
		id.born = st.Btime
	}
	if st.Mode&unix.S_IFMT == unix.S_IFREG {
		id.size = st.Size
	}
	return id, nil
}

func readState(dir string) (*State, error) {
	name := filepath.Join(dir, stateName)
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read state: %w", err)
	}
	state := new(State)
	if err := json.Unmarshal(data, state); err != nil {
		return nil, fmt.Errorf("decode %s: %w", name, err)
	}
	if state.InitProcessPid < 0 {
		return nil, fmt.Errorf("decode %s: init_process_pid %d is negative", name, state.InitProcessPid)
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
