//go:build linux

package fs

import "testing"

// The controller has no files: statistics are read without any.
func TestPerfEventStats(t *testing.T) {
	if _, err := fakeStats(t, "perf_event", nil); err != nil {
		t.Error(err)
	}
}
