package cgroups

import (
	"encoding/json"
	"testing"
)

// Maps of new statistics can be written to.
func TestNewStats(t *testing.T) {
	s := NewStats()
	s.MemoryStats.Stats["cache"] = 1
	s.HugetlbStats["2MB"] = HugetlbStats{Usage: 1}
	s.PidsStats.Limit = 3
	got, err := json.Marshal(s.PidsStats)
	if want := `{"limit":3}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
