package configs

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestCgroupStrings(t *testing.T) {
	weight := NewWeightDevice(8, 0, 500, 20)
	tests := []struct {
		name, got, want string
	}{
		{"device", (&Device{Type: 'c', Major: 1, Minor: 3, Permissions: "rwm"}).CgroupString(), "c 1:3 rwm"},
		{"wildcards", (&Device{Type: 'b', Major: Wildcard, Minor: Wildcard, Permissions: "m"}).CgroupString(), "b *:* m"},
		{"minor wildcard", (&Device{Type: 'c', Major: 136, Minor: Wildcard, Permissions: "rw"}).CgroupString(), "c 136:* rw"},
		{"throttle", NewThrottleDevice(8, 0, 1048576).String(), "8:0 1048576"},
		{"throttle without limit", NewThrottleDevice(253, 17, 1<<64-1).String(), "253:17 18446744073709551615"},
		{"weight", weight.WeightString(), "8:0 500"},
		{"leaf weight", weight.LeafWeightString(), "8:0 20"},
		{"priority", (&IfPrioMap{Interface: "eth0", Priority: 5}).CgroupString(), "eth0 5"},
	}
	for _, tt := range tests {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, tt.got, tt.want)
		}
	}
}

func TestMkdev(t *testing.T) {
	tests := []struct {
		major, minor int64
		want         int
	}{
		{1, 3, 0x103},
		{8, 255, 0x8ff},
		{8, 256, 0x100800},
		{0xfff, 0xfffff, 0xffffffff},
		{0x1000, 0, 0x1000 << 32},
	}
	for _, tt := range tests {
		if got := (&Device{Major: tt.major, Minor: tt.minor}).Mkdev(); got != tt.want {
			t.Errorf("Mkdev of %d:%d = %#x, want %#x", tt.major, tt.minor, got, tt.want)
		}
	}
}

func TestIsBind(t *testing.T) {
	tests := []struct {
		flags int
		want  bool
	}{
		{0, false},
		{unix.MS_RDONLY | unix.MS_REC, false},
		{unix.MS_BIND, true},
		{unix.MS_BIND | unix.MS_REC | unix.MS_RDONLY, true},
	}
	for _, tt := range tests {
		if got := (&Mount{Flags: tt.flags}).IsBind(); got != tt.want {
			t.Errorf("IsBind with flags %#x = %v, want %v", tt.flags, got, tt.want)
		}
	}
}
