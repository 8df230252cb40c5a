//go:build linux

package fs

import "testing"

func TestProcsKey(t *testing.T) {
	for _, test := range []struct {
		keys []string
		want string
		ok   bool
	}{
		{nil, "", false},
		{[]string{""}, "", true},
		{[]string{"memory", "freezer", "devices"}, "freezer", true},
		{[]string{"name=systemd", "devices", "cpu"}, "devices", true},
		{[]string{"cpu", "name=systemd", "name=other"}, "name=other", true},
		{[]string{"memory", "cpu"}, "cpu", true},
	} {
		if got, ok := procsKey(test.keys); got != test.want || ok != test.ok {
			t.Errorf("%q: got %q, %v, want %q, %v", test.keys, got, ok, test.want, test.ok)
		}
	}
}
