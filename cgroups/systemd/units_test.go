//go:build linux

package systemd

import (
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestUnitName(t *testing.T) {
	long := strings.Repeat("x", 250)
	for _, test := range []struct {
		prefix, name, want, wantErr string
	}{
		{"", "web", "web.scope", ""},
		{"docker", "web", "docker-web.scope", ""},
		{"", "a+b", `a\x2bb.scope`, ""},
		{"", "a b/c", `a\x20b\x2fc.scope`, ""},
		{"", `a\b@c`, `a\x5cb\x40c.scope`, ""},
		{"", ".hidden", `\x2ehidden.scope`, ""},
		{"", "ä", `\xc3\xa4.scope`, ""},
		{"", "web.scope", "web.scope.scope", ""},
		{"ignored", "pod-1.slice", "pod-1.slice", ""},
		{"", "", "", "is not a name"},
		{"", long, "", "more than 255"},
		{"", "a--b.slice", "", "not the name of a slice"},
		{"", "é.slice", "", "is not allowed"},
	} {
		got, err := unitName(&configs.Cgroup{ScopePrefix: test.prefix, Name: test.name})
		checkResult(t, test.name, got, test.want, err, test.wantErr)
	}
}

// checkResult compares what a call returned with what it should have.
func checkResult(t *testing.T, what, got, want string, err error, wantErr string) {
	t.Helper()
	switch {
	case wantErr == "" && err != nil:
		t.Errorf("%s: %v", what, err)
	case wantErr != "" && (err == nil || !strings.Contains(err.Error(), wantErr)):
		t.Errorf("%s: error %v, want one with %q", what, err, wantErr)
	case got != want:
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestParentSlice(t *testing.T) {
	for _, test := range []struct {
		name, parent, want, wantErr string
	}{
		{"c", "", "system.slice", ""},
		{"c", "machine.slice", "machine.slice", ""},
		{"c", "-.slice", "-.slice", ""},
		{"c", "a-b_c.d-e.slice", "a-b_c.d-e.slice", ""},
		{"c", "/docker", "", `"/docker" is not the name of a slice`},
		{"c", "a/b.slice", "", `'/' is not allowed`},
		{"c", "-a.slice", "", "not the name of a slice"},
		{"c", "a-.slice", "", "not the name of a slice"},
		{"c", "a--b.slice", "", "not the name of a slice"},
		{"c", ".slice", "", "not the name of a slice"},
		{"c", "..slice", "", "is not allowed"},
		{"c", "a@b.slice", "", `'@' is not allowed`},
		{"c", strings.Repeat("x", 260) + ".slice", "", "more than 255"},
		{"a-b-c.slice", "", "a-b.slice", ""},
		{"a.slice", "", "-.slice", ""},
		{"a-b.slice", "a.slice", "a.slice", ""},
		{"a-b.slice", "x.slice", "", `is in a.slice, not in "x.slice"`},
	} {
		got, err := parentSlice(&configs.Cgroup{Name: test.name, Parent: test.parent}, "system.slice")
		checkResult(t, test.name+" in "+test.parent, got, test.want, err, test.wantErr)
	}
}

func TestCgroupOf(t *testing.T) {
	for _, test := range []struct{ slice, unit, want string }{
		{"-.slice", "c.scope", "/c.scope"},
		{"machine.slice", "c.scope", "/machine.slice/c.scope"},
		{"a-b-c.slice", "x-y.scope", "/a.slice/a-b.slice/a-b-c.slice/x-y.scope"},
		{"-.slice", "a.slice", "/a.slice"},
		{"memory.slice", "cpu.scope", "/_memory.slice/_cpu.scope"},
		{"-.slice", "_c.scope", "/__c.scope"},
		{"-.slice", "cgroup.scope", "/_cgroup.scope"},
		{"-.slice", "memories.scope", "/memories.scope"},
	} {
		if got := cgroupOf(test.slice, test.unit); got != test.want {
			t.Errorf("%s in %s: %q, want %q", test.unit, test.slice, got, test.want)
		}
	}
}

func TestUserAddresses(t *testing.T) {
	names := func(env map[string]string) (list []string) {
		for _, a := range userAddresses(1000, func(name string) string { return env[name] }) {
			list = append(list, a.name)
		}
		return list
	}
	for _, test := range []struct {
		env  map[string]string
		want []string
	}{
		{nil, []string{"unix:path=/run/user/1000/bus", "unix:path=/run/user/1000/systemd/private"}},
		{map[string]string{"XDG_RUNTIME_DIR": "/my dir"}, []string{"unix:path=/my%20dir/bus", "unix:path=/my%20dir/systemd/private"}},
		{map[string]string{"DBUS_SESSION_BUS_ADDRESS": "unix:abstract=x", "XDG_RUNTIME_DIR": "/r"},
			[]string{"unix:abstract=x", "unix:path=/r/bus", "unix:path=/r/systemd/private"}},
	} {
		if got := names(test.env); !slices.Equal(got, test.want) {
			t.Errorf("%v: %q, want %q", test.env, got, test.want)
		}
	}
}

func TestOuterID(t *testing.T) {
	const ranges = "         0       1000          1\n         1     100000      65536\n"
	for _, test := range []struct {
		idMap    string
		id, want int
	}{
		{"         0          0 4294967295\n", 0, 0},
		{ranges, 0, 1000},
		{ranges, 1, 100000},
		{ranges, 70000, 70000},
		{"nonsense\n", 5, 5},
	} {
		if got := outerID(test.idMap, test.id); got != test.want {
			t.Errorf("%q: %d is %d, want %d", test.idMap, test.id, got, test.want)
		}
	}
}

func TestParseVersion(t *testing.T) {
	for text, want := range map[string]int{"257.8-1~deb13u1": 257, "v245": 245, "252": 252, "258~rc1": 258, "": 0, "systemd": 0, "-3": 0} {
		got, err := parseVersion(text)
		if got != want || (err != nil) != (want == 0) {
			t.Errorf("%q: %d, error %v; want %d", text, got, err, want)
		}
	}
}
