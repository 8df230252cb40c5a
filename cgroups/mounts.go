package cgroups

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
)

// Mount is a mounted cgroup v1 hierarchy.
type Mount struct {
	// Mountpoint is where it is mounted.
	Mountpoint string

	// Root is the cgroup visible there.
	Root string

	// Subsystems lists the controllers, or "name=NAME".
	Subsystems []string
}

// GetThisCgroupDir returns the cgroup that cgroups, the result of
// ParseCgroupFile, has for this mount. It is relative to the hierarchy's root,
// not to the mountpoint.
func (m Mount) GetThisCgroupDir(cgroups map[string]string) (string, error) {
	if len(m.Subsystems) == 0 {
		return "", errors.New("cgroup mount without a subsystem")
	}
	return controllerPath(m.Subsystems[0], cgroups)
}

// GetCgroupMounts returns the mounts of cgroup v1 hierarchies. On a machine
// with only cgroup v2 there are none.
func GetCgroupMounts() ([]Mount, error) {
	s, err := CurrentSnapshot()
	if err != nil {
		return nil, err
	}
	mounts := make([]Mount, len(s.mounts))
	for i, m := range s.mounts {
		m.Subsystems = slices.Clone(m.Subsystems)
		mounts[i] = m
	}
	return mounts, nil
}

// FindCgroupMountpoint returns the mountpoint of the hierarchy of subsystem: a
// controller, a name "name=systemd", or "" for cgroup v2. If it is not mounted
// the error is a NotFoundError.
func FindCgroupMountpoint(subsystem string) (string, error) {
	mountpoint, _, err := FindCgroupMountpointAndRoot(subsystem)
	return mountpoint, err
}

// FindCgroupMountpointAndRoot is like FindCgroupMountpoint, and also returns
// the cgroup that is visible at the mountpoint.
func FindCgroupMountpointAndRoot(subsystem string) (string, string, error) {
	h, err := findCurrent(subsystem)
	if err != nil {
		return "", "", err
	}
	return h.Mountpoint, h.Root, nil
}

// FindCgroupMountpointDir returns the directory in which the cgroup v1
// hierarchies are mounted, or on a machine with only cgroup v2 that mountpoint
// itself.
func FindCgroupMountpointDir() (string, error) {
	s, err := CurrentSnapshot()
	if err != nil {
		return "", err
	}
	if len(s.mounts) > 0 {
		return path.Dir(s.mounts[0].Mountpoint), nil
	}
	return FindCgroupMountpoint("")
}

// GetThisCgroupDir returns the calling process's cgroup in the hierarchy of
// subsystem, relative to the hierarchy's root.
func GetThisCgroupDir(subsystem string) (string, error) {
	return cgroupDirOf("/proc/self/cgroup", subsystem)
}

// GetInitCgroupDir returns the cgroup of process 1 in the hierarchy of
// subsystem, relative to the hierarchy's root.
func GetInitCgroupDir(subsystem string) (string, error) {
	return cgroupDirOf("/proc/1/cgroup", subsystem)
}

func cgroupDirOf(file, subsystem string) (string, error) {
	cgroups, err := ParseCgroupFile(file)
	if err != nil {
		return "", err
	}
	return controllerPath(subsystem, cgroups)
}

// controllerPath looks subsystem up. A named hierarchy may be given without
// its prefix.
func controllerPath(subsystem string, cgroups map[string]string) (string, error) {
	for _, key := range []string{subsystem, namedPrefix + subsystem} {
		if dir, ok := cgroups[key]; ok {
			return dir, nil
		}
	}
	return "", NewNotFoundError(subsystem)
}

// GetAllSubsystems returns the names of the controllers which the kernel
// offers and has not disabled, from /proc/cgroups.
func GetAllSubsystems() ([]string, error) {
	f, err := os.Open("/proc/cgroups")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseSubsystems(f)
}

// parseSubsystems parses the columns "subsys_name hierarchy num_cgroups
// enabled" of /proc/cgroups.
func parseSubsystems(r io.Reader) ([]string, error) {
	var names []string
	scanner := newLineScanner(r)
	for line := 1; scanner.Scan(); line++ {
		if strings.HasPrefix(scanner.Text(), "#") {
			continue
		}
		fields := strings.Fields(scanner.Text())
		if len(fields) != 4 {
			return nil, fmt.Errorf("/proc/cgroups line %d: %d fields in %q, want 4", line, len(fields), scanner.Text())
		}
		if fields[3] != "0" {
			names = append(names, fields[0])
		}
	}
	return names, scanner.Err()
}
