package devices

import (
	"slices"
	"strings"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

const every = configs.Wildcard

func device(t rune, major, minor int64, permissions string) *configs.Device {
	return &configs.Device{Type: t, Major: major, Minor: minor, Permissions: permissions}
}

func TestNew(t *testing.T) {
	null := device('c', 1, 3, "rwm")
	for _, test := range []struct {
		name            string
		allowAll        bool
		allowed, denied []*configs.Device
		want            []string
		wantErr         string
	}{
		{name: "none"},
		{name: "all", allowAll: true},
		{name: "allowed", allowed: []*configs.Device{null, device('b', 8, every, "m")}, want: []string{"b 8:* m", "c 1:3 rwm"}},
		{name: "denied", allowAll: true, denied: []*configs.Device{device('c', every, 3, "wr")}, want: []string{"c *:3 rw"}},
		{name: "the other list", allowed: []*configs.Device{null}, denied: []*configs.Device{nil}, want: []string{"c 1:3 rwm"}},
		{name: "all, the other list", allowAll: true, allowed: []*configs.Device{nil}},
		{name: "both types", allowed: []*configs.Device{device('a', every, every, "m")}, want: []string{"b *:* m", "c *:* m"}},
		{name: "merged", allowed: []*configs.Device{device('c', 1, 3, "m"), device('u', 1, 3, "wr")}, want: []string{"c 1:3 rwm"}},
		{name: "not merged", allowed: []*configs.Device{device('c', 1, 3, "r"), device('c', 1, every, "w")}, want: []string{"c 1:* w", "c 1:3 r"}},
		{name: "fifo", allowed: []*configs.Device{device('p', 0, 0, "")}},
		{name: "highest", allowed: []*configs.Device{device('c', 1<<32-2, 0, "r")}, want: []string{"c 4294967294:0 r"}},

		{name: "nil", allowed: []*configs.Device{null, nil}, wantErr: "AllowedDevices[1]: the device is nil"},
		{name: "no type", allowAll: true, denied: []*configs.Device{device(0, 1, 3, "r")}, wantErr: `DeniedDevices[0]: '\x00' is not a type`},
		{name: "bad type", allowed: []*configs.Device{device('x', 1, 3, "r")}, wantErr: "'x' is not a type"},
		{name: "bad permissions", allowed: []*configs.Device{device('c', 1, 3, "rx")}, wantErr: `"rx"`},
		{name: "no permissions", allowed: []*configs.Device{device('c', 1, 3, "")}, wantErr: "no permissions"},
		{name: "negative", allowed: []*configs.Device{device('c', -2, 3, "r")}, wantErr: "-2 is not a device number"},
		{name: "the kernel's wildcard", allowed: []*configs.Device{device('c', 1, 1<<32-1, "r")}, wantErr: "4294967295 is not a device number"},
		{name: "too high", allowed: []*configs.Device{device('c', 1<<32, 1, "r")}, wantErr: "4294967296 is not a device number"},
	} {
		t.Run(test.name, func(t *testing.T) {
			rules, err := New(test.allowAll, test.allowed, test.denied)
			if test.wantErr != "" {
				if err == nil || !strings.Contains(err.Error(), test.wantErr) {
					t.Errorf("got %v, want an error with %q", err, test.wantErr)
				}
				return
			}
			if err != nil || rules.AllowAll != test.allowAll || !slices.Equal(rules.Exceptions.Lines(), test.want) {
				t.Errorf("got %v, %v, want %q", rules, err, test.want)
			}
		})
	}
}

func TestAllows(t *testing.T) {
	overlap := []*configs.Device{device('c', 1, 3, "r"), device('c', 1, every, "w"), device('c', every, 5, "rw"), device('b', every, every, "m")}
	for _, test := range []struct {
		allowAll     bool
		list         []*configs.Device
		kind         byte
		major, minor uint32
		access       Access
		want         bool
	}{
		{false, nil, 'c', 1, 3, Read, false},
		{false, nil, 'c', 1, 3, 0, false},
		{true, nil, 'b', 8, 0, allAccesses, true},

		{false, overlap, 'c', 1, 3, Read, true},
		{false, overlap, 'c', 1, 3, Write, true},
		{false, overlap, 'c', 1, 3, Read | Write, false}, // no rule has both
		{false, overlap, 'c', 1, 3, Mknod, false},
		{false, overlap, 'c', 1, 3, 0, true},
		{false, overlap, 'c', 1, 4, Read, false},
		{false, overlap, 'c', 1, 4, Write, true},
		{false, overlap, 'c', 1, 5, Read | Write, true},
		{false, overlap, 'c', 2, 5, Read | Write, true},
		{false, overlap, 'c', 2, 3, Read, false},
		{false, overlap, 'c', 2, 3, 0, false},
		{false, overlap, 'b', 1, 3, Mknod, true},
		{false, overlap, 'b', 1, 3, Read, false},

		{true, overlap, 'c', 1, 3, Read, false},
		{true, overlap, 'c', 1, 3, Mknod, true},
		{true, overlap, 'c', 1, 3, 0, true},
		{true, overlap, 'c', 1, 4, Read, true},
		{true, overlap, 'c', 1, 4, Read | Write, false}, // a part is denied
		{true, overlap, 'c', 2, 5, Write, false},
		{true, overlap, 'c', 2, 3, Read | Write, true},
		{true, overlap, 'b', 1, 3, Mknod, false},
		{true, overlap, 'b', 1, 3, Read | Write, true},
	} {
		rules, err := New(test.allowAll, test.list, test.list)
		if err != nil {
			t.Fatal(err)
		}
		if got := rules.Allows(test.kind, test.major, test.minor, test.access); got != test.want {
			t.Errorf("allow all %v, exceptions %q: %c %d:%d %q: got %v", test.allowAll, rules.Exceptions.Lines(),
				test.kind, test.major, test.minor, test.access, got)
		}
	}
}

func TestAllowsAll(t *testing.T) {
	null := device('c', 1, 3, "rwm")
	for _, test := range []struct {
		allowAll bool
		list     []*configs.Device
		want     bool
	}{
		{true, nil, true},
		{true, []*configs.Device{null}, false},
		{false, nil, false},
		{false, []*configs.Device{null}, false},
		{false, []*configs.Device{device('a', every, every, "rwm")}, true},
		{false, []*configs.Device{device('b', every, every, "rwm"), device('c', every, every, "rm"), device('c', every, every, "w")}, true},
		{false, []*configs.Device{device('a', every, every, "rw")}, false},
		{false, []*configs.Device{device('c', every, every, "rwm")}, false},
	} {
		rules, err := New(test.allowAll, test.list, test.list)
		if got := rules.AllowsAll(); err != nil || got != test.want {
			t.Errorf("%v: got %v, %v", rules, got, err)
		}
	}
}

func TestWithout(t *testing.T) {
	list := func(lines string) List {
		rules, err := ParseList(lines)
		if err != nil {
			t.Fatal(err)
		}
		return rules.Exceptions
	}
	got := list("c 1:3 rwm\nc 1:5 r\nb *:* m\n").Without(list("c 1:3 m\nc 1:5 rw\nc *:* m\n")).Lines()
	if want := []string{"b *:* m", "c 1:3 rw"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
