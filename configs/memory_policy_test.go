package configs

import (
	"slices"
	"strings"
	"testing"
)

func TestParseNodes(t *testing.T) {
	if got, err := ParseNodes("1023,0-2"); err != nil || !slices.Equal(got, []int{0, 1, 2, 1023}) {
		t.Errorf("%v, error %v", got, err)
	}
	for list, want := range map[string]string{"1024": "1024 is above 1023", "x": `list of NUMA nodes "x"`} {
		if got, err := ParseNodes(list); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseNodes(%q) = %v, %v; want an error with %q", list, got, err, want)
		}
	}
}
