//world:any

package integration

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/libcontainer/libcontainer/configs"
)

// ownProcesses is a script that says what the numbers in /proc are: a fresh procfs has
// the shell alone.
const ownProcesses = `cd /proc && echo [0-9]*`

// A procfs on /proc is the container's own, whatever was there.
func TestProcOverProc(t *testing.T) {
	if !inSharedNamespace(t) {
		return
	}
	fresh := configs.Mount{Source: "proc", Destination: "/proc", Device: "proc", Flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC}
	for name, prepare := range map[string]func(t *testing.T, config *configs.Config){
		"in the root file system": func(t *testing.T, config *configs.Config) {
			hostMount(t, "proc", config.Rootfs+"/proc", "proc", 0)
		},
		"twice in it": func(t *testing.T, config *configs.Config) {
			hostMount(t, "proc", config.Rootfs+"/proc", "proc", 0)
			hostMount(t, "proc", config.Rootfs+"/proc", "proc", unix.MS_NODEV)
		},
		"listed twice": func(t *testing.T, config *configs.Config) { addMount(config, fresh) },
		"a bind of the host's, and then": func(t *testing.T, config *configs.Config) {
			config.Mounts[0].Source, config.Mounts[0].Device = "/proc", "bind"
			config.Mounts[0].Flags = unix.MS_BIND | unix.MS_REC
			addMount(config, fresh)
		},
	} {
		for _, userns := range []bool{false, true} {
			t.Run(name+map[bool]string{true: ", user namespace"}[userns], func(t *testing.T) {
				config := newConfig(t)
				if config.Mounts[0].Destination != "/proc" {
					t.Fatalf("the first mount is on %s", config.Mounts[0].Destination)
				}
				if userns {
					withUserNS(t, config, 100000)
				}
				prepare(t, config)
				got := runShell(t, config, ownProcesses+"; cat /proc/timer_list /proc/keys | head -c 10; "+mountLine("/proc")+" | tail -1")
				processes, options, _ := strings.Cut(got, "\n")
				wantOutput(t, processes, "1")
				wantOptions(t, options, "nosuid", "nodev", "noexec", "proc")
			})
		}
	}
}
