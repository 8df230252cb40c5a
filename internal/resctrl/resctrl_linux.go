// Package resctrl keeps processes in groups of the kernel's resctrl file system, by which
// Intel's Resource Director Technology, and what AMD and ARM have of that kind, divide
// caches and memory bandwidth (the kernel's document filesystems/resctrl).
package resctrl

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// ConfigError is an error of who has written the configuration.
type ConfigError struct{ err error }

func (e *ConfigError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.err }

// Groups are the groups that a container's processes are in.
type Groups struct {
	// Control is the directory of the class of service, Monitor that of the group for
	// monitoring, which is empty if there is none.
	Control, Monitor string

	// Made tells that Control was made for the container alone. Monitor always is.
	Made bool
}

// Find returns where resctrl is mounted. If it is not, the error is
// errors.ErrUnsupported.
func Find() (string, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.FSTypeFilter("resctrl"))
	if err != nil {
		return "", fmt.Errorf("look for resctrl: %w", err)
	}
	if len(mounts) == 0 {
		return "", fmt.Errorf("resctrl is not mounted; mount it on /sys/fs/resctrl, if the processor has it: %w", errors.ErrUnsupported)
	}
	return mounts[0].Mountpoint, nil
}

// Plan names the groups of a container with that id, and makes nothing. A group that is to
// be made must not be there, unless it is among the known ones, which an earlier start of
// the container has made.
func Plan(root, id string, config *configs.IntelRdt, known *Groups) (*Groups, error) {
	g := &Groups{Control: filepath.Join(root, config.ClosID)}
	if config.ClosID == "" {
		g.Control, g.Made = filepath.Join(root, id), true
	}
	if config.EnableMonitoring {
		g.Monitor = filepath.Join(g.Control, "mon_groups", id)
	}
	if known != nil && *known == *g {
		return g, nil
	}
	if g.Made {
		if err := absent(g.Control); err != nil {
			return nil, err
		}
	}
	if g.Monitor != "" {
		if err := absent(g.Monitor); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func absent(dir string) error {
	_, err := os.Lstat(dir)
	if err == nil {
		return fmt.Errorf("make resctrl group %s: %w, and not of this container", dir, os.ErrExist)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Make makes the groups, and gives that of control the schemata. One that is there and
// not the container's own must have them already.
func (g *Groups) Make(schemata []string) error {
	err := os.Mkdir(g.Control, 0o755)
	exists := errors.Is(err, os.ErrExist)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return &ConfigError{err}
	case err != nil && !exists:
		return fmt.Errorf("make class of service: %w", err)
	case exists && !g.Made:
		err = g.compare(schemata)
	case !exists && !g.Made && len(schemata) == 0:
		err = &ConfigError{fmt.Errorf("there is no class of service %s, and no Schemata to make it with: %w", g.Control, os.ErrNotExist)}
		return errors.Join(err, os.Remove(g.Control))
	default:
		if err = g.Set(schemata); err != nil && !exists {
			err = errors.Join(err, os.Remove(g.Control))
		}
	}
	if err != nil || g.Monitor == "" {
		return err
	}
	err = os.Mkdir(g.Monitor, 0o755)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("make monitoring group: the processor or the kernel has no monitoring: %w", err)
	case err != nil && !errors.Is(err, os.ErrExist):
		return fmt.Errorf("make monitoring group: %w", err)
	}
	return nil
}

// Set gives the group of control schemata.
func (g *Groups) Set(schemata []string) error {
	if len(schemata) == 0 {
		return nil
	}
	name := filepath.Join(g.Control, "schemata")
	text := strings.Join(schemata, "\n") + "\n"
	err := write(name, text)
	if err == nil {
		return nil
	}
	// The words of the kernel for what it refuses are in a file.
	root := g.Control
	for range 2 {
		if status, rerr := os.ReadFile(filepath.Join(root, "info/last_cmd_status")); rerr == nil {
			return fmt.Errorf("write schemata %q: %w (%s)", schemata, err, strings.TrimSpace(string(status)))
		}
		root = filepath.Dir(root)
	}
	return fmt.Errorf("write schemata %q: %w", schemata, err)
}

// compare wants that the group of control has the schemata.
func (g *Groups) compare(schemata []string) error {
	if len(schemata) == 0 {
		return nil
	}
	name := filepath.Join(g.Control, "schemata")
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	have := parse(strings.Split(string(data), "\n"))
	for domain, value := range parse(schemata) {
		if have[domain] != value {
			return &ConfigError{fmt.Errorf("the class of service %s has %s=%s, not %s: another container may need that",
				g.Control, domain, have[domain], value)}
		}
	}
	return nil
}

// parse gives the values of schemata by "resource:domain".
func parse(lines []string) map[string]string {
	values := make(map[string]string)
	for _, line := range lines {
		resource, list, ok := strings.Cut(line, ":")
		if !ok {
			continue
		}
		for part := range strings.SplitSeq(list, ";") {
			domain, value, _ := strings.Cut(part, "=")
			value = strings.ToLower(strings.TrimSpace(value))
			value = strings.TrimPrefix(value, "0x")
			if short := strings.TrimLeft(value, "0"); short != "" {
				value = short
			}
			values[strings.TrimSpace(resource)+":"+strings.TrimSpace(domain)] = value
		}
	}
	return values
}

// Enter moves a process that has one thread. What it clones is in its groups.
func (g *Groups) Enter(pid int) error {
	for _, dir := range []string{g.Control, g.Monitor} {
		if dir == "" {
			continue
		}
		if err := write(filepath.Join(dir, "tasks"), strconv.Itoa(pid)+"\n"); err != nil {
			return fmt.Errorf("enter resctrl group: %w", err)
		}
	}
	return nil
}

// Remove removes what was made for the container. That it is gone is no error.
func (g *Groups) Remove() error {
	for _, dir := range []string{g.Monitor, g.Control} {
		if dir == "" || dir == g.Control && !g.Made {
			continue
		}
		// Not os.Remove, which would remove a file, too.
		if err := unix.Rmdir(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove resctrl group: %w", &os.PathError{Op: "rmdir", Path: dir, Err: err})
		}
	}
	return nil
}

func write(name, text string) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = f.WriteString(text)
	return err
}
