//world:any

package integration

import (
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
	"github.com/libcontainer/libcontainer/features"
)

// Every option of mounts that is told to be known works, and does what its name says.
func TestEveryMountOption(t *testing.T) {
	config := newConfig(t)
	source := publicTempDir(t)
	// Options of /proc/self/mountinfo, by option; "!" stands for one that is not there.
	shows := map[string]string{
		"ro": "ro", "rw": "rw", "nosuid": "nosuid", "nodev": "nodev", "noexec": "noexec", "noatime": "noatime",
		"nodiratime": "nodiratime", "relatime": "relatime", "nosymfollow": "nosymfollow", "strictatime": "!relatime",
		"rro": "ro", "rnosuid": "nosuid", "rnodev": "nodev", "rnoexec": "noexec", "rnoatime": "noatime",
		"rnodiratime": "nodiratime", "rnosymfollow": "nosymfollow", "rstrictatime": "!relatime", "rrelatime": "relatime",
		"sync": "sync", "dirsync": "dirsync", "lazytime": "lazytime",
		"shared": "shared:", "rshared": "shared:", "unbindable": "unbindable", "runbindable": "unbindable",
		"private": "!shared:", "rprivate": "!shared:",
	}
	options := features.Known().MountOptions
	for _, option := range options {
		m := configs.Mount{Source: "tmpfs", Destination: "/mnt/" + option, Device: "tmpfs"}
		switch option {
		case "bind", "rbind":
			m.Source, m.Device = source, "bind"
		case "remount":
			addMount(config, m)
		case "idmap", "ridmap":
			m.Source, m.Device = source, "bind"
			m.SetOptions([]string{"bind", option})
			m.UidMappings = []configs.IDMap{{ContainerID: 0, HostID: 5000, Size: 1}}
			m.GidMappings = m.UidMappings
			addMount(config, m)
			continue
		}
		m.SetOptions([]string{option})
		addMount(config, m)
	}
	found := make(map[string]string)
	for line := range strings.Lines(runShell(t, config, "cat /proc/self/mountinfo; stat -c 'owner %u' /mnt/idmap /mnt/ridmap")) {
		fields := strings.Fields(line)
		if fields[0] == "owner" {
			found["owner"] += fields[1] + " "
			continue
		}
		if option, ok := strings.CutPrefix(fields[4], "/mnt/"); ok {
			dash := slices.Index(fields, "-")
			found[option] = "," + fields[5] + "," + strings.Join(fields[6:dash], ",") + "," + fields[dash+3] + ","
		}
	}
	if found["owner"] != "5000 5000 " {
		t.Errorf("the owners of mounts with mapped ids are %q", found["owner"])
	}
	for _, option := range options {
		have, ok := found[option]
		if !ok {
			t.Errorf("%s: nothing is mounted", option)
		}
		want, not := shows[option], false
		if want, not = strings.CutPrefix(want, "!"); strings.Contains(have, ","+want) == not && want != "" {
			t.Errorf("%s: the mount has %q, want %q", option, have, shows[option])
		}
	}
}
