package seccomp

import (
	"slices"
	"testing"
)

func TestSupportedFlags(t *testing.T) {
	supported := SupportedFlags()
	for _, flag := range supported {
		if !slices.Contains(Flags(), flag) {
			t.Errorf("%s is supported, and not known", flag)
		}
	}
	// These are older than all kernels that the library runs on.
	for _, flag := range []string{"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW"} {
		if IsEnabled() && !slices.Contains(supported, flag) {
			t.Errorf("%s is not supported: %q", flag, supported)
		}
	}
}
