//go:build linux

package systemd

import (
	"fmt"
	"strings"

	"github.com/libcontainer/libcontainer/configs"
)

const (
	sliceSuffix = ".slice"
	scopeSuffix = ".scope"
	rootSlice   = "-.slice"

	// maxUnitName is the longest name of a unit, see systemd.unit(5).
	maxUnitName = 255
)

// unitName gives the container's unit: ScopePrefix-Name.scope, or without a prefix
// Name.scope. A Name that ends in ".slice" is that slice.
func unitName(cg *configs.Cgroup) (string, error) {
	if cg.Path != "" {
		return "", fmt.Errorf("invalid Cgroups.Path %q: systemd places units by slices, see Cgroups.Parent and Cgroups.Name", cg.Path)
	}
	if cg.Name == "" {
		return "", fmt.Errorf("invalid Cgroups.Name: %q is not a name", cg.Name)
	}
	if isSlice(cg.Name) {
		if err := checkSlice(cg.Name); err != nil {
			return "", fmt.Errorf("invalid Cgroups.Name: %w", err)
		}
		return cg.Name, nil
	}
	name := cg.Name
	if cg.ScopePrefix != "" {
		name = cg.ScopePrefix + "-" + name
	}
	unit := escapeUnit(name) + scopeSuffix
	if len(unit) > maxUnitName {
		return "", fmt.Errorf("invalid Cgroups.Name: the unit's name %.40q... has %d bytes, more than %d", unit, len(unit), maxUnitName)
	}
	return unit, nil
}

func isSlice(unit string) bool { return strings.HasSuffix(unit, sliceSuffix) }

// plainInUnit tells whether a byte is allowed in the names of units, see
// systemd.unit(5). "@" would make the unit an instance of a template, and the
// backslash starts an escape.
func plainInUnit(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(":-_.", c) >= 0
}

// escapeUnit writes all bytes that no name of a unit has as \xNN, as
// systemd-escape(1) does, and also a dot at the start.
func escapeUnit(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; plainInUnit(c) && (i > 0 || c != '.') {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// checkSlice refuses what is not the name of a slice, see systemd.slice(5).
func checkSlice(slice string) error {
	if slice == rootSlice {
		return nil
	}
	name, ok := strings.CutSuffix(slice, sliceSuffix)
	switch {
	case !ok:
		return fmt.Errorf("%q is not the name of a slice, such as machine.slice", slice)
	case len(slice) > maxUnitName:
		return fmt.Errorf("the slice's name %.40q... has %d bytes, more than %d", slice, len(slice), maxUnitName)
	}
	for part := range strings.SplitSeq(name, "-") {
		if part == "" {
			return fmt.Errorf(`%q is not the name of a slice: "-" is between the names of slices that are in each other`, slice)
		}
	}
	for i := range len(name) {
		if c := name[i]; !plainInUnit(c) && c != '\\' || i == 0 && c == '.' {
			return fmt.Errorf("%q is not the name of a slice: %q is not allowed there", slice, c)
		}
	}
	return nil
}

// slicesOf gives the slices that a slice is in and then the slice itself, without
// the root slice: "a-b.slice" is in "a.slice".
func slicesOf(slice string) (chain []string) {
	if slice == rootSlice {
		return nil
	}
	name := strings.TrimSuffix(slice, sliceSuffix)
	for i := range len(name) {
		if name[i] == '-' {
			chain = append(chain, name[:i]+sliceSuffix)
		}
	}
	return append(chain, slice)
}

// ExpandSlice gives the cgroup of a slice as a path below the one that systemd manages, the
// root or a user manager's own: "a-b-c.slice" is "a.slice/a-b.slice/a-b-c.slice", and
// "-.slice" is "", that cgroup itself. It asks nobody, so that it is right for slices that
// do not exist, too. An error says that the name is not one of a slice, see
// systemd.slice(5).
func ExpandSlice(slice string) (string, error) {
	if err := checkSlice(slice); err != nil {
		return "", err
	}
	var names []string
	for _, s := range slicesOf(slice) {
		names = append(names, escapeCgroup(s))
	}
	return strings.Join(names, "/"), nil
}

// parentSlice gives the slice that a unit is in.
func parentSlice(cg *configs.Cgroup, fallback string) (string, error) {
	parent := cg.Parent
	if isSlice(cg.Name) {
		return parentOfSlice(cg)
	}
	if parent == "" {
		parent = fallback
	}
	if err := checkSlice(parent); err != nil {
		return "", fmt.Errorf("invalid Cgroups.Parent: %w", err)
	}
	return parent, nil
}

// parentOfSlice gives the slice that a slice is in, which its name tells.
func parentOfSlice(cg *configs.Cgroup) (string, error) {
	chain := slicesOf(cg.Name)
	parent := rootSlice
	if len(chain) > 1 {
		parent = chain[len(chain)-2]
	}
	if cg.Parent != "" && cg.Parent != parent {
		return "", fmt.Errorf("invalid Cgroups.Parent: the slice %s is in %s, not in %q", cg.Name, parent, cg.Parent)
	}
	return parent, nil
}

// escapeCgroup gives the name that systemd gives the cgroup of a unit: one that
// could be a file of the kernel gets a "_".
func escapeCgroup(unit string) string {
	first, _, _ := strings.Cut(unit, ".")
	switch first {
	case "cgroup", "cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids", "bpf-firewall",
		"bpf-devices", "bpf-foreign", "bpf-socket-bind", "bpf-restrict-network-interfaces", "bpf-bind-network-interface":
		return "_" + unit
	}
	if unit[0] == '_' || unit[0] == '.' {
		return "_" + unit
	}
	return unit
}

// cgroupOf gives the cgroup of a unit in a slice, relative to systemd's own.
func cgroupOf(slice, unit string) string {
	path := ""
	for _, s := range slicesOf(slice) {
		path += "/" + escapeCgroup(s)
	}
	return path + "/" + escapeCgroup(unit)
}
