//go:build linux

package cgmanager

import "testing"

func TestProcsKey(t *testing.T) {
	for _, test := range []struct {
		keys []string
		want string
	}{
		{[]string{""}, ""},
		{[]string{"memory", "freezer", "devices"}, "freezer"},
		{[]string{"name=systemd", "devices", "cpu"}, "devices"},
		{[]string{"cpu", "name=systemd", "name=other"}, "name=other"},
		{[]string{"memory", "cpu"}, "cpu"},
	} {
		paths := make(map[string]string)
		for _, key := range test.keys {
			paths[key] = "/" + key
		}
		if got := procsKey(paths); got != test.want {
			t.Errorf("%q: got %q, want %q", test.keys, got, test.want)
		}
	}
}
