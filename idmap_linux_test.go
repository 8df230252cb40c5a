package libcontainer

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestParseHostRootID(t *testing.T) {
	for text, want := range map[string]int{
		"         0          0 4294967295\n":                   0,
		"         0     100000      65536\n":                   100000,
		"         5       1000          1\n         0 7 1\n":   7,
		"         0 4294967294          1\n         1 7 100\n": 4294967294,
		"         1     100000      65536\n":                   -1,
		"":                                                     -1,
		"0 1\n":                                                -1,
		"0 x 1\n":                                              -1,
		"0 99999999999 1\n":                                    -1,
	} {
		id, err := parseHostRootID(text)
		if (err != nil) != (want < 0) || err == nil && id != want {
			t.Errorf("%q: id %d, error %v; want %d", text, id, err, want)
		}
	}
}

func TestOwnIDOnly(t *testing.T) {
	for _, tt := range []struct {
		maps []configs.IDMap
		want bool
	}{
		{[]configs.IDMap{{ContainerID: 0, HostID: 1000, Size: 1}}, true},
		{[]configs.IDMap{{ContainerID: 5, HostID: 1000, Size: 1}}, true},
		{[]configs.IDMap{{ContainerID: 0, HostID: 1000, Size: 2}}, false},
		{[]configs.IDMap{{ContainerID: 0, HostID: 1001, Size: 1}}, false},
		{[]configs.IDMap{{ContainerID: 0, HostID: 1000, Size: 1}, {ContainerID: 1, HostID: 2000, Size: 1}}, false},
		{nil, false},
	} {
		if got := ownIDOnly(tt.maps, 1000); got != tt.want {
			t.Errorf("%v: %v", tt.maps, got)
		}
	}
}
