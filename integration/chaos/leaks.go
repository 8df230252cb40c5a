// What could be left behind, and the look for it.

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/vishvananda/netlink"

	"github.com/libcontainer/libcontainer/integration/internal/tested"
	"github.com/libcontainer/libcontainer/internal/pidfd"
)

// snapshot is what there is of each kind, as lines.
type snapshot map[string][]string

// look takes a snapshot of all but the processes, which the reaper knows.
func (s *supervisor) look() (snapshot, error) {
	snap := make(snapshot)
	var errs []error
	add := func(kind string, lines []string, err error) {
		snap[kind] = lines
		if err != nil {
			errs = append(errs, fmt.Errorf("look for each %s: %w", kind, err))
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	add("mount", strings.Split(string(mounts), "\n"), err)
	cgroups, err := s.cgroups(string(mounts))
	add("cgroup", cgroups, err)
	devices, err := netDevices()
	add("network device", devices, err)
	files, err := tree(s.dir)
	add("file", files, err)
	return snap, errors.Join(errs...)
}

// beyond tells in which lines a snapshot differs from an earlier one.
func (s snapshot) beyond(before snapshot) (diff []string) {
	for kind, lines := range s {
		for _, line := range lines {
			if !slices.Contains(before[kind], line) {
				diff = append(diff, "left: "+kind+": "+line)
			}
		}
		for _, line := range before[kind] {
			if !slices.Contains(lines, line) {
				diff = append(diff, "gone: "+kind+": "+line)
			}
		}
	}
	slices.Sort(diff)
	return diff
}

// cgroups lists the containers' parent and what is below in every hierarchy.
func (s *supervisor) cgroups(mountinfo string) (list []string, err error) {
	for line := range strings.Lines(mountinfo) {
		left, right, _ := strings.Cut(line, " - ")
		if !strings.HasPrefix(right, "cgroup") {
			continue
		}
		err := filepath.WalkDir(filepath.Join(strings.Fields(left)[4], s.round.Cgroup), func(path string, d fs.DirEntry, err error) error {
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err == nil && d.IsDir() {
				list = append(list, path)
			}
			return err
		})
		if err != nil {
			return list, err
		}
	}
	return list, nil
}

// tree lists the files below a directory but the logs, with what a container could
// have changed of them.
func tree(dir string) (list []string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || strings.HasSuffix(path, ".log") {
			return err
		}
		info, err := d.Info()
		if err == nil {
			list = append(list, info.Mode().String()+" "+path)
		}
		return err
	})
	return list, err
}

// makeNetwork makes a bridge, and a device for each container to get.
func makeNetwork() (bridge string, err error) {
	bridge = "bridge0"
	links := []netlink.Link{&netlink.Bridge{LinkAttrs: named(bridge)}}
	for slot := range slots {
		links = append(links, &netlink.Veth{LinkAttrs: named(deviceName(slot)), PeerName: "peer" + strconv.Itoa(slot)})
	}
	for _, link := range links {
		if err := netlink.LinkAdd(link); err != nil {
			return "", fmt.Errorf("make network device %q: %w", link.Attrs().Name, err)
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return "", fmt.Errorf("bring up network device %q: %w", link.Attrs().Name, err)
		}
	}
	for slot := range slots {
		link, err := netlink.LinkByName(deviceName(slot))
		if err != nil {
			return "", err
		}
		addr, err := netlink.ParseAddr(fmt.Sprintf("198.51.100.%d/24", slot+1))
		if err != nil {
			return "", err
		}
		if err := netlink.AddrAdd(link, addr); err != nil {
			return "", fmt.Errorf("give %q an address: %w", deviceName(slot), err)
		}
	}
	return bridge, nil
}

func named(name string) netlink.LinkAttrs {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	return attrs
}

// netDevices lists the devices of this network namespace with what a container
// could have changed of those that it had.
func netDevices() (list []string, err error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		attrs := link.Attrs()
		about := []string{attrs.Name, link.Type(), attrs.HardwareAddr.String(), (attrs.Flags & net.FlagUp).String()}
		if link.Type() == "bridge" {
			about[2] = "" // that of one of its ports
		}
		addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
		if err != nil {
			return nil, err
		}
		for _, a := range addrs {
			about = append(about, a.IPNet.String())
		}
		list = append(list, strings.Join(about, " "))
	}
	return list, nil
}

// remains tells about all descendants and the state files, for a report.
func (s *supervisor) remains() string {
	var b strings.Builder
	for _, pid := range descendants(os.Getpid()) {
		dir := filepath.Join("/proc", strconv.Itoa(pid))
		fmt.Fprintf(&b, "process %d:", pid)
		for _, name := range []string{"cmdline", "stat", "cgroup", "wchan", "stack"} {
			text, _ := os.ReadFile(filepath.Join(dir, name))
			fmt.Fprintf(&b, "\n\t%s: %s", name, strings.Join(strings.Fields(strings.ReplaceAll(string(text), "\x00", " ")), " "))
		}
		b.WriteString("\n")
	}
	states, _ := filepath.Glob(filepath.Join(s.round.Root, "*", "*.json*"))
	for _, name := range states {
		text, _ := os.ReadFile(name)
		fmt.Fprintf(&b, "%s: %s\n", name, abridge(text))
	}
	if tested.Systemd() {
		fmt.Fprintf(&b, "the cgroups are systemd's: see systemctl status %s\n", s.round.Cgroup)
	}
	return b.String()
}

// abridge leaves out of a state what is the same in all.
func abridge(state []byte) []byte {
	fields := make(map[string]any)
	if err := json.Unmarshal(state, &fields); err != nil {
		return state
	}
	for _, long := range []string{"config", "hooks", "namespace_paths"} {
		delete(fields, long)
	}
	short, err := json.Marshal(fields)
	if err != nil {
		return state
	}
	return short
}

// descendants lists the processes below one.
func descendants(pid int) (list []int) {
	for _, child := range pidfd.Children(pid) {
		list = append(append(list, child), descendants(child)...)
	}
	return list
}
