//go:build linux

package cgv2

import (
	"testing"

	"github.com/libcontainer/libcontainer/cgroups"
	"github.com/libcontainer/libcontainer/configs"
)

func TestMiscSet(t *testing.T) {
	limit := func(resource string, value int64) configs.Resources {
		return configs.Resources{Misc: map[string]int64{resource: value}}
	}
	runSetTests(t, map[string]string{"misc.max": "sev max\n"}, []setTest{
		{"limit", limit("sev", 5), map[string]string{"misc.max": "sev 5"}, ""},
		{"no limit", limit("sev", -1), map[string]string{"misc.max": "sev max"}, ""},
		{"negative", limit("sev", -2), map[string]string{"misc.max": "sev max"}, `Misc["sev"]: the limit -2`},
		{"two words", limit("a b", 1), nil, "not a single word"},
	})
	runSetTests(t, nil, []setTest{{"old kernel", limit("sev", 5), nil, "came with Linux 5.13"}})
}

func TestMiscStats(t *testing.T) {
	files := map[string]string{"misc.current": "sev 1\n", "misc.max": "sev 3\n"}
	for name, test := range map[string]struct {
		files map[string]string
		want  cgroups.CountStats
	}{
		"with events": {withFile(files, "misc.events", "sev.max 4\n"), cgroups.CountStats{Usage: 1, Limit: 3, Failcnt: 4}},
		"without":     {files, cgroups.CountStats{Usage: 1, Limit: 3}},
	} {
		stats, err := fakeStats(t, "misc", test.files)
		if err != nil {
			t.Fatal(err)
		}
		if got := stats.MiscStats["sev"]; got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}
