package configs

import "testing"

func TestRlimitType(t *testing.T) {
	if n, ok := RlimitType("RLIMIT_NOFILE"); n != 7 || !ok {
		t.Errorf("RLIMIT_NOFILE is %d, %v", n, ok)
	}
	for _, name := range []string{"", "NOFILE", "rlimit_nofile"} {
		if n, ok := RlimitType(name); ok {
			t.Errorf("%q is %d", name, n)
		}
	}
}
