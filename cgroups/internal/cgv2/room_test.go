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

func TestHasRoomInCgroup(t *testing.T) {
	roomy := map[string]string{memoryMax: "max\n", memoryHigh: "max\n", memoryCurrent: "0\n", pidsMax: "max\n", "pids.current": "1\n"}
	small := func(file, value string) map[string]string { return withFile(roomy, file, value) }
	for name, test := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"roomy":               {roomy, true},
		"without controllers": {nil, true},
		"much memory":         {small(memoryMax, "1073741824\n"), true},
		"little memory":       {small(memoryMax, "1048576\n"), false},
		"little high memory":  {small(memoryHigh, "1048576\n"), false},
		"few tasks":           {small(pidsMax, "30\n"), false},
		"over the limit":      {withFile(small(pidsMax, "30\n"), "pids.current", "40\n"), false},
		"unreadable":          {without1(small(pidsMax, "300\n"), "pids.current"), false},
	} {
		if got := fakeCgroup(t, test.files).HasRoom(); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
