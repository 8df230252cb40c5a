package validate

import (
	"path"
	"strings"
	"testing"
)

// FuzzSysctlName shows that whatever key is accepted names a file below
// /proc/sys, and the one that it says.
func FuzzSysctlName(f *testing.F) {
	for _, key := range []string{
		"net.ipv4.ip_forward", "net/ipv4/ip_forward", "net.ipv4.conf.eth0/1.forwarding",
		"net/../kernel", "net.//.kernel", "", ".", "..", "net..x", "a\x00b",
	} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		name, err := sysctlName(key)
		if err != nil {
			return
		}
		if joined := path.Join("/proc/sys", name); joined != "/proc/sys/"+name {
			t.Errorf("%q names %q", key, joined)
		}
		if strings.ContainsRune(name, 0) || len(name) != len(key) {
			t.Errorf("%q became %q", key, name)
		}
	})
}
