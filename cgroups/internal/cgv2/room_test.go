//go:build linux

package cgv2

import (
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

func TestHasRoomInLimits(t *testing.T) {
	unified := func(value string) *configs.Resources {
		return &configs.Resources{Unified: map[string]string{memoryMax: value}}
	}
	for name, test := range map[string]struct {
		r    *configs.Resources
		want bool
	}{
		"no limits":           {nil, true},
		"roomy":               {&configs.Resources{Memory: 1 << 30, MemoryHigh: -1, PidsLimit: 1}, true},
		"little memory":       {&configs.Resources{Memory: 1 << 20}, false},
		"little high memory":  {&configs.Resources{MemoryHigh: 1 << 20}, false},
		"unified":             {unified("1073741824"), true},
		"no unified limit":    {unified("max\n"), true},
		"little unified":      {unified("1048576"), false},
		"unified with a unit": {unified("1G"), false},
	} {
		if got := HasRoom(test.r); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
