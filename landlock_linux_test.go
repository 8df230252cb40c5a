package libcontainer

import (
	"slices"
	"testing"

	"github.com/libcontainer/libcontainer/configs"
)

// Nothing that was asked for is dropped without a word, whatever the kernel has.
func TestLandlockOf(t *testing.T) {
	all := &configs.Landlock{TCP: new(configs.LandlockTCP), NoSignals: true, NoAbstractSockets: true}
	few := &configs.Landlock{Denied: configs.LandlockWriteFile | configs.LandlockTruncate}
	for _, test := range []struct {
		l       *configs.Landlock
		version int
		access  configs.LandlockAccess
		net     uint64
		scopes  uint64
		missing int
	}{
		{nil, 7, 0, 0, 0, 0},
		{all, 0, 0, 0, 0, 7},
		{all, 1, 1<<13 - 1, 0, 0, 6},
		{all, 2, 1<<14 - 1, 0, 0, 5},
		{all, 3, 1<<15 - 1, 0, 0, 4},
		{all, 4, 1<<15 - 1, 3, 0, 3},
		{all, 5, 1<<16 - 1, 3, 0, 2},
		{all, 6, 1<<16 - 1, 3, 3, 0},
		{all, 9, 1<<16 - 1, 3, 3, 0},
		{few, 1, configs.LandlockWriteFile, 0, 0, 1},
		{few, 3, configs.LandlockWriteFile | configs.LandlockTruncate, 0, 0, 0},
	} {
		rules, missing := landlockOf(test.l, test.version)
		if len(missing) != test.missing {
			t.Errorf("version %d: missing %q, want %d", test.version, missing, test.missing)
		}
		if (rules == nil) != (test.access == 0 && test.net == 0) {
			t.Errorf("version %d: rules %+v", test.version, rules)
		} else if rules != nil && (rules.access != test.access || rules.net != test.net || rules.scopes != test.scopes) {
			t.Errorf("version %d: rules %+v, want %+v", test.version, rules, test)
		}
	}
	if _, missing := landlockOf(all, 5); !slices.Contains(missing, "signals") {
		t.Errorf("missing %q", missing)
	}
}
