//go:build linux

package fs

import (
	"path/filepath"
	"testing"

	"github.com/libcontainer/libcontainer/cgroups/internal/cgdir"
	"github.com/libcontainer/libcontainer/cgroups/internal/cglimit"
	"github.com/libcontainer/libcontainer/configs"
)

const allowsAllList = "a *:* rwm\n"

func device(t rune, major, minor int64, permissions string) *configs.Device {
	return &configs.Device{Type: t, Major: major, Minor: minor, Permissions: permissions}
}

func TestDevicesSet(t *testing.T) {
	fresh := map[string]string{devicesList: allowsAllList, devicesAllow: "", devicesDeny: ""}
	live := map[string]string{devicesList: "c 1:3 rwm\nc 136:* rw\n", devicesAllow: "", devicesDeny: ""}
	allowed := func(list ...*configs.Device) configs.Resources {
		return configs.Resources{AllowedDevices: list}
	}
	denied := func(list ...*configs.Device) configs.Resources {
		return configs.Resources{AllowAllDevices: true, DeniedDevices: list}
	}
	ordered := func(list ...*configs.DeviceRule) configs.Resources {
		return configs.Resources{DeviceRules: list, AllowedDevices: []*configs.Device{nil}}
	}
	rule := func(allow bool, major, minor int64, permissions string) *configs.DeviceRule {
		return &configs.DeviceRule{Allow: allow, Type: 'c', Major: major, Minor: minor, Permissions: permissions}
	}
	null, ptys := device('c', 1, 3, "rwm"), device('c', 136, configs.Wildcard, "rwm")
	runSetTests(t, "devices", []setTest{
		{"none", fresh, allowed(), map[string]string{devicesDeny: "a", devicesAllow: ""}, ""},
		{"some", fresh, allowed(null, ptys, device('b', 8, 0, "r")),
			map[string]string{devicesDeny: "a", devicesAllow: "b 8:0 r\nc 136:* rwm\nc 1:3 rwm"}, ""},
		{"both types", fresh, allowed(device('a', -1, -1, "m")),
			map[string]string{devicesDeny: "a", devicesAllow: "b *:* m\nc *:* m"}, ""},
		{"merged", fresh, allowed(device('c', 1, 3, "m"), device('u', 1, 3, "wr")),
			map[string]string{devicesAllow: "c 1:3 rwm"}, ""},
		{"fifo", fresh, allowed(device('p', 0, 0, "")), map[string]string{devicesAllow: ""}, ""},
		{"the difference", live, allowed(device('c', 1, 3, "r"), ptys),
			map[string]string{devicesAllow: "c 136:* m", devicesDeny: "c 1:3 wm"}, ""},
		{"no difference", live, allowed(null, device('c', 136, -1, "rw")),
			map[string]string{devicesAllow: "", devicesDeny: ""}, ""},
		{"all", live, denied(), map[string]string{devicesAllow: "a", devicesDeny: ""}, ""},
		{"all but some", live, denied(null), map[string]string{devicesAllow: "a", devicesDeny: "c 1:3 rwm"}, ""},
		{"ordered", live, ordered(rule(true, 1, 3, "rwm"), rule(true, 136, -1, "rw"), rule(false, 1, 3, "w")),
			map[string]string{devicesAllow: "", devicesDeny: "c 1:3 w"}, ""},
		{"ordered, no list", live, ordered(rule(true, 1, -1, "rwm"), rule(false, 1, 3, "w")),
			map[string]string{devicesAllow: "", devicesDeny: ""}, "have no order"},
		{"ordered, nil", live, ordered(nil), nil, "DeviceRules[0]: the device is nil"},
		{"skipped", live, configs.Resources{SkipDevices: true, AllowedDevices: []*configs.Device{nil}},
			map[string]string{devicesAllow: "", devicesDeny: ""}, ""},
		{"skipped, not mounted", nil, configs.Resources{SkipDevices: true}, nil, ""},
		{"no type", fresh, allowed(device(0, 1, 3, "r")), map[string]string{devicesDeny: ""}, "AllowedDevices[0]: '\\x00'"},
		{"bad permissions", fresh, allowed(device('c', 1, 3, "rx")), map[string]string{devicesDeny: ""}, `"rx"`},
		{"no permissions", fresh, allowed(device('c', 1, 3, "")), map[string]string{devicesDeny: ""}, "no permissions"},
		{"bad major", fresh, allowed(device('c', -2, 3, "r")), nil, "-2 is not a device number"},
		{"bad minor", fresh, denied(device('c', 1, 1<<32, "r")), nil, "DeniedDevices[0]: 4294967296"},
		{"nil", fresh, allowed(nil), nil, "AllowedDevices[0]: the device is nil"},
		{"bad list", map[string]string{devicesList: "x\n"}, allowed(), nil, "devices.list: line 1"},
	})
}

// A manager that has made the cgroup knows what is denied there.
func TestDevicesDenyAgain(t *testing.T) {
	dir := fakeCgroup(t, map[string]string{devicesList: allowsAllList, devicesAllow: "", devicesDeny: ""})
	d, err := cgdir.Open(dir, cgdir.Any)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c := devices{state: &deviceState{known: true}}
	null, zero := device('c', 1, 3, "rwm"), device('c', 1, 5, "rwm")
	for _, step := range []struct {
		denied      []*configs.Device
		allow, deny string
	}{
		{nil, "", ""},
		{[]*configs.Device{null}, "", "c 1:3 rwm"},
		{[]*configs.Device{null}, "", ""},
		{[]*configs.Device{zero}, "c 1:3 rwm", "c 1:5 rwm"},
		{nil, "c 1:5 rwm", ""},
	} {
		fill(t, dir, map[string]string{devicesAllow: "", devicesDeny: ""})
		r := &configs.Resources{AllowAllDevices: true, DeniedDevices: step.denied}
		if err := c.set(&setter{Dir: d, Journal: new(cglimit.Journal)}, r); err != nil {
			t.Fatal(err)
		}
		allow, deny := readFile(t, filepath.Join(dir, devicesAllow)), readFile(t, filepath.Join(dir, devicesDeny))
		if allow != step.allow || deny != step.deny {
			t.Errorf("denying %v: allowed %q, denied %q, want %q, %q", step.denied, allow, deny, step.allow, step.deny)
		}
	}
}
