package configs

import (
	"fmt"
	"slices"
	"testing"
)

func TestDefaultDevices(t *testing.T) {
	simple := []string{
		"/dev/null c 1:3 rwm 0666",
		"/dev/zero c 1:5 rwm 0666",
		"/dev/full c 1:7 rwm 0666",
		"/dev/tty c 5:0 rwm 0666",
		"/dev/urandom c 1:9 rwm 0666",
		"/dev/random c 1:8 rwm 0666",
	}
	allowed := []string{
		" c *:* m 00",
		" b *:* m 00",
		"/dev/console c 5:1 rwm 00",
		" c 136:* rwm 00",
		" c 5:2 rwm 00",
		" c 10:200 rwm 00",
	}
	tests := []struct {
		name    string
		devices []*Device
		want    []string
	}{
		{"DefaultSimpleDevices", DefaultSimpleDevices, simple},
		{"DefaultAllowedDevices", DefaultAllowedDevices, slices.Concat(allowed, simple)},
		{"DefaultAutoCreatedDevices", DefaultAutoCreatedDevices, slices.Concat([]string{"/dev/fuse c 10:229 rwm 00"}, simple)},
	}
	for _, tt := range tests {
		var got []string
		for _, d := range tt.devices {
			got = append(got, fmt.Sprintf("%s %s 0%o", d.Path, d.CgroupString(), d.FileMode))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s:\n got %q\nwant %q", tt.name, got, tt.want)
		}
	}
}
