package apparmor

import (
	"errors"
	"testing"
)

func TestApplyProfile(t *testing.T) {
	if err := ApplyProfile(""); err != nil {
		t.Errorf("no profile: %v", err)
	}
	// No such profile is loaded, whether there is AppArmor or not.
	err := ApplyProfile("lctest-missing")
	if err == nil || errors.Is(err, ErrApparmorNotEnabled) == IsEnabled() {
		t.Errorf("a profile that does not exist, enabled %v: error %v", IsEnabled(), err)
	}
}
