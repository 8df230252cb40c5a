// The host's side: id mappings of a new user namespace.

package libcontainer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// mustDenySetgroups tells whether the gid mapping can be written only when
// setgroups(2) is given up in the user namespace, see user_namespaces(7).
func mustDenySetgroups(config *configs.Config) bool {
	return config.Namespaces.CloneFlags()&unix.CLONE_NEWUSER != 0 &&
		ownIDOnly(config.GidMappings, os.Getegid()) && !hasEffective(unix.CAP_SETGID)
}

// writeIDMaps writes the mappings of the user namespace of process pid, see
// user_namespaces(7). With CAP_SETUID and CAP_SETGID any mapping can be written;
// without, the kernel permits a mapping of the own id alone, and newuidmap(1) and
// newgidmap(1) write what /etc/subuid and /etc/subgid grant.
func writeIDMaps(ctx context.Context, pid int, config *configs.Config, denySetgroups bool) error {
	if err := writeIDMap(ctx, pid, "uid_map", "newuidmap", config.UidMappings); err != nil {
		return err
	}
	if denySetgroups {
		if err := os.WriteFile(procFile(pid, "setgroups"), []byte("deny"), 0); err != nil {
			return fmt.Errorf("write id mappings: %w", err)
		}
	}
	return writeIDMap(ctx, pid, "gid_map", "newgidmap", config.GidMappings)
}

func writeIDMap(ctx context.Context, pid int, file, helper string, maps []configs.IDMap) error {
	lines := make([]string, len(maps))
	for i, m := range maps {
		lines[i] = fmt.Sprintf("%d %d %d", m.ContainerID, m.HostID, m.Size)
	}
	// The kernel takes the whole mapping in one write.
	err := os.WriteFile(procFile(pid, file), []byte(strings.Join(lines, "\n")), 0)
	if err == nil || !errors.Is(err, unix.EPERM) {
		if err != nil {
			return fmt.Errorf("write id mapping %q: %w", lines, err)
		}
		return nil
	}
	args := []string{strconv.Itoa(pid)}
	for _, line := range lines {
		args = append(args, strings.Fields(line)...)
	}
	command := exec.CommandContext(ctx, helper, args...)
	command.WaitDelay = time.Second // what it has left behind may hold its output
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	helperErr := pidfd.Run(command)
	if cause := context.Cause(ctx); helperErr != nil && cause != nil {
		return fmt.Errorf("write id mapping %q: %s: %w", lines, helper, cause)
	}
	if helperErr != nil {
		return fmt.Errorf("write id mapping %q: %w; %s: %w: %s", lines, err, helper, helperErr,
			strings.TrimSpace(output.String()))
	}
	return nil
}

// hostRootID reads from a mapping of a process which id of the host its root is.
func hostRootID(pid int, file string) (int, error) {
	name := procFile(pid, file)
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, fmt.Errorf("read id mapping: %w", err)
	}
	id, err := parseHostRootID(string(data))
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return id, nil
}

// parseHostRootID parses lines of "inside outside length", see
// user_namespaces(7).
func parseHostRootID(text string) (int, error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return 0, fmt.Errorf("line %q has %d fields, want 3", line, len(fields))
		}
		if fields[0] != "0" {
			continue
		}
		id, err := strconv.ParseUint(fields[1], 10, 32)
		if err != nil {
			return 0, fmt.Errorf("line %q: %w", line, err)
		}
		return int(id), nil
	}
	return 0, errors.New("id 0 is not mapped")
}

// ownIDOnly tells whether the mapping is the one that an unprivileged process may
// write by itself.
func ownIDOnly(maps []configs.IDMap, id int) bool {
	return len(maps) == 1 && maps[0].Size == 1 && maps[0].HostID == id
}

func hasEffective(capability int) bool {
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return false
	}
	return data[capability/32].Effective&(1<<(capability%32)) != 0
}

func procFile(pid int, name string) string {
	return "/proc/" + strconv.Itoa(pid) + "/" + name
}
