//go:build linux

package fs

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
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

func TestParseDevicesList(t *testing.T) {
	for _, test := range []struct {
		text      string
		want      []string
		allowsAll bool
		wantErr   string
	}{
		{"", nil, false, ""},
		{"a *:* rwm\n", nil, true, ""},
		{"c 1:3 rwm\nb *:* m\nc 1:3 r\n", []string{"b *:* m", "c 1:3 rwm"}, false, ""},
		{"c 1:3 rwm\nc 1:3\n", nil, false, "line 2"},
		{"d 1:3 rwm\n", nil, false, "line 1"},
		{"c 13 rwm\n", nil, false, "line 1"},
		{"c 1:-3 rwm\n", nil, false, "-3"},
		{"c x:3 rwm\n", nil, false, `"x"`},
		{"c 1:3 x\n", nil, false, `"x"`},
	} {
		rules, allowsAll, err := parseDevicesList(test.text)
		if test.wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("%q: got %v, want an error with %q", test.text, err, test.wantErr)
			}
			continue
		}
		if got := rules.strings(); err != nil || allowsAll != test.allowsAll || !slices.Equal(got, test.want) {
			t.Errorf("%q: got %v, %v, %v", test.text, got, allowsAll, err)
		}
	}
}

// What the rules are written as is read back as the same rules.
func FuzzParseDevicesList(f *testing.F) {
	f.Add("a *:* rwm\n")
	f.Add("c 1:3 rwm\nb *:* m\nc 136:* rw\n")
	f.Fuzz(func(t *testing.T, text string) {
		rules, _, err := parseDevicesList(text)
		if err != nil {
			return
		}
		again, _, err := parseDevicesList(strings.Join(rules.strings(), "\n"))
		if err != nil || !maps.Equal(rules, again) {
			t.Errorf("%q: got %v, then %v, %v", text, rules, again, err)
		}
	})
}
