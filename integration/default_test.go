//world:any

package integration

import (
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// The default configuration has the default profile, for the program and for further ones,
// with the capabilities of the configuration.
func TestDefaultProfileIsOn(t *testing.T) {
	const seccompOf = "grep '^Seccomp:' /proc/self/status | cut -f2; "
	const newUTS = "unshare -u true 2>/dev/null && echo may || echo may not"
	for _, test := range []struct {
		name string
		edit func(*configs.Config)
		want string
	}{
		{"default", func(*configs.Config) {}, "2\nmay not"},
		{"with a user namespace", func(c *configs.Config) { mapped(usual)(nil, c, nil) }, "2\nmay not"},
		{"with new privileges", func(c *configs.Config) { c.NoNewPrivileges = false }, "2\nmay not"},
		{"with the capability", func(c *configs.Config) { c.Capabilities = append(c.Capabilities, "CAP_SYS_ADMIN") }, "2\nmay"},
		{"with the capability in a set", func(c *configs.Config) {
			list := append(c.Capabilities, "CAP_SYS_ADMIN")
			c.Capabilities, c.CapabilitySets = nil, &configs.CapabilitySets{Bounding: list, Effective: list, Permitted: list}
		}, "2\nmay"},
		{"with none", func(c *configs.Config) {
			c.DefaultSeccomp, c.Capabilities = false, append(c.Capabilities, "CAP_SYS_ADMIN")
		}, "0\nmay"},
		{"with another", func(c *configs.Config) {
			c.Seccomp = &configs.Seccomp{DefaultAction: configs.Allow}
			c.Capabilities = append(c.Capabilities, "CAP_SYS_ADMIN")
		}, "2\nmay"},
	} {
		t.Run(test.name, func(t *testing.T) {
			config := newConfig(t)
			test.edit(config)
			container := newContainer(t, config)
			startUntilReady(t, container, "echo ready; exec cat")
			if got := execShell(t, container, seccompOf+newUTS); got != test.want {
				t.Errorf("a further process: %q, want %q", got, test.want)
			}
			other := newConfig(t)
			other.Cgroups.Name += "-other"
			test.edit(other)
			if got := runShell(t, other, seccompOf+newUTS); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// What tells of other containers reads as empty, also where a path is a pattern.
func TestMasksByPattern(t *testing.T) {
	config := newConfig(t)
	got := runShell(t, config, `
for f in /proc/interrupts /proc/timer_list /proc/keys; do [ -s "$f" ] || ! [ -r "$f" ] || wc -c <"$f"; done
for d in /proc/asound /proc/acpi /proc/scsi /sys/firmware /sys/devices/virtual/powercap /sys/devices/system/cpu/cpu*/thermal_throttle; do
	[ ! -d "$d" ] || ls -A "$d"
done`)
	if got := strings.Trim(got, "0\n "); got != "" {
		t.Errorf("what is masked has %q", got)
	}
	// Each machine has these directories of its processors, and not all have throttling.
	config = newConfig(t)
	config.MaskPaths = []string{"/sys/devices/system/cpu/cpu[0-9]*/topology", "/proc/no/such*"}
	got = runShell(t, config, `ls -d /sys/devices/system/cpu/cpu0/topology && ls -A /sys/devices/system/cpu/cpu*/topology/`)
	if strings.Contains(got, "core_id") || !strings.HasPrefix(got, "/sys/devices/system/cpu/cpu0/topology") {
		t.Errorf("masked directories hold %q", got)
	}
}

// The counters of thermal throttling are hidden for each processor, of which there may be
// more than nine. The container has the host's sysfs, where such counters are put.
func TestThermalThrottlingOfEachProcessor(t *testing.T) {
	if !runAgain(t, "unshare", "--mount", "--propagation", "private") {
		return
	}
	const processors, dir = 12, "/sys/devices/system/cpu"
	hostMount(t, "tmpfs", dir, "tmpfs", 0)
	for i := range processors {
		write(t, "17", dir, "cpu"+itoa(i), "thermal_throttle/core_throttle_count")
	}
	config := newConfig(t)
	withUserNS(t, config, 100000)
	config.Namespaces.Remove(configs.NEWNET)
	config.Networks = nil
	got := runShell(t, config, "ls -d "+dir+"/cpu*/thermal_throttle | wc -l; ls -A "+dir+"/cpu*/thermal_throttle | grep -v : | grep .; true")
	wantOutput(t, got, itoa(processors))
}
