package main

import (
	"fmt"
	"strings"
)

// A world is a layout of cgroups, with systemd as the first process.
type world struct {
	name    string
	suite   string // the release whose kernel it has
	cmdline string // what systemd is told about cgroups
}

const legacy = "systemd.unified_cgroup_hierarchy=0 SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"

// worlds are all of them. Version 1 needs an old kernel: Debian 13's has neither
// its memory nor its cpuset controller.
var worlds = []world{
	{name: "v2", suite: rootSuite},
	{name: "v1", suite: oldSuite, cmdline: legacy + " systemd.legacy_systemd_cgroup_controller=1"},
	{name: "hybrid", suite: oldSuite, cmdline: legacy + " cgroup_no_v1=hugetlb"}, // so cgroup v2 has a controller
}

// kernelCommandLine is the same in all worlds but for the layout of cgroups. The
// last options spare an emulated machine some work.
func (w world) kernelCommandLine() string {
	return strings.TrimSpace("console=ttyS0 quiet panic=-1 lsm=landlock,yama,apparmor apparmor=1 " +
		"mitigations=off init_on_alloc=0 rcupdate.rcu_expedited=1 " + w.cmdline)
}

// findWorlds gives the worlds of that name, or all of them for "all".
func findWorlds(name string) ([]world, error) {
	if name == "all" {
		return worlds, nil
	}
	for _, w := range worlds {
		if w.name == name {
			return []world{w}, nil
		}
	}
	return nil, fmt.Errorf("no world %q: there are v2, v1 and hybrid", name)
}
